-- Events and hours of each day, to see what stopped or contradicts itself.
-- One row per day_start, application, channel, platform, is_recent_version, measure. Kept in memory.
-- Reads usage_windows.
--
--   day_start          start of the day (UTC)
--   application        application, such as Firefox
--   channel            update channel, such as release
--   platform           windows, mac, linux, android or other
--   is_recent_version  major 58 or later: those for which content crashes and shutdown kills are counted apart
--   measure            name of the measure, such as main_crashes
--   events             events of this day (count)
--   usage_hours        usage of this day, repeated for each measure (hours)
WITH totals AS (
    SELECT
        date_trunc('day', window_start) AS day_start,
        application,
        channel,
        platform,
        COALESCE(major_version >= 58, FALSE) AS is_recent_version,
-- EACH MEASURE
        SUM({measure}) AS {measure},
-- END
        SUM(usage_hours) AS usage_hours
    FROM usage_windows
    GROUP BY date_trunc('day', window_start), application, channel, platform, COALESCE(major_version >= 58, FALSE)
),
each_measure AS (
    SELECT
        day_start,
        application,
        channel,
        platform,
        is_recent_version,
        usage_hours,
        unnest(make_array(
-- EACH MEASURE
            named_struct('measure', '{measure}', 'events', {measure}),
-- END
            NULL
        )) AS pair
    FROM totals
)
SELECT
    day_start,
    application,
    channel,
    platform,
    is_recent_version,
    pair['measure'] AS measure,
    pair['events'] AS events,
    usage_hours
FROM each_measure
WHERE pair['measure'] IS NOT NULL
