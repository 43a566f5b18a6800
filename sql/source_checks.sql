-- What is odd about the rows of the source, counted in one pass.
-- One row per application, channel, platform. Kept in memory.
-- Reads error_aggregates.
--
--   application          application, such as Firefox
--   channel              update channel, such as release
--   platform             windows, mac, linux, android or other
--   row_count            rows (count)
--   first_window         start of the first window (UTC)
--   last_window          start of the last window (UTC)
--   negative_hours       rows with negative hours (count)
--   negative_hours_first first of their windows (UTC)
--   negative_hours_last  last of their windows (UTC)
--   invalid_hours        rows with hours that are infinite or not a number (count)
--   invalid_hours_first  first of their windows (UTC)
--   invalid_hours_last   last of their windows (UTC)
--   no_hours             rows with no hours, or 0 (count)
--   no_hours_first       first of their windows (UTC)
--   no_hours_last        last of their windows (UTC)
--   no_country           rows with country ?? (count)
--   no_country_first     first of their windows (UTC)
--   no_country_last      last of their windows (UTC)
--   bad_build            rows with a build id that is not a time (count)
--   bad_build_first      first of their windows (UTC)
--   bad_build_last       last of their windows (UTC)
--   experiment           rows of experiments (count)
--   experiment_first     first of their windows (UTC)
--   experiment_last      last of their windows (UTC)
--   negative_{measure}       rows with a negative count of this measure (count)
--   negative_{measure}_first first of their windows (UTC)
--   negative_{measure}_last  last of their windows (UTC)
WITH checked AS (
    SELECT
        application,
        channel,
        platform,
        window_start,
        usage_hours,
        usage_hours < 0 AND usage_hours > CAST('-Infinity' AS DOUBLE PRECISION) AS has_negative_hours,
        usage_hours >= CAST('Infinity' AS DOUBLE PRECISION) OR usage_hours <= CAST('-Infinity' AS DOUBLE PRECISION)
            AS has_invalid_hours,
        COALESCE(usage_hours, 0) = 0 AS has_no_hours,
        country = '??' AS has_no_country,
        build_id IS NOT NULL AND build_time(build_id) IS NULL AS has_bad_build,
-- EACH MEASURE
        {measure},
-- END
        experiment_id IS NOT NULL AS is_experiment
    FROM error_aggregates
)
SELECT
    application,
    channel,
    platform,
    COUNT(*) AS row_count,
    MIN(window_start) AS first_window,
    MAX(window_start) AS last_window,
    COUNT(*) FILTER (WHERE has_negative_hours) AS negative_hours,
    MIN(window_start) FILTER (WHERE has_negative_hours) AS negative_hours_first,
    MAX(window_start) FILTER (WHERE has_negative_hours) AS negative_hours_last,
    COUNT(*) FILTER (WHERE has_invalid_hours) AS invalid_hours,
    MIN(window_start) FILTER (WHERE has_invalid_hours) AS invalid_hours_first,
    MAX(window_start) FILTER (WHERE has_invalid_hours) AS invalid_hours_last,
    COUNT(*) FILTER (WHERE has_no_hours) AS no_hours,
    MIN(window_start) FILTER (WHERE has_no_hours) AS no_hours_first,
    MAX(window_start) FILTER (WHERE has_no_hours) AS no_hours_last,
    COUNT(*) FILTER (WHERE has_no_country) AS no_country,
    MIN(window_start) FILTER (WHERE has_no_country) AS no_country_first,
    MAX(window_start) FILTER (WHERE has_no_country) AS no_country_last,
    COUNT(*) FILTER (WHERE has_bad_build) AS bad_build,
    MIN(window_start) FILTER (WHERE has_bad_build) AS bad_build_first,
    MAX(window_start) FILTER (WHERE has_bad_build) AS bad_build_last,
-- EACH MEASURE
    COUNT(*) FILTER (WHERE {measure} < 0) AS negative_{measure},
    MIN(window_start) FILTER (WHERE {measure} < 0) AS negative_{measure}_first,
    MAX(window_start) FILTER (WHERE {measure} < 0) AS negative_{measure}_last,
-- END
    COUNT(*) FILTER (WHERE is_experiment) AS experiment,
    MIN(window_start) FILTER (WHERE is_experiment) AS experiment_first,
    MAX(window_start) FILTER (WHERE is_experiment) AS experiment_last
FROM checked
GROUP BY application, channel, platform
