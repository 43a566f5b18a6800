-- Usage of each version by the hour, from which horizons, releases and adoption follow.
-- One row per hour_start, application, channel, platform, version. Kept in memory.
-- Reads valid_aggregates: the population alone, as usage_windows, whose rows are too many to be made on the way here.
--
--   hour_start     start of the hour (UTC)
--   application    application, such as Firefox
--   channel        update channel, such as release
--   platform       windows, mac, linux, android or other
--   version        display version, such as 58.0.1 or 60.0b7
--   usage_hours    usage in this hour (hours)
--   ping_count     pings received in this hour (count)
--   first_window   start of the first window of the hour with a row (UTC)
--   last_window    start of the last window of the hour with a row (UTC)
--   first_used_at  start of the first window of the hour with usage (UTC)
--   last_used_at   start of the last window of the hour with usage (UTC)
--   build_at       time of the earliest build (UTC)
SELECT
    date_trunc('hour', window_start) AS hour_start,
    application,
    channel,
    platform,
    version,
    COALESCE(SUM(usage_hours), 0) AS usage_hours,
    COALESCE(SUM(ping_count), 0) AS ping_count,
    MIN(window_start) AS first_window,
    MAX(window_start) AS last_window,
    MIN(window_start) FILTER (WHERE usage_hours > 0) AS first_used_at,
    MAX(window_start) FILTER (WHERE usage_hours > 0) AS last_used_at,
    MIN(build_time(build_id)) AS build_at
FROM valid_aggregates
WHERE experiment_id IS NULL
GROUP BY date_trunc('hour', window_start), application, channel, platform, version
