-- The population: usage and errors of each build in each window. Rows of experiments repeat rows of the population
-- and are left out.
-- One row per window_start, application, channel, platform, version, build_id.
-- Reads valid_aggregates.
--
--   window_start   start of the 5-minute window (UTC)
--   application    application, such as Firefox
--   channel        update channel, such as release
--   platform       windows, mac, linux, android or other
--   version        display version, such as 58.0.1 or 60.0b7
--   build_id       build, YYYYMMDDhhmmss
--   major_version  major version, such as 58; NULL where the version does not parse
--   usage_hours    usage; impossible values left out, 0 where there is none (hours)
--   ping_count     pings received, of all kinds (count)
--   {measure}      events of this measure; 0 where absent (count)
--   complete       false for windows that may still change
SELECT
    window_start,
    application,
    channel,
    platform,
    version,
    build_id,
    version_major(version) AS major_version,
    COALESCE(SUM(usage_hours), 0) AS usage_hours,
    COALESCE(SUM(ping_count), 0) AS ping_count,
-- EACH MEASURE
    COALESCE(SUM({measure}), 0) AS {measure},
-- END
    {complete} AS complete
FROM valid_aggregates
WHERE experiment_id IS NULL
GROUP BY window_start, application, channel, platform, version, build_id
