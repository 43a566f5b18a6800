-- Each measure over time, for each branch of an experiment. A client in two experiments is in both, so branches of
-- different experiments are never to be added up; the population is in measure_timeseries.
-- One row per window_start, application, channel, platform, experiment_id, experiment_branch, measure.
-- Reads valid_aggregates, measures. One branch per measure, so that a filter on measure leaves a single sum.
--
--   window_start       start of the 5-minute window (UTC)
--   application        application, such as Firefox
--   channel            update channel, such as release
--   platform           windows, mac, linux, android or other
--   experiment_id      experiment
--   experiment_branch  branch of the experiment
--   measure            name of the measure, such as main_crashes
--   events             events of the measure (count)
--   usage_hours        usage, repeated for each measure: do not sum across measures (hours)
--   rate               events per 1000 usage hours; NULL without usage
--   rate_lower         lower 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   rate_upper         upper 95 % bound of rate, exact Poisson (per 1000 usage hours)
--   low_sample         too few events to trust the rate, and it may be above the measure's negligible_rate
WITH totals AS (
-- EACH MEASURE
UNION ALL
    SELECT
        window_start,
        application,
        channel,
        platform,
        experiment_id,
        experiment_branch,
        '{measure}' AS measure,
        COALESCE(SUM({measure}), 0) AS events,
        COALESCE(SUM(usage_hours), 0) AS usage_hours
    FROM valid_aggregates
    WHERE experiment_id IS NOT NULL
    GROUP BY window_start, application, channel, platform, experiment_id, experiment_branch
-- END
)
SELECT
    t.window_start,
    t.application,
    t.channel,
    t.platform,
    t.experiment_id,
    t.experiment_branch,
    t.measure,
    t.events,
    t.usage_hours,
    rate_per_khour(t.events, t.usage_hours) AS rate,
    rate_lower(t.events, t.usage_hours) AS rate_lower,
    rate_upper(t.events, t.usage_hours) AS rate_upper,
    t.events < min_events(0.5) AND rate_upper(t.events, t.usage_hours) > m.negligible_rate AS low_sample
FROM totals t
JOIN measures m ON m.measure = t.measure
