WITH looks AS (
    SELECT
        application,
        measure,
        version,
        age_hours,
        verdict,
        expected_events,
        expected_lower IS NOT NULL AND events BETWEEN expected_lower AND expected_upper AS is_inside,
        lack IS NULL AS is_judged,
        is_last_look,
        -- As if the board had a single cell.
        max_log_e >= LN(1 / 0.05) AS is_regressed_alone,
        regressed_age_hours
    FROM verdict_looks
    WHERE version_major(version) > 4
        AND (measure = 'main_crashes'
            OR measure IN ('startup_crashes', 'content_crashes', 'content_shutdown_crashes') AND version_major(version) % 5 = 0)
),
releases_judged AS (
    SELECT
        application,
        measure,
        version,
        BOOL_OR(COALESCE(is_regressed_alone, FALSE)) AS regressed_alone,
        MIN(CASE WHEN is_regressed_alone THEN age_hours END) AS regressed_alone_hours,
        BOOL_OR(is_last_look AND verdict = 'regressed') AS regressed,
        MIN(regressed_age_hours) AS regressed_hours,
        BOOL_OR(verdict = 'improved') AS improved,
        BOOL_OR(verdict = 'watch') AS watched,
        COUNT(*) FILTER (WHERE verdict = 'watch') AS watch_hours,
        COUNT(*) FILTER (WHERE is_judged) AS judged_hours,
        COUNT(*) FILTER (WHERE NOT is_judged) AS unjudged_hours,
        BOOL_OR(is_inside AND age_hours = 24) AS inside_1d,
        BOOL_OR(is_inside AND age_hours = 168) AS inside_7d,
        BOOL_OR(is_inside AND age_hours = 336) AS inside_14d
    FROM looks
    GROUP BY application, measure, version
)
SELECT
    application,
    CASE measure WHEN 'main_crashes' THEN 1.0 WHEN 'startup_crashes' THEN 1.25 WHEN 'content_crashes' THEN 1.5 ELSE 2.0 END
        AS factor,
    COUNT(*) AS releases,
    100 * AVG(CASE WHEN regressed_alone THEN 1.0 ELSE 0.0 END) AS regressed_alone_percent,
    100 * AVG(CASE WHEN regressed THEN 1.0 ELSE 0.0 END) AS regressed_percent,
    100 * AVG(CASE WHEN improved THEN 1.0 ELSE 0.0 END) AS improved_percent,
    100 * AVG(CASE WHEN watched THEN 1.0 ELSE 0.0 END) AS ever_watched_percent,
    100.0 * SUM(watch_hours) / NULLIF(SUM(judged_hours), 0) AS watch_share_percent,
    100 * AVG(CASE WHEN inside_1d THEN 1.0 ELSE 0.0 END) AS inside_1d_percent,
    100 * AVG(CASE WHEN inside_7d THEN 1.0 ELSE 0.0 END) AS inside_7d_percent,
    100 * AVG(CASE WHEN inside_14d THEN 1.0 ELSE 0.0 END) AS inside_14d_percent,
    -- Releases that were never found count as later than any hour.
    MEDIAN(COALESCE(CAST(regressed_alone_hours AS DOUBLE), 9999.0)) AS median_alone_hours,
    MEDIAN(COALESCE(CAST(regressed_hours AS DOUBLE), 9999.0)) AS median_hours,
    MEDIAN(CAST(unjudged_hours AS DOUBLE)) AS median_unjudged_hours
FROM releases_judged
GROUP BY application, measure
ORDER BY application, factor
