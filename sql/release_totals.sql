-- Events and hours of every release over each stretch of time that a view asks about: one pass over the data for all.
-- One row per application, channel, platform, grouping, version, span, measure. Kept in memory.
-- Reads release_spans, usage_windows.
--
--   application  application, such as Firefox
--   channel      update channel, such as release
--   platform     windows, mac, linux, android or other
--   grouping     major or version
--   version      58 for a major, 58.0.1 or 60.0b7 for a version
--   span         stretch of time, as in release_spans
--   measure      name of the measure, such as main_crashes
--   events       events of the measure in this stretch (count)
--   usage_hours  usage in this stretch, repeated for each measure (hours)
WITH totals AS (
    SELECT
        s.application,
        s.channel,
        u.platform,
        s.grouping,
        s.version,
        s.span,
-- EACH MEASURE
        SUM(u.{measure}) AS {measure},
-- END
        SUM(u.usage_hours) AS usage_hours
    FROM usage_windows u
    JOIN release_spans s
        ON s.application = u.application AND s.channel = u.channel AND s.member_version = u.version
        AND u.window_start >= s.from_at AND u.window_start < s.until_at
    GROUP BY s.application, s.channel, u.platform, s.grouping, s.version, s.span
),
each_measure AS (
    SELECT
        application,
        channel,
        platform,
        grouping,
        version,
        span,
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
    application,
    channel,
    platform,
    grouping,
    version,
    span,
    pair['measure'] AS measure,
    pair['events'] AS events,
    usage_hours
FROM each_measure
WHERE pair['measure'] IS NOT NULL
