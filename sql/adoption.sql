-- How far each version has spread: its share of the hours of its channel and platform.
-- One row per hour_start, application, channel, platform, version.
-- Reads usage_by_hour.
--
--   hour_start   start of the hour (UTC)
--   application  application, such as Firefox
--   channel      update channel, such as release
--   platform     windows, mac, linux, android or other
--   version      display version, such as 58.0.1 or 60.0b7
--   usage_hours  usage of the version in this hour (hours)
--   usage_share  its share of all hours of channel and platform in this hour; NULL without usage
SELECT
    hour_start,
    application,
    channel,
    platform,
    version,
    usage_hours,
    usage_hours / NULLIF(SUM(usage_hours) OVER (PARTITION BY hour_start, application, channel, platform), 0) AS usage_share
FROM usage_by_hour
