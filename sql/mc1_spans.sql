-- Which rows Mission Control 1.0 counted for which entry of its summary. Keeps its habits on purpose: see
-- mc1_release_summary.
-- One row per application, channel, platform, version, span, member_version. Kept in memory.
-- Reads usage_by_hour.
--
--   application             application, such as Firefox
--   channel                 update channel, such as release
--   platform                windows, mac, linux, android or other
--   version                 58 for a major, 58.0.1 for a recent point release
--   member_version          display version whose rows belong to it: those that begin with its name
--   span                    field or adjusted
--   from_at                 first window that counts (UTC)
--   until_at                last window that counts, inclusive (UTC)
--   field_duration_seconds  from its first window to the next entry's first, or to its own last (seconds)
WITH seen AS (
    SELECT
        application,
        channel,
        platform,
        version,
        version_major(version) AS major_version,
        version_sort_key(version) AS version_key,
        MIN(first_used_at) AS first_at,
        MAX(last_used_at) AS last_at
    FROM usage_by_hour
    WHERE first_used_at IS NOT NULL AND version_sort_key(version) IS NOT NULL
    GROUP BY application, channel, platform, version
),
ranged AS (
    SELECT seen.*, MAX(major_version) OVER (PARTITION BY application, channel, platform) AS newest_major
    FROM seen
),
recent AS (
    SELECT *
    FROM ranged
    WHERE major_version >= newest_major - CASE channel WHEN 'esr' THEN 7 ELSE 3 END
),
-- A major begins with its lowest version and ends with its highest, even if another one is seen for longer.
majors AS (
    SELECT
        application,
        channel,
        platform,
        major_version,
        newest_major,
        FIRST_VALUE(first_at ORDER BY version_key, version) AS first_at,
        LAST_VALUE(last_at ORDER BY version_key, version) AS last_at
    FROM recent
    GROUP BY application, channel, platform, major_version, newest_major
),
latest AS (
    SELECT
        application,
        channel,
        platform,
        (CAST(last_at AS BIGINT) - CAST(first_at AS BIGINT)) / 1000000 AS latest_seconds
    FROM majors
    WHERE major_version = newest_major
),
points AS (
    SELECT
        recent.*,
        ROW_NUMBER() OVER (PARTITION BY application, channel, platform ORDER BY version_key DESC, version DESC) AS place
    FROM recent
    WHERE major_version = newest_major AND channel <> 'nightly'
),
entries AS (
    SELECT
        application,
        channel,
        platform,
        CAST(major_version AS VARCHAR) AS version,
        TRUE AS is_major,
        first_at,
        COALESCE(LEAD(first_at) OVER (PARTITION BY application, channel, platform ORDER BY major_version), last_at) AS end_at
    FROM majors
    UNION ALL
    SELECT
        application,
        channel,
        platform,
        version,
        FALSE AS is_major,
        first_at,
        COALESCE(LEAD(first_at) OVER (PARTITION BY application, channel, platform ORDER BY version_key, version), last_at)
            AS end_at
    FROM points
    WHERE place <= 3
),
measured AS (
    SELECT
        e.application,
        e.channel,
        e.platform,
        e.version,
        e.is_major,
        CAST(e.first_at AS BIGINT) / 1000000 AS first_second,
        (CAST(e.end_at AS BIGINT) - CAST(e.first_at AS BIGINT)) / 1000000 AS field_duration_seconds,
        l.latest_seconds
    FROM entries e
    JOIN latest l ON l.application = e.application AND l.channel = e.channel AND l.platform = e.platform
    WHERE e.end_at > e.first_at
),
-- The first day is left out once the newest major is older than a day, but only of entries older than two; the end
-- moves along with the start.
placed AS (
    SELECT
        measured.*,
        first_second
            + CASE WHEN latest_seconds > 86400 AND field_duration_seconds > 172800 THEN 86400 ELSE 0 END AS from_second,
        CASE WHEN is_major AND latest_seconds <> 0 THEN latest_seconds ELSE field_duration_seconds END AS adjusted_seconds
    FROM measured
),
spans AS (
    SELECT application, channel, platform, version, is_major, field_duration_seconds, from_second,
        'field' AS span, from_second + field_duration_seconds AS until_second
    FROM placed
    UNION ALL
    SELECT application, channel, platform, version, is_major, field_duration_seconds, from_second,
        'adjusted' AS span, from_second + adjusted_seconds AS until_second
    FROM placed
)
SELECT
    s.application,
    s.channel,
    s.platform,
    s.version,
    v.version AS member_version,
    s.span,
    arrow_cast(s.from_second * 1000000, 'Timestamp(Microsecond, Some("UTC"))') AS from_at,
    arrow_cast(s.until_second * 1000000, 'Timestamp(Microsecond, Some("UTC"))') AS until_at,
    s.field_duration_seconds
FROM spans s
JOIN seen v ON v.application = s.application AND v.channel = s.channel AND v.platform = s.platform
WHERE CASE WHEN s.is_major THEN CAST(v.major_version AS VARCHAR) = s.version ELSE starts_with(v.version, s.version) END
