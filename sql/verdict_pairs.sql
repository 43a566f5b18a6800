-- Which earlier releases each release is compared with: the nearest lower versions that were released before it and
-- used, but for those that the calendar flags as regressed or dates wrongly.
-- One row per application, channel, version, previous_version. Kept in memory.
-- Reads verdict_releases, verdict_hours.
--
--   application         application, such as Firefox
--   channel             update channel, such as release
--   version             display version, such as 58.0.1 or 60.0b7
--   previous_version    the earlier release
--   previous_rank       1 for the nearest
--   between_release_sd  as in verdict_releases
WITH used AS (
    SELECT application, channel, version
    FROM verdict_hours
    WHERE usage_hours > 0
    GROUP BY application, channel, version
),
candidates AS (
    SELECT r.application, r.channel, r.version, r.version_key, r.release_at
    FROM verdict_releases r
    JOIN used u ON u.application = r.application AND u.channel = r.channel AND u.version = r.version
    WHERE NOT r.is_flagged AND r.misdated_hours IS NULL
),
ranked AS (
    SELECT
        r.application,
        r.channel,
        r.version,
        c.version AS previous_version,
        ROW_NUMBER() OVER (PARTITION BY r.application, r.channel, r.version ORDER BY c.version_key DESC) AS previous_rank,
        r.previous_releases,
        r.between_release_sd
    FROM verdict_releases r
    JOIN candidates c ON c.application = r.application AND c.channel = r.channel
    WHERE c.version_key < r.version_key AND c.release_at < r.release_at
)
SELECT application, channel, version, previous_version, CAST(previous_rank AS BIGINT) AS previous_rank, between_release_sd
FROM ranked
WHERE CAST(previous_rank AS BIGINT) <= previous_releases
