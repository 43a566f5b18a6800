-- Each measure by country, version of the operating system or architecture, over the last 7 days before the horizon.
-- Name one dimension in a query: every dimension counts the same events again.
-- One row per dimension, value, window_start, application, channel, platform, version, build_id, measure.
-- Reads dimension_values, measures.
--
--   dimension     country, os_version or architecture
--   value         value of this dimension; NULL where unknown
--   window_start  start of the 5-minute window (UTC)
--   application   application, such as Firefox
--   channel       update channel, such as release
--   platform      windows, mac, linux, android or other
--   version       display version, such as 58.0.1 or 60.0b7
--   build_id      build, YYYYMMDDhhmmss
--   measure       name of the measure, such as main_crashes
--   events        events of the measure (count)
--   usage_hours   usage, repeated for each measure and dimension: do not sum across them (hours)
--   rate          events per 1000 usage hours; NULL without usage
--   rate_lower    lower 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   rate_upper    upper 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   low_sample    too few events to trust the rate, and it may be above the measure's negligible_rate
--   complete      false for windows that may still change
WITH totals AS (
-- EACH MEASURE
UNION ALL
    SELECT
        dimension,
        value,
        window_start,
        application,
        channel,
        platform,
        version,
        build_id,
        '{measure}' AS measure,
        COALESCE(SUM({measure}), 0) AS events,
        COALESCE(SUM(usage_hours), 0) AS usage_hours
    FROM dimension_values
    GROUP BY dimension, value, window_start, application, channel, platform, version, build_id
-- END
)
SELECT
    t.dimension,
    t.value,
    t.window_start,
    t.application,
    t.channel,
    t.platform,
    t.version,
    t.build_id,
    t.measure,
    t.events,
    t.usage_hours,
    rate_per_khour(t.events, t.usage_hours) AS rate,
    rate_lower(t.events, t.usage_hours) AS rate_lower,
    rate_upper(t.events, t.usage_hours) AS rate_upper,
    t.events < min_events(0.5) AND rate_upper(t.events, t.usage_hours) > m.negligible_rate AS low_sample,
    {complete} AS complete
FROM totals t
JOIN measures m ON m.measure = t.measure
