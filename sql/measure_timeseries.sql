-- Each measure over time, at the finest grain: where every drill-down ends.
-- One row per window_start, application, channel, platform, version, build_id, measure.
-- Reads measure_windows, measures.
--
--   window_start  start of the 5-minute window (UTC)
--   application   application, such as Firefox
--   channel       update channel, such as release
--   platform      windows, mac, linux, android or other
--   version       display version, such as 58.0.1 or 60.0b7
--   build_id      build, YYYYMMDDhhmmss
--   measure       name of the measure, such as main_crashes
--   events        events of the measure (count)
--   usage_hours   usage, repeated for each measure: do not sum across measures (hours)
--   rate          events per 1000 usage hours; NULL without usage
--   rate_lower    lower 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   rate_upper    upper 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   low_sample    too few events to trust the rate, and it may be above the measure's negligible_rate
--   complete      false for windows that may still change
SELECT
    w.window_start,
    w.application,
    w.channel,
    w.platform,
    w.version,
    w.build_id,
    w.measure,
    w.events,
    w.usage_hours,
    rate_per_khour(w.events, w.usage_hours) AS rate,
    rate_lower(w.events, w.usage_hours) AS rate_lower,
    rate_upper(w.events, w.usage_hours) AS rate_upper,
    w.events < min_events(0.5) AND rate_upper(w.events, w.usage_hours) > m.negligible_rate AS low_sample,
    w.complete
FROM measure_windows w
JOIN measures m ON m.measure = w.measure
