-- The last 7 days before the horizon once for each of the other dimensions.
-- One row per row of the source in these days and dimension.
-- Reads valid_aggregates, horizons.
--
--   dimension     country, os_version or architecture
--   value         value of this dimension
--   window_start  start of the 5-minute window (UTC)
--   application   application, such as Firefox
--   channel       update channel, such as release
--   platform      windows, mac, linux, android or other
--   version       display version, such as 58.0.1 or 60.0b7
--   build_id      build, YYYYMMDDhhmmss
--   usage_hours   usage (hours)
--   {measure}     events of this measure (count)
WITH recent AS (
    SELECT v.*
    FROM valid_aggregates v
    JOIN horizons h ON h.application = v.application AND h.channel = v.channel
    WHERE v.experiment_id IS NULL AND v.window_start >= h.horizon - INTERVAL '7 days'
),
each_dimension AS (
    SELECT 'country' AS dimension, country AS value, r.* FROM recent r
    UNION ALL
    SELECT 'os_version' AS dimension, os_version AS value, r.* FROM recent r
    UNION ALL
    SELECT 'architecture' AS dimension, architecture AS value, r.* FROM recent r
)
SELECT
    dimension,
    value,
    window_start,
    application,
    channel,
    platform,
    version,
    build_id,
-- EACH MEASURE
    {measure},
-- END
    usage_hours
FROM each_dimension
