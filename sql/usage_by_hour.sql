-- Usage of each version by the hour, from which horizons, releases and adoption follow.
-- One row per hour_start, application, channel, platform, version. Kept in memory.
-- Reads usage_windows.
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
    SUM(usage_hours) AS usage_hours,
    SUM(ping_count) AS ping_count,
    MIN(window_start) AS first_window,
    MAX(window_start) AS last_window,
    MIN(window_start) FILTER (WHERE usage_hours > 0) AS first_used_at,
    MAX(window_start) FILTER (WHERE usage_hours > 0) AS last_used_at,
    MIN(build_time(build_id)) AS build_at
FROM usage_windows
GROUP BY date_trunc('hour', window_start), application, channel, platform, version
