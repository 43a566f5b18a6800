-- One number for a channel in which no platform dominates: the geometric mean over the platforms of the adjusted rates
-- of the key measures, added up, of the newest major.
-- One row per application, channel.
-- Reads channel_summary, measures, platforms.
-- NULL as long as a platform lacks a value; 0 where a platform has no events.
--
--   application  application, such as Firefox
--   channel      update channel, such as release
--   version      newest major
--   score        geometric mean of the platforms' rates (events per 1000 usage hours)
--   platforms    platforms that count (count)
WITH platform_rates AS (
    SELECT
        s.application,
        s.channel,
        s.platform,
        s.latest_version,
        CASE WHEN COUNT(s.adjusted_rate) = COUNT(*) THEN SUM(s.adjusted_rate) END AS rate
    FROM channel_summary s
    JOIN measures m ON m.measure = s.measure
    JOIN platforms p ON p.platform = s.platform
    WHERE m.is_key AND p.in_score
    GROUP BY s.application, s.channel, s.platform, s.latest_version
)
SELECT
    application,
    channel,
    MAX(latest_version) AS version,
    CASE
        WHEN COUNT(rate) < COUNT(*) THEN NULL
        WHEN MIN(rate) = 0 THEN 0.0
        ELSE EXP(AVG(LN(NULLIF(rate, 0))))
    END AS score,
    COUNT(*) AS platforms
FROM platform_rates
GROUP BY application, channel
