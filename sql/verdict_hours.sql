-- Events and usage of each release by the hour of its age, as far as verdicts look.
-- One row per application, channel, platform, version, age_hour. Kept in memory.
-- Reads valid_aggregates, verdict_releases. Hours with a window that may still change are left out.
--
--   application  application, such as Firefox
--   channel      update channel, such as release
--   platform     windows, mac, linux, android or other
--   version      display version, such as 58.0.1 or 60.0b7
--   age_hour     0 for the first hour after the release, up to 335 (hours)
--   usage_hours  usage in this hour of age (hours)
--   {measure}    events of this measure in this hour of age (count)
SELECT
    r.application,
    r.channel,
    u.platform,
    r.version,
    CAST(FLOOR(release_age_hours(u.window_start, r.release_at)) AS BIGINT) AS age_hour,
-- EACH MEASURE
    COALESCE(SUM(u.{measure}), 0) AS {measure},
-- END
    COALESCE(SUM(u.usage_hours), 0) AS usage_hours
FROM valid_aggregates u
JOIN verdict_releases r
    ON r.application = u.application AND r.channel = u.channel AND r.version = u.version
    AND u.window_start >= r.release_at AND u.window_start < r.looked_until
WHERE u.experiment_id IS NULL
GROUP BY r.application, r.channel, u.platform, r.version, CAST(FLOOR(release_age_hours(u.window_start, r.release_at)) AS BIGINT)
HAVING BOOL_AND({complete})
