-- Each measure by the age of the release instead of by the clock; windows before the release are left out.
-- One row per window_start, application, channel, platform, version, build_id, measure.
-- Reads measure_timeseries, releases.
--
--   release_age_hours  age of the version when the window began (hours)
--   build_age_hours    age of the build when the window began (hours)
--   window_start       start of the 5-minute window (UTC)
--   application        application, such as Firefox
--   channel            update channel, such as release
--   platform           windows, mac, linux, android or other
--   version            display version, such as 58.0.1 or 60.0b7
--   build_id           build, YYYYMMDDhhmmss
--   measure            name of the measure, such as main_crashes
--   events             events of the measure (count)
--   usage_hours        usage, repeated for each measure: do not sum across measures (hours)
--   rate               events per 1000 usage hours; NULL without usage
--   rate_lower         lower 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   rate_upper         upper 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   low_sample         too few events to trust the rate, and it may be above the measure's negligible_rate
SELECT
    release_age_hours(t.window_start, r.release_at) AS release_age_hours,
    release_age_hours(t.window_start, build_time(t.build_id)) AS build_age_hours,
    t.window_start,
    t.application,
    t.channel,
    t.platform,
    t.version,
    t.build_id,
    t.measure,
    t.events,
    t.usage_hours,
    t.rate,
    t.rate_lower,
    t.rate_upper,
    t.low_sample
FROM measure_timeseries t
JOIN releases r ON r.application = t.application AND r.channel = t.channel AND r.version = t.version
WHERE t.window_start >= r.release_at
