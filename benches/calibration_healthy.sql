-- What the verdicts say of releases that are as good as those before them.
WITH looks AS (
    SELECT
        application,
        version,
        age_hours,
        verdict,
        events BETWEEN expected_lower AND expected_upper AS is_inside,
        lack IS NULL AS is_judged,
        -- As if the board had a single cell.
        max_log_e >= LN(1 / 0.05) AS is_alone_regressed,
        regressed_age_hours IS NOT NULL AS is_regressed,
        max_log_e_improved >= LN(1 / 0.05) AS is_alone_improved
    FROM verdict_looks
    WHERE version_major(version) > 4 AND measure = 'main_crashes'
),
each_release AS (
    SELECT
        application,
        version,
        BOOL_OR(COALESCE(is_alone_regressed, FALSE)) AS alone_regressed,
        BOOL_OR(COALESCE(is_alone_regressed, FALSE) AND age_hours <= 24) AS alone_regressed_1d,
        BOOL_OR(is_regressed) AS regressed,
        BOOL_OR(COALESCE(is_alone_improved, FALSE)) AS alone_improved,
        BOOL_OR(verdict = 'watch') AS watched,
        COUNT(*) FILTER (WHERE verdict = 'watch') AS watch_hours,
        COUNT(*) FILTER (WHERE is_judged) AS judged_hours,
        COALESCE(MIN(age_hours) FILTER (WHERE is_judged), 9999) AS first_judged_hours,
        BOOL_OR(COALESCE(is_inside, FALSE) AND age_hours = 24) AS inside_1d,
        BOOL_OR(COALESCE(is_inside, FALSE) AND age_hours = 168) AS inside_7d,
        BOOL_OR(COALESCE(is_inside, FALSE) AND age_hours = 336) AS inside_14d
    FROM looks
    GROUP BY application, version
),
percentages AS (
    SELECT
        application,
        COUNT(*) AS releases,
        100 * AVG(CAST(alone_regressed AS INT)) AS alone_regressed,
        100 * AVG(CAST(alone_regressed_1d AS INT)) AS alone_regressed_1d,
        100 * AVG(CAST(regressed AS INT)) AS regressed,
        100 * AVG(CAST(alone_improved AS INT)) AS alone_improved,
        100 * AVG(CAST(watched AS INT)) AS watched,
        100.0 * SUM(watch_hours) / NULLIF(SUM(judged_hours), 0) AS watch_share,
        100 * AVG(CAST(inside_1d AS INT)) AS inside_1d,
        100 * AVG(CAST(inside_7d AS INT)) AS inside_7d,
        100 * AVG(CAST(inside_14d AS INT)) AS inside_14d,
        MEDIAN(first_judged_hours) AS first_judged_hours,
        100.0 * (1 - SUM(judged_hours) / (336.0 * COUNT(*))) AS unjudged_share
    FROM each_release
    GROUP BY application
)
SELECT
    application AS "train",
    releases,
    {alone_regressed} AS "false %, 1 cell",
    {alone_regressed_1d} AS "in 24 h %",
    {regressed} AS "false %, 18 cells",
    {alone_improved} AS "improved %, 1 cell",
    {watched} AS "ever watch %",
    ROUND(watch_share, 2) AS "watch share %",
    {inside_1d} AS "inside 24 h %",
    {inside_7d} AS "inside 7 d %",
    {inside_14d} AS "inside 14 d %",
    first_judged_hours AS "judged from h",
    ROUND(unjudged_share, 1) AS "too early %"
FROM percentages
