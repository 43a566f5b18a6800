-- What the verdicts say of releases that are worse than those before them, and when. Releases that are never found count
-- as found after any number of hours.
WITH looks AS (
    SELECT
        application,
        measure,
        version,
        age_hours,
        usage_hours,
        verdict,
        -- As if the board had a single cell.
        COALESCE(max_log_e >= LN(1 / 0.05), FALSE) AS is_alone_regressed,
        regressed_age_hours IS NOT NULL AS is_regressed
    FROM verdict_looks
    WHERE version_major(version) > 4 AND version_major(version) % 5 = 0
        AND measure IN ('startup_crashes', 'content_crashes', 'content_shutdown_crashes', 'gpu_crashes')
),
each_release AS (
    SELECT
        application,
        measure,
        version,
        BOOL_OR(is_alone_regressed) AS alone_found,
        COALESCE(CAST(MIN(age_hours) FILTER (WHERE is_alone_regressed) AS DOUBLE), 1e9) AS alone_hours,
        COALESCE(MIN(usage_hours) FILTER (WHERE is_alone_regressed), 1e12) AS alone_usage_hours,
        BOOL_OR(is_regressed) AS found,
        COALESCE(CAST(MIN(age_hours) FILTER (WHERE is_regressed) AS DOUBLE), 1e9) AS hours,
        COALESCE(MIN(usage_hours) FILTER (WHERE is_regressed), 1e12) AS usage_hours,
        COALESCE(CAST(MIN(age_hours) FILTER (WHERE verdict IN ('watch', 'regressed')) AS DOUBLE), 1e9) AS watch_hours
    FROM looks
    GROUP BY application, measure, version
),
percentages AS (
    SELECT
        application,
        measure,
        COUNT(*) AS releases,
        100 * AVG(CAST(alone_found AS INT)) AS alone_found,
        MEDIAN(alone_hours) AS alone_hours,
        MEDIAN(alone_usage_hours) / 1000 AS alone_khours,
        100 * AVG(CAST(found AS INT)) AS found,
        MEDIAN(hours) AS hours,
        MEDIAN(usage_hours) / 1000 AS khours,
        MEDIAN(watch_hours) AS watch_hours
    FROM each_release
    GROUP BY application, measure
)
SELECT
    application AS "train",
    CASE measure
        WHEN 'startup_crashes' THEN 'x1.25'
        WHEN 'content_crashes' THEN 'x1.5'
        WHEN 'content_shutdown_crashes' THEN 'x2'
        ELSE 'x2 after x2'
    END AS "change",
    releases,
    {alone_found} AS "found %, 1 cell",
    CASE WHEN alone_hours < 1e6 THEN CAST(alone_hours AS TEXT) ELSE 'never' END AS "median h, 1 cell",
    CASE WHEN alone_hours < 1e6 THEN CAST(ROUND(alone_khours) AS TEXT) ELSE 'never' END AS "reported khours, 1 cell",
    {found} AS "found %, 18 cells",
    CASE WHEN hours < 1e6 THEN CAST(hours AS TEXT) ELSE 'never' END AS "median h, 18 cells",
    CASE WHEN hours < 1e6 THEN CAST(ROUND(khours) AS TEXT) ELSE 'never' END AS "reported khours, 18 cells",
    CASE WHEN watch_hours < 1e6 THEN CAST(watch_hours AS TEXT) ELSE 'never' END AS "watch after h"
FROM percentages
ORDER BY 1, 2
