-- From when to when there are data. The horizon is what "now" means everywhere, never the clock.
-- One row per application, channel. Kept in memory.
-- Reads usage_by_hour.
--
--   application   application, such as Firefox
--   channel       update channel, such as release
--   first_window  start of the first window (UTC)
--   horizon       end of the last window (UTC)
SELECT
    application,
    channel,
    MIN(first_window) AS first_window,
    MAX(last_window) + INTERVAL '5 minutes' AS horizon
FROM usage_by_hour
GROUP BY application, channel
