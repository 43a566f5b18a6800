-- Is it going up over several releases? Each major from its release to a fixed age.
-- One row per application, channel, platform, measure, major_version, age_hours: majors that reached the age.
-- Reads release_totals, release_groups, measures. Majors whose first hours the data do not have are left out.
--
--   application    application, such as Firefox
--   channel        update channel, such as release
--   platform       windows, mac, linux, android or other
--   measure        name of the measure, such as main_crashes
--   major_version  major version, such as 58
--   age_hours      24, 168 or 336: the ages from 0 to this one, exclusive (hours)
--   events         events at these ages (count)
--   usage_hours    usage at these ages (hours)
--   rate           events per 1000 usage hours
--   rate_lower     lower 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   rate_upper     upper 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   low_sample     too few events to trust the rate, and it may be above the measure's negligible_rate
WITH totals AS (
    SELECT
        t.application,
        t.channel,
        t.platform,
        t.measure,
        t.grouping,
        t.version,
        CASE t.span WHEN 'day' THEN 24 WHEN 'week' THEN 168 ELSE 336 END AS age_hours,
        t.events,
        t.usage_hours
    FROM release_totals t
    WHERE t.span IN ('day', 'week', 'fortnight')
)
SELECT
    t.application,
    t.channel,
    t.platform,
    t.measure,
    g.major_version,
    t.age_hours,
    t.events,
    t.usage_hours,
    rate_per_khour(t.events, t.usage_hours) AS rate,
    rate_lower(t.events, t.usage_hours) AS rate_lower,
    rate_upper(t.events, t.usage_hours) AS rate_upper,
    t.events < min_events(0.5) AND rate_upper(t.events, t.usage_hours) > m.negligible_rate AS low_sample
FROM totals t
JOIN release_groups g
    ON g.application = t.application AND g.channel = t.channel AND g.grouping = t.grouping AND g.version = t.version
JOIN measures m ON m.measure = t.measure
WHERE g.first_data_hours < 1 AND release_age_hours(g.horizon, g.release_at) >= t.age_hours
