-- Every release on every platform: its rate while it was the current one, and its adjusted rate over the ages that all
-- releases of the grouping share.
-- One row per application, channel, platform, measure, grouping, version.
-- Reads release_totals, release_groups, measures.
-- rate is over [release_at, superseded_at). The adjusted figures are over the same half-open ages for all: from 24 h (0
-- while the newest is not older than 48 h) to the age of the newest, or to the end of the release's field time if that
-- came sooner; NULL where the channel's data begin too late for them.
--
--   application          application, such as Firefox
--   channel              update channel, such as release
--   platform             windows, mac, linux, android or other
--   measure              name of the measure, such as main_crashes
--   grouping             major or version
--   version              58 for a major, 58.0.1 or 60.0b7 for a version
--   release_at           time of the release; of a major, of its first version (UTC)
--   field_duration_hours age at which it was superseded, or else its age at the horizon (hours)
--   events               events while it was the current release (count)
--   usage_hours          usage while it was the current release (hours)
--   rate                 events per 1000 usage hours while it was the current release; NULL without usage
--   rate_lower           lower 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   rate_upper           upper 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   adjusted_events      events over the shared ages (count)
--   adjusted_usage_hours usage over the shared ages (hours)
--   adjusted_rate        events per 1000 usage hours over the shared ages
--   adjusted_rate_lower  lower 95 % bound of adjusted_rate, exact Poisson (per 1000 usage hours)
--   adjusted_rate_upper  upper 95 % bound of adjusted_rate, exact Poisson (per 1000 usage hours)
--   low_sample           too few events to trust the rate, and it may be above the measure's negligible_rate
--   truncated            whether the release could not be observed over all of the shared ages
--   truncated_reason     short_field (superseded earlier), left_censored (data begin later) or coverage (data missing)
--   usage_share          its share of the hours of channel and platform in the last 24 h before the horizon
WITH totals AS (
    SELECT
        application,
        channel,
        platform,
        measure,
        grouping,
        version,
        COALESCE(SUM(events) FILTER (WHERE span = 'field'), 0) AS events,
        COALESCE(SUM(usage_hours) FILTER (WHERE span = 'field'), 0) AS usage_hours,
        COALESCE(SUM(events) FILTER (WHERE span = 'aligned'), 0) AS aligned_events,
        COALESCE(SUM(usage_hours) FILTER (WHERE span = 'aligned'), 0) AS aligned_usage_hours,
        COALESCE(SUM(usage_hours) FILTER (WHERE span = 'last_day'), 0) AS last_day_hours
    FROM release_totals
    GROUP BY application, channel, platform, measure, grouping, version
),
placed AS (
    SELECT
        t.application,
        t.channel,
        t.platform,
        t.measure,
        t.grouping,
        t.version,
        g.release_at,
        g.field_duration_hours,
        t.events,
        t.usage_hours,
        CASE WHEN NOT g.left_censored THEN t.aligned_events END AS adjusted_events,
        CASE WHEN NOT g.left_censored THEN t.aligned_usage_hours END AS adjusted_usage_hours,
        g.truncated_reason,
        t.last_day_hours
            / NULLIF(SUM(t.last_day_hours) OVER (PARTITION BY t.application, t.channel, t.platform, t.measure, t.grouping), 0)
            AS usage_share
    FROM totals t
    JOIN release_groups g
        ON g.application = t.application AND g.channel = t.channel AND g.grouping = t.grouping AND g.version = t.version
)
SELECT
    p.application,
    p.channel,
    p.platform,
    p.measure,
    p.grouping,
    p.version,
    p.release_at,
    p.field_duration_hours,
    p.events,
    p.usage_hours,
    rate_per_khour(p.events, p.usage_hours) AS rate,
    rate_lower(p.events, p.usage_hours) AS rate_lower,
    rate_upper(p.events, p.usage_hours) AS rate_upper,
    p.adjusted_events,
    p.adjusted_usage_hours,
    rate_per_khour(p.adjusted_events, p.adjusted_usage_hours) AS adjusted_rate,
    rate_lower(p.adjusted_events, p.adjusted_usage_hours) AS adjusted_rate_lower,
    rate_upper(p.adjusted_events, p.adjusted_usage_hours) AS adjusted_rate_upper,
    p.events < min_events(0.5) AND rate_upper(p.events, p.usage_hours) > m.negligible_rate AS low_sample,
    p.truncated_reason IS NOT NULL AS truncated,
    p.truncated_reason,
    p.usage_share
FROM placed p
JOIN measures m ON m.measure = p.measure
