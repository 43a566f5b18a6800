-- The summary as Mission Control 1.0 showed it, to the digit and with its habits, for comparison with old numbers; use
-- release_summary for decisions.
-- One row per application, channel, platform, measure, version.
-- Reads mc1_spans, usage_windows, measures.
-- Ages count from the first window with usage. The stretch of an entry is inclusive at both ends and moves by 24 h when
-- the first day is skipped; an entry takes in every version whose name begins with its own; the 0.1 % of windows with
-- the highest rate are left out of the rates, not of the counts.
--
--   application             application, such as Firefox
--   channel                 update channel, such as release
--   platform                windows, mac, linux, android or other
--   measure                 name of the measure, such as main_crashes
--   version                 58 for a major, 58.0.1 for one of the three newest versions of the newest major
--   field_duration_seconds  from its first window to the next entry's first, or to its own last (seconds)
--   count                   events of its whole stretch; NULL where no row lies in it (count)
--   rate                    events per 1000 usage hours of its whole stretch, trimmed and rounded to 2 digits
--   adjusted_count          events of as much time as the newest major has had; NULL where no row lies in it (count)
--   adjusted_rate           events per 1000 usage hours of as much time as the newest major has had, likewise
WITH windows AS (
    SELECT
        s.application,
        s.channel,
        s.platform,
        s.version,
        s.span,
-- EACH MEASURE
        u.{measure},
-- END
        u.usage_hours / 1000 AS usage_khours
    FROM usage_windows u
    JOIN mc1_spans s
        ON s.application = u.application AND s.channel = u.channel AND s.platform = u.platform
        AND s.member_version = u.version AND u.window_start >= s.from_at AND u.window_start <= s.until_at
    WHERE u.usage_hours > 0
),
ranked AS (
-- EACH MEASURE
UNION ALL
    SELECT
        application,
        channel,
        platform,
        '{measure}' AS measure,
        version,
        span,
        {measure} AS events,
        usage_khours,
        ROW_NUMBER() OVER (
            PARTITION BY application, channel, platform, version, span
            ORDER BY {measure} / usage_khours, {measure}, usage_khours
        ) AS place,
        COUNT(*) OVER (PARTITION BY application, channel, platform, version, span) AS row_count
    FROM windows
-- END
),
totals AS (
    SELECT
        application,
        channel,
        platform,
        measure,
        version,
        span,
        SUM(events) AS events,
        SUM(events) FILTER (WHERE place <= CEIL(0.999 * row_count))
            / SUM(usage_khours) FILTER (WHERE place <= CEIL(0.999 * row_count)) AS rate
    FROM ranked
    GROUP BY application, channel, platform, measure, version, span
),
stretches AS (
    SELECT
        application,
        channel,
        platform,
        measure,
        version,
        MAX(events) FILTER (WHERE span = 'field') AS events,
        MAX(rate) FILTER (WHERE span = 'field') AS rate,
        MAX(events) FILTER (WHERE span = 'adjusted') AS adjusted_events,
        MAX(rate) FILTER (WHERE span = 'adjusted') AS adjusted_rate
    FROM totals
    GROUP BY application, channel, platform, measure, version
),
entries AS (
    SELECT DISTINCT s.application, s.channel, s.platform, m.measure, s.version, s.field_duration_seconds
    FROM mc1_spans s
    CROSS JOIN measures m
)
SELECT
    e.application,
    e.channel,
    e.platform,
    e.measure,
    e.version,
    e.field_duration_seconds,
    t.events AS count,
    ROUND(t.rate, 2) AS rate,
    t.adjusted_events AS adjusted_count,
    ROUND(t.adjusted_rate, 2) AS adjusted_rate
FROM entries e
LEFT JOIN stretches t
    ON t.application = e.application AND t.channel = e.channel AND t.platform = e.platform
    AND t.measure = e.measure AND t.version = e.version
