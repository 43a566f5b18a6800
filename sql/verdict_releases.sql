-- The releases that verdicts are about: from when until when each was in the field, what the calendar says of it, and
-- the parameters of its verdicts.
-- One row per application, channel, version: those that the data have. Kept in memory.
-- Reads releases, horizons, version_sightings, release_calendar, verdict_settings.
-- A release is looked at until it is superseded, but not beyond an age of 14 days.
--
--   application         application, such as Firefox
--   channel             update channel, such as release
--   version             display version, such as 58.0.1 or 60.0b7
--   version_key         number that sorts as the versions do
--   release_at          time of the release (UTC)
--   looked_until        end of its last whole hour that was looked at, exclusive (UTC)
--   looked_hours        whole hours from release_at to looked_until (hours)
--   is_newest           whether it is the highest version that the data have
--   is_redated          dated by its first usage, because the calendar's date contradicts the data
--   misdated_hours      by how much its usage began after (or, negative, before) its date, where that is more than
--                       48 h: its ages mean nothing then; NULL otherwise (hours)
--   is_flagged          the calendar says that it regressed: it is no part of any baseline
--   is_acknowledged     the calendar says that what is found is known: it is not called regressed, and raises no alert
--   alpha               as in verdict_settings
--   margin              as in verdict_settings, or the calendar's for this release
--   board_cells         as in verdict_settings (count)
--   minimum_expected    as in verdict_settings (count)
--   previous_releases   as in verdict_settings (count)
--   between_release_sd  as in verdict_settings
WITH remarks AS (
    SELECT
        application,
        channel,
        version_sort_key(version) AS version_key,
        BOOL_OR(COALESCE(flag = 'regressed', FALSE)) AS is_flagged,
        BOOL_OR(COALESCE(flag = 'acknowledged', FALSE)) AS is_acknowledged,
        MAX(margin) AS margin
    FROM release_calendar
    WHERE (flag IS NOT NULL OR margin IS NOT NULL) AND version_sort_key(version) IS NOT NULL
    GROUP BY application, channel, version_sort_key(version)
),
seen AS (
    SELECT
        r.application,
        r.channel,
        r.version,
        r.version_key,
        r.release_at,
        r.is_latest,
        r.release_source <> 'calendar' AND r.calendar_date IS NOT NULL AS is_redated,
        CASE
            WHEN r.release_source = 'calendar' AND h.first_window <= r.release_at
                THEN release_age_hours(s.established_at, r.release_at)
        END AS first_usage_hours,
        CAST(FLOOR(LEAST(release_age_hours(COALESCE(r.superseded_at, h.horizon), r.release_at), 336.0)) AS BIGINT)
            AS looked_hours
    FROM releases r
    JOIN horizons h ON h.application = r.application AND h.channel = r.channel
    JOIN version_sightings s ON s.application = r.application AND s.channel = r.channel AND s.version = r.version
    WHERE r.first_seen_at IS NOT NULL
)
SELECT
    s.application,
    s.channel,
    s.version,
    s.version_key,
    s.release_at,
    arrow_cast(CAST(s.release_at AS BIGINT) + s.looked_hours * 3600000000, 'Timestamp(Microsecond, Some("UTC"))')
        AS looked_until,
    s.looked_hours,
    s.is_latest AS is_newest,
    s.is_redated,
    CASE WHEN ABS(s.first_usage_hours) > 48 THEN s.first_usage_hours END AS misdated_hours,
    COALESCE(k.is_flagged, FALSE) AS is_flagged,
    COALESCE(k.is_acknowledged, FALSE) AS is_acknowledged,
    COALESCE(own.alpha, every.alpha) AS alpha,
    COALESCE(k.margin, own.margin, every.margin) AS margin,
    COALESCE(own.board_cells, every.board_cells) AS board_cells,
    COALESCE(own.minimum_expected, every.minimum_expected) AS minimum_expected,
    COALESCE(own.previous_releases, every.previous_releases) AS previous_releases,
    COALESCE(own.between_release_sd, every.between_release_sd) AS between_release_sd
FROM seen s
LEFT JOIN remarks k ON k.application = s.application AND k.channel = s.channel AND k.version_key = s.version_key
LEFT JOIN verdict_settings own ON own.channel = s.channel
CROSS JOIN (SELECT * FROM verdict_settings WHERE channel IS NULL) AS every
