-- Every release: the versions in the data and those of the calendar, up to the horizon of application and channel.
-- One row per application, channel, version. Kept in memory.
-- Reads version_sightings, release_calendar, horizons, channels.
-- release_at is the calendar's, unless the data contradict it: they precede it by more than 30 days, or begin more
-- than 30 days after it although the channel's data already covered that date. Without a calendar entry it is the
-- time at which the version was established; if its build is older than the channel's data and it was there on their
-- first day, or if it was never used, the time of its build. A calendar's version is matched by order, so that 60.0
-- and 60.0esr are one; the data's spelling is kept. Versions that do not parse are no releases.
--
--   application     application, such as Firefox
--   channel         update channel, such as release
--   version         version as the data write it, or else the calendar
--   major_version   major version, such as 58
--   version_key     number that sorts as the versions do
--   stage           nightly, beta, rc, final or esr
--   release_at      time of the release, from which ages are counted (UTC)
--   release_source  calendar, first_seen or build
--   first_seen_at   start of the first window with a row; NULL if never seen (UTC)
--   calendar_date   time that the calendar states; NULL where it has none (UTC)
--   build_at        time of the earliest build seen (UTC)
--   superseded_at   when the next release of a higher version came; NULL if none did (UTC)
--   is_latest       whether it is the highest version seen in application and channel
WITH calendar AS (
    SELECT
        c.application,
        c.channel,
        version_sort_key(c.version) AS version_key,
        MIN(c.version) AS version,
        -- A configured entry wins over one that ships with the product.
        COALESCE(MIN(c.release_at) FILTER (WHERE c.origin = 'configured'), MIN(c.release_at)) AS calendar_date
    FROM release_calendar c
    JOIN horizons h ON h.application = c.application AND h.channel = c.channel
    WHERE version_sort_key(c.version) IS NOT NULL
    GROUP BY c.application, c.channel, version_sort_key(c.version)
),
seen AS (
    SELECT
        s.application,
        s.channel,
        version_sort_key(s.version) AS version_key,
        s.version,
        s.first_seen_at,
        s.established_at,
        s.build_at,
        COALESCE(s.build_at < h.first_window, FALSE) AND s.first_seen_at < h.first_window + INTERVAL '24 hours'
            AS is_older_than_data,
        h.first_window
    FROM version_sightings s
    JOIN horizons h ON h.application = s.application AND h.channel = s.channel
    WHERE version_sort_key(s.version) IS NOT NULL
),
known AS (
    SELECT
        COALESCE(s.application, c.application) AS application,
        COALESCE(s.channel, c.channel) AS channel,
        COALESCE(s.version_key, c.version_key) AS version_key,
        COALESCE(s.version, c.version) AS version,
        s.first_seen_at,
        s.established_at,
        s.build_at,
        s.is_older_than_data,
        c.calendar_date,
        c.calendar_date IS NOT NULL
            AND NOT COALESCE(s.first_seen_at < c.calendar_date - INTERVAL '30 days', FALSE)
            AND NOT COALESCE(
                s.first_seen_at > c.calendar_date + INTERVAL '30 days' AND s.first_window <= c.calendar_date, FALSE
            ) AS calendar_stands
    FROM seen s
    FULL JOIN calendar c
        ON c.application = s.application AND c.channel = s.channel AND c.version_key = s.version_key
),
dated AS (
    SELECT
        k.application,
        k.channel,
        k.version,
        k.version_key,
        k.first_seen_at,
        k.calendar_date,
        k.build_at,
        CASE
            WHEN k.calendar_stands THEN k.calendar_date
            WHEN k.established_at IS NOT NULL AND NOT k.is_older_than_data THEN k.established_at
            ELSE COALESCE(k.build_at, k.first_seen_at)
        END AS release_at,
        CASE
            WHEN k.calendar_stands THEN 'calendar'
            WHEN k.established_at IS NOT NULL AND NOT k.is_older_than_data THEN 'first_seen'
            WHEN k.build_at IS NOT NULL THEN 'build'
            ELSE 'first_seen'
        END AS release_source
    FROM known k
),
present AS (
    SELECT d.*
    FROM dated d
    JOIN horizons h ON h.application = d.application AND h.channel = d.channel
    WHERE d.release_at <= h.horizon
),
succession AS (
    SELECT r.application, r.channel, r.version, MIN(n.release_at) AS superseded_at
    FROM present r
    JOIN present n ON n.application = r.application AND n.channel = r.channel
    WHERE n.version_key > r.version_key AND n.release_at > r.release_at
    GROUP BY r.application, r.channel, r.version
)
SELECT
    r.application,
    r.channel,
    r.version,
    version_major(r.version) AS major_version,
    r.version_key,
    CASE WHEN version_stage(r.version) = 'final' THEN COALESCE(c.plain_stage, 'final') ELSE version_stage(r.version) END
        AS stage,
    r.release_at,
    r.release_source,
    r.first_seen_at,
    r.calendar_date,
    r.build_at,
    n.superseded_at,
    r.first_seen_at IS NOT NULL
        AND r.version_key = MAX(CASE WHEN r.first_seen_at IS NOT NULL THEN r.version_key END)
            OVER (PARTITION BY r.application, r.channel) AS is_latest
FROM present r
LEFT JOIN succession n ON n.application = r.application AND n.channel = r.channel AND n.version = r.version
LEFT JOIN channels c ON c.channel = r.channel
