-- The overview of a channel: its newest major on each platform, against the major before it at the same ages.
-- One row per application, channel, platform, measure.
-- Reads release_groups, release_totals, release_comparison, release_summary, measures.
-- The adjusted figures are those of release_comparison; of release_summary where there is no earlier major.
--
--   application             application, such as Firefox
--   channel                 update channel, such as release
--   platform                windows, mac, linux, android or other
--   measure                 name of the measure, such as main_crashes
--   latest_version          newest major
--   latest_age_hours        its age at the horizon (hours)
--   is_new_release          younger than 24 h: look at its figures with doubt
--   adjusted_events         events of the newest major over the shared ages (count)
--   adjusted_usage_hours    usage of the newest major over the shared ages (hours)
--   adjusted_rate           events per 1000 usage hours of the newest major over the shared ages
--   adjusted_rate_lower     lower 95 % bound of adjusted_rate, exact Poisson (per 1000 usage hours)
--   adjusted_rate_upper     upper 95 % bound of adjusted_rate, exact Poisson (per 1000 usage hours)
--   previous_version        the major before it
--   previous_adjusted_rate  events per 1000 usage hours of the previous major over the same ages
--   change_percent          change from previous_adjusted_rate to adjusted_rate; NULL where the former is 0 (percent)
--   rate_ratio              adjusted_rate / previous_adjusted_rate
--   rate_ratio_lower        lower 95 % bound of rate_ratio, exact conditional
--   rate_ratio_upper        upper 95 % bound of rate_ratio, exact conditional
--   low_sample              too few events to trust the rate, and it may be above the measure's negligible_rate
--   last_24h_rate           events per 1000 usage hours of the newest major in the 24 h before the horizon
--   last_updated_at         the horizon: end of the channel's data (UTC)
WITH last_day AS (
    SELECT application, channel, platform, measure, grouping, version, events, usage_hours
    FROM release_totals
    WHERE span = 'last_day'
),
newest AS (
    SELECT
        s.application,
        s.channel,
        s.platform,
        s.measure,
        s.version,
        release_age_hours(g.horizon, g.release_at) AS age_hours,
        CASE WHEN c.version IS NOT NULL THEN c.events ELSE s.adjusted_events END AS events,
        CASE WHEN c.version IS NOT NULL THEN c.usage_hours ELSE s.adjusted_usage_hours END AS usage_hours,
        c.previous_version,
        c.previous_rate,
        c.rate_ratio,
        c.rate_ratio_lower,
        c.rate_ratio_upper,
        rate_per_khour(d.events, d.usage_hours) AS last_24h_rate,
        g.horizon
    FROM release_summary s
    JOIN release_groups g
        ON g.application = s.application AND g.channel = s.channel AND g.grouping = s.grouping AND g.version = s.version
    LEFT JOIN release_comparison c
        ON c.application = s.application AND c.channel = s.channel AND c.platform = s.platform
        AND c.measure = s.measure AND c.grouping = s.grouping AND c.version = s.version
    LEFT JOIN last_day d
        ON d.application = s.application AND d.channel = s.channel AND d.platform = s.platform
        AND d.measure = s.measure AND d.grouping = s.grouping AND d.version = s.version
    WHERE s.grouping = 'major' AND g.is_newest
)
SELECT
    n.application,
    n.channel,
    n.platform,
    n.measure,
    n.version AS latest_version,
    n.age_hours AS latest_age_hours,
    n.age_hours < 24 AS is_new_release,
    n.events AS adjusted_events,
    n.usage_hours AS adjusted_usage_hours,
    rate_per_khour(n.events, n.usage_hours) AS adjusted_rate,
    rate_lower(n.events, n.usage_hours) AS adjusted_rate_lower,
    rate_upper(n.events, n.usage_hours) AS adjusted_rate_upper,
    n.previous_version,
    n.previous_rate AS previous_adjusted_rate,
    CASE WHEN n.previous_rate > 0 THEN (rate_per_khour(n.events, n.usage_hours) - n.previous_rate) / n.previous_rate * 100 END
        AS change_percent,
    n.rate_ratio,
    n.rate_ratio_lower,
    n.rate_ratio_upper,
    n.events < min_events(0.5) AND rate_upper(n.events, n.usage_hours) > m.negligible_rate AS low_sample,
    n.last_24h_rate,
    n.horizon AS last_updated_at
FROM newest n
JOIN measures m ON m.measure = n.measure
