-- Rows of the source with impossible values taken out: the one place that decides which values count.
-- One row per row of error_aggregates, experiments included.
-- A negative count, and hours that are negative, infinite or not a number, become NULL; the row stays.
-- Reads error_aggregates.
--
--   window_start       start of the 5-minute window (UTC)
--   application        application, such as Firefox
--   channel            update channel, such as release
--   platform           windows, mac, linux, android or other
--   version            display version, such as 58.0.1 or 60.0b7
--   build_id           build, YYYYMMDDhhmmss
--   os_version         version of the operating system
--   architecture       processor architecture
--   country            country of the client, two letters; ?? where unknown
--   experiment_id      experiment; NULL for rows of the whole population
--   experiment_branch  branch of the experiment; NULL for rows of the whole population
--   usage_hours        usage (hours)
--   ping_count         pings received (count)
--   {measure}          events of this measure (count)
SELECT
    window_start,
    application,
    channel,
    platform,
    display_version AS version,
    build_id,
    os_version,
    architecture,
    country,
    experiment_id,
    experiment_branch,
    -- NaN compares above infinity, so that the upper limit takes it out as well.
    CASE WHEN usage_hours >= 0 AND usage_hours < CAST('Infinity' AS DOUBLE PRECISION) THEN usage_hours END AS usage_hours,
    CASE WHEN "count" >= 0 THEN "count" END AS ping_count
-- EACH MEASURE
    , CASE WHEN {measure} >= 0 THEN {measure} END AS {measure}
-- END
FROM error_aggregates
