SELECT
    CASE
        WHEN BOOL_OR(verdict = 'regressed') THEN 3
        WHEN COUNT(*) = 0 OR BOOL_AND(verdict = 'insufficient_data') THEN 4
        WHEN BOOL_OR(verdict = 'insufficient_data' AND is_key) THEN 4
        ELSE 0
    END AS exit_status
FROM release_verdicts
JOIN measures USING (measure)
WHERE channel = 'beta' AND version = '60.0b7'
