-- The stretches of time over which the events and hours of a release are added up.
-- One row per application, channel, grouping, version, span, member_version. Kept in memory.
-- Reads release_groups, releases.
--
--   application     application, such as Firefox
--   channel         update channel, such as release
--   grouping        major or version
--   version         58 for a major, 58.0.1 or 60.0b7 for a version
--   member_version  display version whose usage belongs to it
--   span            field (released until superseded), aligned (ages compared with all others), paired (ages
--                   compared with its predecessor), previous (ages at which its successor is compared with it),
--                   day, week, fortnight (first 24, 168, 336 hours), last_day (24 hours before the horizon)
--   from_at         start of the stretch (UTC)
--   until_at        end of the stretch, exclusive (UTC)
WITH ages AS (
    SELECT application, channel, grouping, version, 'field' AS span, release_at, 0.0 AS from_hours, field_duration_hours AS until_hours
    FROM release_groups
    UNION ALL
    SELECT application, channel, grouping, version, 'aligned' AS span, release_at, aligned_from_hours AS from_hours, aligned_until_hours AS until_hours
    FROM release_groups
    WHERE NOT left_censored
    UNION ALL
    SELECT application, channel, grouping, version, 'paired' AS span, release_at, paired_from_hours AS from_hours, paired_until_hours AS until_hours
    FROM release_groups
    WHERE previous_version IS NOT NULL
    UNION ALL
    SELECT application, channel, grouping, previous_version AS version, 'previous' AS span, previous_release_at AS release_at,
        paired_from_hours AS from_hours, paired_until_hours AS until_hours
    FROM release_groups
    WHERE previous_version IS NOT NULL
    UNION ALL
    SELECT g.application, g.channel, g.grouping, g.version, s.span, g.release_at, 0.0 AS from_hours, s.age_hours AS until_hours
    FROM release_groups g
    CROSS JOIN (VALUES ('day', 24.0), ('week', 168.0), ('fortnight', 336.0)) AS s (span, age_hours)
    WHERE g.grouping = 'major'
    UNION ALL
    SELECT application, channel, grouping, version, 'last_day' AS span, horizon AS release_at, -24.0 AS from_hours, 0.0 AS until_hours
    FROM release_groups
),
-- Ages are whole microseconds counted in hours; the sum is exact again once it is rounded to them.
placed AS (
    SELECT
        application, channel, grouping, version, span,
        arrow_cast(
            CAST(release_at AS BIGINT) + CAST(ROUND(from_hours * 3600000000) AS BIGINT),
            'Timestamp(Microsecond, Some("UTC"))'
        ) AS from_at,
        arrow_cast(
            CAST(release_at AS BIGINT) + CAST(ROUND(until_hours * 3600000000) AS BIGINT),
            'Timestamp(Microsecond, Some("UTC"))'
        ) AS until_at
    FROM ages
)
SELECT p.application, p.channel, p.grouping, p.version, r.version AS member_version, p.span, p.from_at, p.until_at
FROM placed p
JOIN releases r
    ON r.application = p.application AND r.channel = p.channel
    AND p.version = CASE p.grouping WHEN 'major' THEN CAST(r.major_version AS VARCHAR) ELSE r.version END
WHERE r.first_seen_at IS NOT NULL
