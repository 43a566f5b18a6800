-- What is wrong, or at least odd, about the data. First findings are usually about collection, not about releases.
-- One row per finding. Kept in memory.
-- Reads source_checks, daily_totals, usage_by_hour, version_sightings, releases, horizons, release_calendar, channels,
-- mission_control.source_problems.
-- Limits that keep it quiet: a measure has stopped if even by the lower bound of its earlier rate 20 events would have
-- been expected since the last one, over at least 2 days; shutdown kills exceed content crashes if by more than 3 standard deviations of the day's counts; a gap
-- is at least one whole hour without a row while the application has rows elsewhere, so long that by the group's other
-- missing hours it would happen less than once in 100 times as much data.
--
--   check_name     what was found: see sql/README.md
--   severity       error (rows are missing or wrong), warning (figures may mislead) or info (handled, good to know)
--   application    application concerned; NULL for all
--   channel        channel concerned; NULL for all
--   platform       platform concerned; NULL for all
--   measure        measure concerned; NULL for all
--   first_window   start of the first window concerned (UTC)
--   last_window    start of the last window concerned (UTC)
--   rows_affected  rows concerned, of the relation that the check counts, or pings that became none (count)
--   detail         the finding in words
WITH hours_present AS (
    SELECT application, channel, platform, hour_start,
        LAG(hour_start) OVER (PARTITION BY application, channel, platform ORDER BY hour_start) AS hour_before
    FROM (SELECT DISTINCT application, channel, platform, hour_start FROM usage_by_hour) AS present
),
gaps AS (
    SELECT application, channel, platform, hour_before, hour_start,
        release_age_hours(hour_start, hour_before) - 1 AS gap_hours
    FROM hours_present
    WHERE release_age_hours(hour_start, hour_before) > 1
),
presence AS (
    SELECT application, channel, platform, COUNT(*) AS hour_count,
        release_age_hours(MAX(hour_start), MIN(hour_start)) + 1 AS span_hours
    FROM hours_present
    GROUP BY application, channel, platform
),
rare_gaps AS (
    SELECT g.application, g.channel, g.platform, g.hour_before, g.hour_start, g.gap_hours
    FROM gaps g
    JOIN presence p ON p.application = g.application AND p.channel = g.channel AND p.platform = g.platform
    WHERE p.span_hours * POWER((p.span_hours - p.hour_count - g.gap_hours) / (p.span_hours - g.gap_hours), g.gap_hours) < 0.01
),
application_hours AS (
    SELECT DISTINCT application, hour_start FROM usage_by_hour
),
lonely_gaps AS (
    SELECT g.application, g.channel, g.platform, g.hour_before, g.hour_start, g.gap_hours, COUNT(*) AS hours_elsewhere
    FROM rare_gaps g
    JOIN application_hours a ON a.application = g.application
    WHERE a.hour_start > g.hour_before AND a.hour_start < g.hour_start
    GROUP BY g.application, g.channel, g.platform, g.hour_before, g.hour_start, g.gap_hours
),
days AS (
    SELECT day_start, application, channel, platform, measure, SUM(events) AS events, SUM(usage_hours) AS usage_hours
    FROM daily_totals
    GROUP BY day_start, application, channel, platform, measure
),
last_events AS (
    SELECT application, channel, platform, measure, MAX(day_start) FILTER (WHERE events > 0) AS last_day
    FROM days
    GROUP BY application, channel, platform, measure
),
silence AS (
    SELECT
        d.application,
        d.channel,
        d.platform,
        d.measure,
        l.last_day,
        MAX(d.day_start) AS newest_day,
        COUNT(*) FILTER (WHERE d.day_start > l.last_day) AS silent_days,
        SUM(d.events) AS events,
        SUM(d.usage_hours) FILTER (WHERE d.day_start <= l.last_day) AS hours_before,
        SUM(d.usage_hours) FILTER (WHERE d.day_start > l.last_day) AS hours_after
    FROM days d
    JOIN last_events l
        ON l.application = d.application AND l.channel = d.channel AND l.platform = d.platform AND l.measure = d.measure
    WHERE l.last_day IS NOT NULL
    GROUP BY d.application, d.channel, d.platform, d.measure, l.last_day
),
contents AS (
    SELECT day_start, application, channel, platform,
        SUM(events) FILTER (WHERE measure = 'content_crashes') AS content,
        SUM(events) FILTER (WHERE measure = 'content_shutdown_crashes') AS shutdown
    FROM daily_totals
    WHERE is_recent_version
    GROUP BY day_start, application, channel, platform
),
early AS (
    SELECT u.application, u.channel, u.platform, u.version, r.release_at,
        MIN(u.first_window) AS first_window,
        MAX(LEAST(u.last_window, r.release_at)) AS last_window,
        COUNT(*) AS row_count,
        SUM(u.usage_hours) AS usage_hours
    FROM usage_by_hour u
    JOIN releases r ON r.application = u.application AND r.channel = u.channel AND r.version = u.version
    WHERE r.release_source = 'calendar' AND u.first_window < r.release_at
    GROUP BY u.application, u.channel, u.platform, u.version, r.release_at
),
configured AS (
    SELECT application, channel, version, release_at, version_sort_key(version) AS version_key,
        version_major(version) AS major_version
    FROM release_calendar
    WHERE origin = 'configured'
),
ordered AS (
    SELECT configured.*,
        LAG(version) OVER by_version AS version_before,
        LAG(version_key) OVER by_version AS key_before,
        LAG(release_at) OVER by_version AS release_before
    FROM configured
    WHERE version_key IS NOT NULL
    WINDOW by_version AS (PARTITION BY application, channel, major_version ORDER BY version_key, release_at)
)
SELECT
    check_name, severity, CAST(NULL AS VARCHAR) AS application, CAST(NULL AS VARCHAR) AS channel,
    CAST(NULL AS VARCHAR) AS platform, CAST(NULL AS VARCHAR) AS measure,
    arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS first_window,
    arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS last_window,
    rows_affected,
    CASE WHEN file IS NULL THEN detail ELSE concat(file, ': ', detail) END AS detail
FROM mission_control.source_problems
UNION ALL
SELECT
    'negative_hours', 'error', application, channel, platform, NULL, negative_hours_first, negative_hours_last, negative_hours,
    concat('negative usage hours in ', negative_hours, ' of ', row_count, ' rows, left out')
FROM source_checks
WHERE negative_hours > 0
UNION ALL
SELECT
    'invalid_hours', 'error', application, channel, platform, NULL, invalid_hours_first, invalid_hours_last, invalid_hours,
    concat('usage hours that are infinite or not a number in ', invalid_hours, ' of ', row_count, ' rows, left out')
FROM source_checks
WHERE invalid_hours > 0
-- EACH MEASURE
UNION ALL (
SELECT
    'negative_count', 'error', application, channel, platform, '{measure}', negative_{measure}_first, negative_{measure}_last,
    negative_{measure}, concat('a negative count of {measure} in ', negative_{measure}, ' of ', row_count, ' rows, left out')
FROM source_checks
WHERE negative_{measure} > 0
)
-- END
UNION ALL
SELECT
    'zero_usage', 'info', application, channel, platform, NULL, no_hours_first, no_hours_last, no_hours,
    concat('no usage in ', no_hours, ' of ', row_count, ' rows; their events count all the same')
FROM source_checks
WHERE no_hours > 0
UNION ALL
SELECT
    'unknown_country', 'info', application, channel, platform, NULL, no_country_first, no_country_last, no_country,
    concat('unknown country (??) in ', no_country, ' of ', row_count, ' rows')
FROM source_checks
WHERE no_country > 0
UNION ALL
SELECT
    'unparsable_build', 'warning', application, channel, platform, NULL, bad_build_first, bad_build_last, bad_build,
    concat('a build id that is not a time in ', bad_build, ' of ', row_count, ' rows: build ages are unknown')
FROM source_checks
WHERE bad_build > 0
UNION ALL
SELECT
    'experiment_rows', 'info', application, channel, platform, NULL, experiment_first, experiment_last, experiment,
    concat(experiment, ' of ', row_count, ' rows are of experiments: they repeat rows of the population and are left out of it')
FROM source_checks
WHERE experiment > 0
UNION ALL
SELECT
    'unknown_platform', 'warning', application, channel, platform, NULL, first_window, last_window, row_count,
    concat('operating system without a platform; rows: ', row_count)
FROM source_checks
WHERE platform IS NULL OR platform = 'other'
UNION ALL
SELECT
    'unknown_channel', 'warning', s.application, s.channel, s.platform, NULL, s.first_window, s.last_window, s.row_count,
    concat('channel that is not among the channels; rows: ', s.row_count)
FROM source_checks s
LEFT JOIN channels c ON c.channel = s.channel
WHERE c.channel IS NULL
UNION ALL
SELECT
    'unparsable_version', 'warning', application, channel, NULL, NULL, first_seen_at, last_seen_at, CAST(1 AS BIGINT),
    concat('version ', COALESCE(version, 'NULL'), ' does not parse: its usage counts, but it is no release')
FROM version_sightings
WHERE version_sort_key(version) IS NULL
UNION ALL
SELECT
    'measure_stopped', 'error', application, channel, platform, measure, last_day + INTERVAL '1 day', newest_day, silent_days,
    concat('no ', measure, ' for ', silent_days, ' days, where ', CAST(ROUND(events_expected(rate_per_khour(events, hours_before), hours_after)) AS BIGINT),
        ' would have been expected')
FROM silence
WHERE silent_days >= 2 AND events_expected(rate_lower(events, hours_before), hours_after) >= 20
UNION ALL
SELECT
    'shutdown_above_content', 'warning', application, channel, platform, 'content_shutdown_crashes', MIN(day_start),
    MAX(day_start), COUNT(*),
    concat('more content shutdown crashes than content crashes, ', SUM(shutdown), ' against ', SUM(content), '; days: ', COUNT(*))
FROM contents
WHERE shutdown > content + 3 * SQRT(shutdown + content)
GROUP BY application, channel, platform
UNION ALL
SELECT
    'gap', 'error', application, channel, platform, NULL, hour_before + INTERVAL '1 hour', hour_start - INTERVAL '5 minutes',
    CAST(gap_hours AS BIGINT), concat('no rows although there are others of the application; whole hours: ', CAST(gap_hours AS BIGINT))
FROM lonely_gaps
UNION ALL
SELECT
    'before_release', 'info', application, channel, platform, NULL, first_window, last_window, row_count,
    concat('version ', version, ' has ', ROUND(usage_hours, 2), ' hours of use before its release, which no comparison counts')
FROM early
UNION ALL
SELECT
    'calendar_conflict', 'warning', application, channel, NULL, NULL, first_seen_at, arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))'), CAST(1 AS BIGINT),
    concat('version ', version, ' is in the calendar for ', date_trunc('day', calendar_date), ' but first seen at ',
        first_seen_at, ', which rules')
FROM releases
WHERE calendar_date IS NOT NULL AND release_source <> 'calendar'
UNION ALL
SELECT
    'calendar_version', 'warning', application, channel, NULL, NULL, release_at, arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))'), CAST(1 AS BIGINT),
    concat('version ', version, ' of the calendar does not parse, so that it is left out')
FROM configured
WHERE version_key IS NULL
UNION ALL
SELECT
    'calendar_channel', 'warning', c.application, c.channel, NULL, NULL, MIN(c.release_at), MAX(c.release_at), COUNT(*),
    concat('channel of the calendar that is neither in the data nor among the channels; entries: ', COUNT(*))
FROM configured c
LEFT JOIN channels k ON k.channel = c.channel
LEFT JOIN horizons h ON h.application = c.application AND h.channel = c.channel
WHERE k.channel IS NULL AND h.channel IS NULL
GROUP BY c.application, c.channel
UNION ALL
SELECT
    'calendar_duplicate', 'warning', application, channel, NULL, NULL, release_before, release_at, CAST(1 AS BIGINT),
    concat('version ', version, ' is twice in the calendar; the earlier date counts')
FROM ordered
WHERE key_before = version_key
UNION ALL
SELECT
    'calendar_order', 'warning', application, channel, NULL, NULL, release_at, release_before, CAST(1 AS BIGINT),
    concat('version ', version, ' of the calendar is dated before version ', version_before, '; both dates stand')
FROM ordered
WHERE key_before < version_key AND release_before > release_at
