-- The releases that are compared with each other, and on which ages: majors among majors, versions among versions.
-- One row per application, channel, grouping, version: those that the data have. Kept in memory.
-- Reads releases, horizons, usage_by_hour.
-- All ages are in hours from release_at. The aligned ages are the same for all: from 24 h (0 while the newest release
-- of the grouping is not older than 48 h) to the age of the newest, or to the end of the release's own field time if
-- that came sooner. The paired ages are those at which the release is compared with its predecessor alone.
--
--   application            application, such as Firefox
--   channel                update channel, such as release
--   grouping               major or version
--   version                58 for a major, 58.0.1 or 60.0b7 for a version
--   major_version          major version, such as 58
--   version_key            number that sorts as the versions do, within the grouping
--   release_at             time of the release; of a major, of its first version (UTC)
--   superseded_at          when the next release of a higher version of the grouping came; NULL if none did (UTC)
--   horizon                end of the data of application and channel (UTC)
--   field_duration_hours   age at which it was superseded, or else its age at the horizon (hours)
--   is_newest              whether it is the highest of the grouping that the data have
--   aligned_from_hours     first age of the comparison with all others (hours)
--   aligned_until_hours    age at which that comparison ends, exclusive (hours)
--   left_censored          the data of the channel begin after the first aligned age
--   first_data_hours       age at which the data of the channel begin (hours)
--   coverage               share of the hours of the aligned ages for which the channel has any data
--   truncated_reason       short_field, left_censored or coverage; NULL where the aligned ages are complete
--   previous_version       the next lower version of the grouping that the data have
--   paired_from_hours      first age of the comparison with the predecessor (hours)
--   paired_until_hours     age at which that comparison ends, exclusive (hours)
--   previous_release_at    time of release of the predecessor (UTC)
--   paired_reason          short_field, left_censored or coverage; NULL where the paired ages are complete
WITH members AS (
    SELECT
        application, channel, 'major' AS grouping, CAST(major_version AS VARCHAR) AS version, major_version,
        CAST(major_version AS BIGINT) AS version_key, release_at, first_seen_at
    FROM releases
    UNION ALL
    SELECT
        application, channel, 'version' AS grouping, version, major_version,
        version_key, release_at, first_seen_at
    FROM releases
),
-- Majors and versions have keys of different sizes, and are never compared with each other.
all_groups AS (
    SELECT
        application, channel, grouping, version, major_version, version_key,
        MIN(release_at) AS release_at,
        MIN(first_seen_at) AS first_seen_at
    FROM members
    GROUP BY application, channel, grouping, version, major_version, version_key
),
succession AS (
    SELECT g.application, g.channel, g.grouping, g.version, MIN(n.release_at) AS superseded_at
    FROM all_groups g
    JOIN all_groups n ON n.application = g.application AND n.channel = g.channel AND n.grouping = g.grouping
    WHERE g.first_seen_at IS NOT NULL AND n.version_key > g.version_key AND n.release_at > g.release_at
    GROUP BY g.application, g.channel, g.grouping, g.version
),
placed AS (
    SELECT
        g.*,
        n.superseded_at,
        h.horizon,
        h.first_window,
        release_age_hours(COALESCE(n.superseded_at, h.horizon), g.release_at) AS field_duration_hours,
        release_age_hours(h.first_window, g.release_at) AS first_data_hours,
        g.version_key = MAX(g.version_key) OVER (PARTITION BY g.application, g.channel, g.grouping) AS is_newest,
        MAX(g.version_key) OVER (PARTITION BY g.application, g.channel, g.grouping) AS newest_key
    FROM all_groups g
    JOIN horizons h ON h.application = g.application AND h.channel = g.channel
    LEFT JOIN succession n
        ON n.application = g.application AND n.channel = g.channel AND n.grouping = g.grouping AND n.version = g.version
    WHERE g.first_seen_at IS NOT NULL
),
compared AS (
    SELECT
        p.*,
        MAX(CASE WHEN is_newest THEN release_age_hours(horizon, release_at) END)
            OVER (PARTITION BY application, channel, grouping) AS newest_age_hours,
        LAG(version) OVER by_version AS previous_version,
        LAG(release_at) OVER by_version AS previous_release_at,
        LAG(field_duration_hours) OVER by_version AS previous_field_hours,
        LAG(first_data_hours) OVER by_version AS previous_first_data_hours
    FROM placed p
    WINDOW by_version AS (PARTITION BY application, channel, grouping ORDER BY version_key, release_at, version)
),
aged AS (
    SELECT
        c.*,
        CASE WHEN newest_age_hours > 48 THEN 24.0 ELSE 0.0 END AS aligned_from_hours,
        LEAST(newest_age_hours, field_duration_hours) AS aligned_until_hours,
        CASE WHEN field_duration_hours > 48 THEN 24.0 ELSE 0.0 END AS paired_from_hours,
        CASE WHEN previous_version IS NOT NULL THEN LEAST(field_duration_hours, previous_field_hours) END
            AS paired_until_hours
    FROM compared c
),
-- Hours of which the channel has any data, in absolute numbers, to count those within each stretch of ages.
data_hours AS (
    SELECT DISTINCT application, channel, CAST(release_age_hours(hour_start, to_timestamp_micros(0)) AS BIGINT) AS hour_number
    FROM usage_by_hour
),
stretches AS (
    SELECT application, channel, grouping, version, 'aligned' AS stretch,
        release_age_hours(release_at, to_timestamp_micros(0)) + aligned_from_hours AS from_hours,
        release_age_hours(release_at, to_timestamp_micros(0)) + aligned_until_hours AS until_hours
    FROM aged
    UNION ALL
    SELECT application, channel, grouping, version, 'paired' AS stretch,
        release_age_hours(release_at, to_timestamp_micros(0)) + paired_from_hours AS from_hours,
        release_age_hours(release_at, to_timestamp_micros(0)) + paired_until_hours AS until_hours
    FROM aged
    UNION ALL
    SELECT application, channel, grouping, version, 'previous' AS stretch,
        release_age_hours(previous_release_at, to_timestamp_micros(0)) + paired_from_hours AS from_hours,
        release_age_hours(previous_release_at, to_timestamp_micros(0)) + paired_until_hours AS until_hours
    FROM aged
),
covered AS (
    SELECT
        s.application, s.channel, s.grouping, s.version, s.stretch,
        COUNT(d.hour_number) / NULLIF(CEIL(MAX(s.until_hours)) - FLOOR(MAX(s.from_hours)), 0) AS coverage
    FROM stretches s
    JOIN data_hours d ON d.application = s.application AND d.channel = s.channel
    WHERE d.hour_number >= FLOOR(s.from_hours) AND d.hour_number < CEIL(s.until_hours)
    GROUP BY s.application, s.channel, s.grouping, s.version, s.stretch
),
coverages AS (
    SELECT
        application, channel, grouping, version,
        MAX(coverage) FILTER (WHERE stretch = 'aligned') AS aligned_coverage,
        LEAST(
            COALESCE(MAX(coverage) FILTER (WHERE stretch = 'paired'), 0.0),
            COALESCE(MAX(coverage) FILTER (WHERE stretch = 'previous'), 0.0)
        ) AS paired_coverage
    FROM covered
    GROUP BY application, channel, grouping, version
)
SELECT
    a.application,
    a.channel,
    a.grouping,
    a.version,
    a.major_version,
    a.version_key,
    a.release_at,
    a.superseded_at,
    a.horizon,
    a.field_duration_hours,
    a.is_newest,
    a.aligned_from_hours,
    a.aligned_until_hours,
    -- A first window within the first hour of the aligned ages leaves nothing worth mentioning out.
    a.first_data_hours >= a.aligned_from_hours + 1 AS left_censored,
    a.first_data_hours,
    COALESCE(v.aligned_coverage, 0.0) AS coverage,
    CASE
        WHEN a.first_data_hours >= a.aligned_from_hours + 1 THEN 'left_censored'
        WHEN a.field_duration_hours < a.newest_age_hours THEN 'short_field'
        WHEN COALESCE(v.aligned_coverage, 0.0) < 0.9 THEN 'coverage'
    END AS truncated_reason,
    a.previous_version,
    a.paired_from_hours,
    a.paired_until_hours,
    a.previous_release_at,
    CASE
        WHEN a.previous_version IS NULL THEN NULL
        WHEN GREATEST(a.first_data_hours, a.previous_first_data_hours) >= a.paired_from_hours + 1 THEN 'left_censored'
        WHEN a.previous_field_hours < a.field_duration_hours THEN 'short_field'
        WHEN COALESCE(v.paired_coverage, 0.0) < 0.9 THEN 'coverage'
    END AS paired_reason
FROM aged a
LEFT JOIN coverages v
    ON v.application = a.application AND v.channel = a.channel AND v.grouping = a.grouping AND v.version = a.version
