-- The population in long form. usage_hours stand once per measure: never add them up across measures.
-- One row per window_start, application, channel, platform, version, build_id, measure.
-- Reads usage_windows. One branch per measure, so that a filter on measure leaves a single sum to compute.
--
--   window_start   start of the 5-minute window (UTC)
--   application    application, such as Firefox
--   channel        update channel, such as release
--   platform       windows, mac, linux, android or other
--   version        display version, such as 58.0.1 or 60.0b7
--   build_id       build, YYYYMMDDhhmmss
--   major_version  major version, such as 58; NULL where the version does not parse
--   measure        name of the measure, such as main_crashes
--   events         events of the measure (count)
--   usage_hours    usage, repeated for each measure: do not sum across measures (hours)
--   complete       false for windows that may still change
-- EACH MEASURE
UNION ALL
SELECT
    window_start,
    application,
    channel,
    platform,
    version,
    build_id,
    major_version,
    '{measure}' AS measure,
    {measure} AS events,
    usage_hours,
    complete
FROM usage_windows
-- END
