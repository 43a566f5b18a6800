-- When each version was seen, by the data alone.
-- One row per application, channel, version. Kept in memory.
-- Reads usage_by_hour, valid_aggregates.
-- A version is established once it has 0.1 % of the hours of its first week: a test installation that reports early
-- does not start its clock.
--
--   application     application, such as Firefox
--   channel         update channel, such as release
--   version         display version, such as 58.0.1 or 60.0b7
--   first_seen_at   start of the first window with a row (UTC)
--   last_seen_at    start of the last window with a row (UTC)
--   established_at  start of the first window by whose end the version has 0.1 % of the hours of its first week (UTC)
--   build_at        time of the earliest build (UTC)
--   usage_hours     usage in all (hours)
WITH seen AS (
    SELECT
        application,
        channel,
        version,
        MIN(first_window) AS first_seen_at,
        MAX(last_window) AS last_seen_at,
        MIN(build_at) AS build_at,
        SUM(usage_hours) AS usage_hours
    FROM usage_by_hour
    GROUP BY application, channel, version
),
first_week AS (
    SELECT u.application, u.channel, u.version, u.window_start, COALESCE(SUM(u.usage_hours), 0) AS usage_hours
    FROM valid_aggregates u
    JOIN seen s ON s.application = u.application AND s.channel = u.channel AND s.version = u.version
    WHERE u.experiment_id IS NULL AND u.window_start < s.first_seen_at + INTERVAL '7 days'
    GROUP BY u.application, u.channel, u.version, u.window_start
),
running AS (
    SELECT
        application,
        channel,
        version,
        window_start,
        SUM(usage_hours) OVER (PARTITION BY application, channel, version ORDER BY window_start) AS usage_so_far,
        SUM(usage_hours) OVER (PARTITION BY application, channel, version) AS usage_of_week
    FROM first_week
),
established AS (
    SELECT application, channel, version, MIN(window_start) AS established_at
    FROM running
    WHERE usage_of_week > 0 AND usage_so_far >= 0.001 * usage_of_week
    GROUP BY application, channel, version
)
SELECT
    s.application,
    s.channel,
    s.version,
    s.first_seen_at,
    s.last_seen_at,
    e.established_at,
    s.build_at,
    s.usage_hours
FROM seen s
LEFT JOIN established e ON e.application = s.application AND e.channel = s.channel AND e.version = s.version
