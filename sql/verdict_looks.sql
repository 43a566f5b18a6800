-- The verdict on each release at every whole hour of its age, from the hours before alone: what would have been said
-- then is said again now.
-- One row per application, channel, platform, measure, version, age_hours. Kept in memory.
-- Reads verdict_releases, verdict_hours, verdict_pairs, verdict_fits, targets.
-- Hours of age in which the release or all its earlier releases have no usage carry no evidence; their events are
-- counted in uncovered_events alone.
--
--   application            application, such as Firefox
--   channel                update channel, such as release
--   platform               windows, mac, linux, android or other
--   measure                name of the measure, such as main_crashes
--   version                display version, such as 58.0.1 or 60.0b7
--   age_hours              age of the release at the look (hours)
--   is_last_look           whether it is the newest look at this release
--   verdict                ok, watch, regressed, improved or insufficient_data
--   lack                   why there are too little data: misdated, no_previous, one_previous, no_baseline, few_events,
--                          stopped; NULL where there are enough
--   events                 events so far (count)
--   usage_hours            usage so far (hours)
--   expected_events        events so far if the rates of the earlier releases at the same ages had held (count)
--   expected_lower         lower end of the acceptable events (count)
--   expected_upper         upper end of the acceptable events (count)
--   log_e                  evidence so far that the rate is higher by more than the margin (natural log of the e-value)
--   alarm_log_e            the evidence at which the release is regressed: ln(cells / alpha), where cells are board_cells,
--                          or those that can be compared with earlier releases if these are more
--   max_log_e              its highest value since there are enough data
--   max_log_e_improved     the same for a rate lower by more than the margin
--   always_valid_p         p-value of max_log_e, valid however often one looks; 1 before there are enough data
--   dispersion             variance of counts over their mean among the earlier releases
--   between_release_sd     standard deviation between releases of the logarithm of their rate
--   previous_releases      earlier releases that count (count)
--   dropped_release        earlier release that is left out because it lies far from the others
--   regressed_age_hours    age at the first look that found it regressed (hours)
--   ceiling_rate           lowest critical_rate of targets that applies (per 1000 usage hours)
--   ceiling_age_hours      age at the first look, from 48 h on, that found its rate since 24 h of age surely above
--                          ceiling_rate (hours)
--   uncovered_events       events in hours that carry no evidence (count)
--   quiet_expected_events  events expected since the last one (count)
WITH cells AS (
    SELECT
        p.application,
        p.channel,
        p.platform,
        p.version,
        unnest(generate_series(0, r.looked_hours - 1)) AS age_hour
    FROM (SELECT DISTINCT application, channel, platform, version FROM verdict_hours) AS p
    JOIN verdict_releases r ON r.application = p.application AND r.channel = p.channel AND r.version = p.version
),
own_hours AS (
    SELECT
        c.application,
        c.channel,
        c.platform,
        c.version,
        c.age_hour,
-- EACH MEASURE
        COALESCE(h.{measure}, 0) AS {measure},
-- END
        COALESCE(h.usage_hours, 0) AS usage_hours
    FROM cells c
    LEFT JOIN verdict_hours h
        ON h.application = c.application AND h.channel = c.channel AND h.platform = c.platform
        AND h.version = c.version AND h.age_hour = c.age_hour
),
own AS (
    SELECT
        application,
        channel,
        platform,
        version,
        age_hour,
        usage_hours,
        unnest(make_array(
-- EACH MEASURE
            named_struct('measure', '{measure}', 'events', {measure}),
-- END
            NULL
        )) AS pair
    FROM own_hours
),
earlier AS (
    SELECT
        p.application,
        p.channel,
        h.platform,
        p.version,
        p.previous_version,
        h.age_hour,
        h.usage_hours,
        unnest(make_array(
-- EACH MEASURE
            named_struct('measure', '{measure}', 'events', h.{measure}),
-- END
            NULL
        )) AS pair
    FROM verdict_pairs p
    JOIN verdict_hours h ON h.application = p.application AND h.channel = p.channel AND h.version = p.previous_version
),
baseline AS (
    SELECT
        e.application,
        e.channel,
        e.platform,
        f.measure,
        e.version,
        e.age_hour,
        SUM(e.pair['events']) AS events,
        SUM(e.usage_hours) AS usage_hours
    FROM earlier e
    JOIN verdict_fits f
        ON f.application = e.application AND f.channel = e.channel AND f.platform = e.platform
        AND f.version = e.version AND f.measure = e.pair['measure']
    WHERE f.dispersion IS NOT NULL AND e.previous_version IS DISTINCT FROM f.dropped_release
    GROUP BY e.application, e.channel, e.platform, f.measure, e.version, e.age_hour
),
ceilings AS (
    SELECT k.application, k.channel, k.platform, k.measure, MIN(t.critical_rate) AS ceiling_rate
    FROM (SELECT DISTINCT application, channel, platform, measure FROM verdict_fits) AS k
    CROSS JOIN targets t
    WHERE COALESCE(t.application, k.application) = k.application AND COALESCE(t.channel, k.channel) = k.channel
        AND COALESCE(t.platform, k.platform) = k.platform AND COALESCE(t.measure, k.measure) = k.measure
    GROUP BY k.application, k.channel, k.platform, k.measure
),
-- The cells of a release's board that can be compared at all. The earlier releases alone tell, so that a board does not
-- grow while its release does.
boards AS (
    SELECT application, channel, version, COUNT(*) AS cells
    FROM verdict_fits
    WHERE dispersion IS NOT NULL
    GROUP BY application, channel, version
),
paired AS (
    SELECT
        o.application,
        o.channel,
        o.platform,
        o.pair['measure'] AS measure,
        o.version,
        o.age_hour,
        o.pair['events'] AS events,
        o.usage_hours,
        b.events AS earlier_events,
        b.usage_hours AS earlier_hours,
        -- Without a baseline there is nothing that an hour could be compared with: all of them are shown.
        o.usage_hours > 0 AND (f.dispersion IS NULL OR COALESCE(b.usage_hours > 0, FALSE)) AS is_covered,
        f.earlier_releases,
        f.dispersion,
        f.between_release_sd,
        f.previous_releases,
        f.dropped_release,
        -- The margin, and what a release may differ by chance as 95 % of them do: the largest ratio that is no regression.
        (1 + r.margin) * EXP(1.645 * f.between_release_sd) AS largest_ratio,
        LN(GREATEST(r.board_cells, COALESCE(n.cells, 0)) / r.alpha) AS alarm_log_e,
        r.minimum_expected,
        r.misdated_hours,
        r.looked_hours,
        r.is_acknowledged,
        c.ceiling_rate
    FROM own o
    JOIN verdict_releases r ON r.application = o.application AND r.channel = o.channel AND r.version = o.version
    LEFT JOIN boards n ON n.application = o.application AND n.channel = o.channel AND n.version = o.version
    LEFT JOIN verdict_fits f
        ON f.application = o.application AND f.channel = o.channel AND f.platform = o.platform
        AND f.version = o.version AND f.measure = o.pair['measure']
    LEFT JOIN baseline b
        ON b.application = o.application AND b.channel = o.channel AND b.platform = o.platform
        AND b.measure = o.pair['measure'] AND b.version = o.version AND b.age_hour = o.age_hour
    LEFT JOIN ceilings c
        ON c.application = o.application AND c.channel = o.channel AND c.platform = o.platform
        AND c.measure = o.pair['measure']
    WHERE o.pair['measure'] IS NOT NULL
),
summed AS (
    SELECT
        p.*,
        SUM(CASE WHEN is_covered THEN events ELSE 0 END) OVER so_far AS events_so_far,
        SUM(CASE WHEN is_covered THEN usage_hours ELSE 0 END) OVER so_far AS hours_so_far,
        SUM(CASE WHEN is_covered THEN usage_hours * earlier_events / earlier_hours ELSE 0 END) OVER so_far AS expected_so_far,
        SUM(CASE WHEN is_covered THEN earlier_events ELSE 0 END) OVER so_far AS earlier_so_far,
        SUM(CASE WHEN is_covered THEN 0 ELSE events END) OVER so_far AS uncovered_so_far,
        rate_ratio_log_e(events, usage_hours, earlier_events, earlier_hours, largest_ratio, dispersion) OVER so_far AS log_e,
        rate_ratio_log_e(events, usage_hours, earlier_events, earlier_hours, 1 / largest_ratio, dispersion, 'less') OVER so_far
            AS log_e_improved,
        -- A ceiling is known without error, as if from a million times the hours. In its first day every release looks
        -- worse than it is, so that these hours are not held against it.
        rate_ratio_log_e(
            CASE WHEN age_hour >= 24 THEN events END, usage_hours,
            ceiling_rate * 1e3 * usage_hours, 1e6 * usage_hours, 1, dispersion
        ) OVER so_far AS ceiling_log_e
    FROM paired p
    WINDOW so_far AS (
        PARTITION BY application, channel, platform, measure, version ORDER BY age_hour ROWS UNBOUNDED PRECEDING
    )
),
gated AS (
    SELECT
        s.*,
        COALESCE(expected_so_far / dispersion >= minimum_expected, FALSE) AS is_enough,
        dispersion * expected_so_far + expected_so_far * expected_so_far * (
            dispersion / NULLIF(earlier_so_far, 0)
            + between_release_sd * between_release_sd * (1 + 1.0 / previous_releases)
        ) AS variance,
        expected_so_far - COALESCE(
            MAX(CASE WHEN is_covered AND events > 0 THEN expected_so_far END) OVER so_far, 0
        ) AS quiet_expected
    FROM summed s
    WINDOW so_far AS (
        PARTITION BY application, channel, platform, measure, version ORDER BY age_hour ROWS UNBOUNDED PRECEDING
    )
),
remembered AS (
    SELECT
        g.*,
        predictive_lower(expected_so_far, variance, previous_releases) AS expected_lower,
        predictive_upper(expected_so_far, variance, previous_releases) AS expected_upper,
        MAX(CASE WHEN is_enough THEN log_e END) OVER so_far AS max_log_e,
        MAX(CASE WHEN is_enough THEN log_e_improved END) OVER so_far AS max_log_e_improved,
        MIN(CASE WHEN is_enough AND log_e >= alarm_log_e THEN age_hour + 1 END) OVER so_far AS changed_age_hours,
        MIN(CASE WHEN is_enough AND age_hour >= 47 AND ceiling_log_e >= alarm_log_e THEN age_hour + 1 END) OVER so_far
            AS ceiling_age_hours,
        COALESCE(quiet_expected / dispersion >= minimum_expected, FALSE) AS is_quiet,
        MAX(quiet_expected / dispersion / minimum_expected) OVER so_far >= 1 AS was_quiet
    FROM gated g
    WINDOW so_far AS (
        PARTITION BY application, channel, platform, measure, version ORDER BY age_hour ROWS UNBOUNDED PRECEDING
    )
),
found AS (
    -- LEAST passes over NULL.
    SELECT m.*, LEAST(changed_age_hours, ceiling_age_hours) AS regressed_age_hours
    FROM remembered m
),
explained AS (
    SELECT
        m.*,
        CASE
            WHEN misdated_hours IS NOT NULL THEN 'misdated'
            WHEN COALESCE(earlier_releases, 0) = 0 THEN 'no_previous'
            WHEN earlier_releases = 1 THEN 'one_previous'
            WHEN dispersion IS NULL THEN 'no_baseline'
            WHEN NOT is_enough THEN 'few_events'
            WHEN is_quiet AND regressed_age_hours IS NULL THEN 'stopped'
        END AS lack
    FROM found m
)
SELECT
    application,
    channel,
    platform,
    measure,
    version,
    age_hour + 1 AS age_hours,
    age_hour + 1 = looked_hours AS is_last_look,
    CASE
        WHEN lack IS NOT NULL THEN 'insufficient_data'
        WHEN regressed_age_hours IS NOT NULL AND NOT is_acknowledged THEN 'regressed'
        WHEN max_log_e_improved >= alarm_log_e AND NOT was_quiet THEN 'improved'
        WHEN events_so_far > expected_upper THEN 'watch'
        ELSE 'ok'
    END AS verdict,
    lack,
    events_so_far AS events,
    hours_so_far AS usage_hours,
    CASE WHEN dispersion IS NOT NULL THEN expected_so_far END AS expected_events,
    expected_lower,
    expected_upper,
    log_e,
    alarm_log_e,
    max_log_e,
    max_log_e_improved,
    CASE WHEN dispersion IS NOT NULL THEN COALESCE(always_valid_p(max_log_e), 1.0) END AS always_valid_p,
    dispersion,
    between_release_sd,
    previous_releases,
    dropped_release,
    CASE WHEN lack IS NULL THEN regressed_age_hours END AS regressed_age_hours,
    ceiling_rate,
    CASE WHEN lack IS NULL THEN ceiling_age_hours END AS ceiling_age_hours,
    uncovered_so_far AS uncovered_events,
    quiet_expected AS quiet_expected_events
FROM explained
