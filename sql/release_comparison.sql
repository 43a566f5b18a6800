-- Each release against its immediate predecessor, both at the same ages.
-- One row per application, channel, platform, measure, grouping, version.
-- Reads release_totals, release_groups, measures.
-- The ages end where the release was superseded (or at the horizon), or where its predecessor was, if that was at a
-- younger age; the first 24 h are left out of both once the release is older than 48 h.
--
--   application           application, such as Firefox
--   channel               update channel, such as release
--   platform              windows, mac, linux, android or other
--   measure               name of the measure, such as main_crashes
--   grouping              major or version
--   version               58 for a major, 58.0.1 or 60.0b7 for a version
--   previous_version      the next lower version of the grouping
--   comparison_age_hours  age at which the comparison ends, exclusive (hours)
--   skipped_hours         age at which the comparison begins (hours)
--   events                events of the release at these ages (count)
--   usage_hours           usage of the release at these ages (hours)
--   rate                  events per 1000 usage hours of the release
--   rate_lower            lower 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   rate_upper            upper 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   low_sample            too few events to trust the rate, and it may be above the measure's negligible_rate
--   previous_events       events of the predecessor at these ages (count)
--   previous_usage_hours  usage of the predecessor at these ages (hours)
--   previous_rate         events per 1000 usage hours of the predecessor
--   rate_ratio            rate / previous_rate; Infinity where only the predecessor has no events
--   rate_ratio_lower      lower 95 % bound of rate_ratio, exact conditional
--   rate_ratio_upper      upper 95 % bound of rate_ratio, exact conditional
--   p_value               exact two-sided test that both rates are equal
--   truncated             whether the pair could not be observed over the whole age of the release
--   truncated_reason      short_field (predecessor superseded earlier), left_censored or coverage (data missing)
WITH newer AS (
    SELECT application, channel, platform, measure, grouping, version, events, usage_hours
    FROM release_totals
    WHERE span = 'paired'
),
older AS (
    SELECT application, channel, platform, measure, grouping, version, events, usage_hours
    FROM release_totals
    WHERE span = 'previous'
),
-- A platform that only one of the two was used on still has a row.
pairs AS (
    SELECT DISTINCT t.application, t.channel, t.platform, t.measure, t.grouping, g.version
    FROM release_totals t
    JOIN release_groups g
        ON g.application = t.application AND g.channel = t.channel AND g.grouping = t.grouping
        AND (g.version = t.version OR g.previous_version = t.version)
    WHERE t.span IN ('paired', 'previous') AND g.previous_version IS NOT NULL
),
compared AS (
    SELECT
        k.application,
        k.channel,
        k.platform,
        k.measure,
        k.grouping,
        k.version,
        g.previous_version,
        g.paired_until_hours AS comparison_age_hours,
        g.paired_from_hours AS skipped_hours,
        g.paired_reason AS truncated_reason,
        CASE WHEN g.paired_reason IS DISTINCT FROM 'left_censored' THEN COALESCE(n.events, 0) END AS events,
        CASE WHEN g.paired_reason IS DISTINCT FROM 'left_censored' THEN COALESCE(n.usage_hours, 0) END AS usage_hours,
        CASE WHEN g.paired_reason IS DISTINCT FROM 'left_censored' THEN COALESCE(o.events, 0) END AS previous_events,
        CASE WHEN g.paired_reason IS DISTINCT FROM 'left_censored' THEN COALESCE(o.usage_hours, 0) END
            AS previous_usage_hours
    FROM pairs k
    JOIN release_groups g
        ON g.application = k.application AND g.channel = k.channel AND g.grouping = k.grouping AND g.version = k.version
    LEFT JOIN newer n
        ON n.application = k.application AND n.channel = k.channel AND n.platform = k.platform
        AND n.measure = k.measure AND n.grouping = k.grouping AND n.version = k.version
    LEFT JOIN older o
        ON o.application = k.application AND o.channel = k.channel AND o.platform = k.platform
        AND o.measure = k.measure AND o.grouping = k.grouping AND o.version = g.previous_version
)
SELECT
    c.application,
    c.channel,
    c.platform,
    c.measure,
    c.grouping,
    c.version,
    c.previous_version,
    c.comparison_age_hours,
    c.skipped_hours,
    c.events,
    c.usage_hours,
    rate_per_khour(c.events, c.usage_hours) AS rate,
    rate_lower(c.events, c.usage_hours) AS rate_lower,
    rate_upper(c.events, c.usage_hours) AS rate_upper,
    c.events < min_events(0.5) AND rate_upper(c.events, c.usage_hours) > m.negligible_rate AS low_sample,
    c.previous_events,
    c.previous_usage_hours,
    rate_per_khour(c.previous_events, c.previous_usage_hours) AS previous_rate,
    rate_ratio(c.events, c.usage_hours, c.previous_events, c.previous_usage_hours) AS rate_ratio,
    rate_ratio_lower(c.events, c.usage_hours, c.previous_events, c.previous_usage_hours) AS rate_ratio_lower,
    rate_ratio_upper(c.events, c.usage_hours, c.previous_events, c.previous_usage_hours) AS rate_ratio_upper,
    rate_ratio_test(c.events, c.usage_hours, c.previous_events, c.previous_usage_hours) AS p_value,
    c.truncated_reason IS NOT NULL AS truncated,
    c.truncated_reason
FROM compared c
JOIN measures m ON m.measure = c.measure
