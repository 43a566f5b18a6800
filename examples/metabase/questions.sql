-- Questions for Metabase, as native queries. Each stands behind a line that begins with "-- question:"; the lines behind
-- it say what to choose in Metabase. {{channel}} is a text variable, and a part in [[ ]] is left out while its variable is
-- empty: both are Metabase's own.

-- question: Is the newest release OK?
-- display: table
-- variables: channel = release
SELECT v.platform, m.label AS measure, v.version, v.verdict, v.reason, v.rate, v.baseline_lower, v.baseline_upper, v.events
FROM release_verdicts v
JOIN measures m ON m.measure = v.measure
WHERE v.application = 'Firefox' AND v.channel = {{channel}} AND v.is_newest AND m.is_key
ORDER BY v.platform, m.label

-- question: Channel overview
-- display: table
-- variables: channel = release
SELECT s.platform, m.label AS measure, s.latest_version, s.adjusted_events, s.adjusted_rate, s.adjusted_rate_lower,
       s.adjusted_rate_upper, s.previous_version, s.previous_adjusted_rate, s.change_percent, s.rate_ratio_lower,
       s.rate_ratio_upper, s.low_sample
FROM channel_summary s
JOIN measures m ON m.measure = s.measure
WHERE s.application = 'Firefox' AND s.channel = {{channel}} AND m.is_key
ORDER BY s.platform, m.label

-- question: Scores of the channels
-- display: bar, x: channel, y: score, series: application
SELECT application, channel, version, score
FROM channel_score
WHERE score IS NOT NULL
ORDER BY application, channel

-- question: Adoption of versions
-- display: area, stacked 100 %, x: day, y: usage_hours, series: version
-- variables: channel = release, platform (optional)
SELECT date_trunc('day', hour_start) AS day, version, sum(usage_hours) AS usage_hours
FROM adoption
WHERE application = 'Firefox' AND channel = {{channel}} [[AND platform = {{platform}}]]
GROUP BY 1, 2
HAVING sum(usage_hours) > 0
ORDER BY 1, 2

-- question: Releases at equal age
-- display: combo, x: version, y: adjusted_rate, adjusted_rate_lower, adjusted_rate_upper
-- variables: channel = release, platform = windows, measure = main_crashes
SELECT version, release_at, adjusted_events, adjusted_usage_hours, adjusted_rate, adjusted_rate_lower, adjusted_rate_upper
FROM release_summary
WHERE application = 'Firefox' AND channel = {{channel}} AND platform = {{platform}} AND measure = {{measure}}
  AND grouping = 'major' AND adjusted_rate IS NOT NULL
ORDER BY version_sort_key(version)

-- question: Each version against the one before
-- display: table
-- variables: channel = beta, platform = windows, measure = main_crashes
SELECT version, previous_version, skipped_hours, comparison_age_hours, events, previous_events, rate, previous_rate,
       rate_ratio, rate_ratio_lower, rate_ratio_upper, p_value
FROM release_comparison
WHERE application = 'Firefox' AND channel = {{channel}} AND platform = {{platform}} AND measure = {{measure}}
  AND grouping = 'version'
ORDER BY version_sort_key(version) DESC

-- question: Surely worse than the version before
-- display: table
-- variables: channel = beta
SELECT platform, measure, version, previous_version, events, previous_events, rate_ratio, rate_ratio_lower
FROM release_comparison
WHERE application = 'Firefox' AND channel = {{channel}} AND grouping = 'version'
  AND events + previous_events >= 100 AND rate_ratio_lower > 1.25
ORDER BY rate_ratio_lower DESC

-- question: One measure by the hour
-- display: line, x: hour, y: rate, lower, upper
-- variables: channel = release, platform (optional), measure = main_crashes, version (optional), from = 2018-06-05, until = 2018-06-07
SELECT date_trunc('hour', window_start) AS hour, sum(events) AS events, sum(usage_hours) AS usage_hours,
       rate_per_khour(sum(events), sum(usage_hours)) AS rate, rate_lower(sum(events), sum(usage_hours)) AS lower,
       rate_upper(sum(events), sum(usage_hours)) AS upper
FROM measure_timeseries
WHERE application = 'Firefox' AND channel = {{channel}} AND measure = {{measure}}
  AND window_start >= CAST({{from}} AS timestamptz) AND window_start < CAST({{until}} AS timestamptz)
  [[AND platform = {{platform}}]] [[AND version = {{version}}]]
GROUP BY 1
ORDER BY 1

-- question: The first two weeks of the majors
-- display: bar, x: major_version, y: rate, series: age_hours
-- variables: channel = release, platform = windows, measure = content_crashes
SELECT major_version, age_hours, events, rate, rate_lower, rate_upper
FROM release_trend
WHERE application = 'Firefox' AND channel = {{channel}} AND platform = {{platform}} AND measure = {{measure}}
ORDER BY major_version, age_hours

-- question: By country
-- display: map or table
-- variables: channel = release, measure = main_crashes
SELECT value AS country, sum(events) AS events, sum(usage_hours) AS usage_hours,
       rate_per_khour(sum(events), sum(usage_hours)) AS rate, rate_lower(sum(events), sum(usage_hours)) AS lower,
       rate_upper(sum(events), sum(usage_hours)) AS upper
FROM dimension_summary
WHERE application = 'Firefox' AND channel = {{channel}} AND dimension = 'country' AND measure = {{measure}}
GROUP BY value
ORDER BY sum(usage_hours) DESC
LIMIT 20

-- question: Data quality
-- display: table
SELECT severity, check_name, application, channel, platform, measure, first_window, last_window, rows_affected, detail
FROM data_quality
WHERE severity <> 'info'
ORDER BY severity, check_name
