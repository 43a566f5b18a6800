-- What the earlier releases say of each release before it has a single row: how much counts vary beyond chance, how
-- much releases differ, and which earlier release is left out because it lies far from the others.
-- One row per application, channel, platform, measure, version: those with an earlier release. Kept in memory.
-- Reads verdict_pairs, verdict_hours, over the complete curves of the earlier releases, so that nothing here changes
-- while a release grows older.
--
--   application         application, such as Firefox
--   channel             update channel, such as release
--   platform            windows, mac, linux, android or other
--   measure             name of the measure, such as main_crashes
--   version             display version, such as 58.0.1 or 60.0b7
--   earlier_releases    earlier releases with usage on this platform (count)
--   dispersion          variance of counts over their mean, at least 1; NULL without 2 releases of 2 blocks of 12 h
--   between_release_sd  standard deviation between releases of the logarithm of their rate
--   previous_releases   earlier releases that count (count)
--   dropped_release     the one that is left out; NULL where none is
WITH blocks AS (
    SELECT
        application,
        channel,
        platform,
        version,
        age_block_hours(age_hour, 12) AS age_block,
-- EACH MEASURE
        SUM({measure}) AS {measure},
-- END
        SUM(usage_hours) AS usage_hours
    FROM verdict_hours
    GROUP BY application, channel, platform, version, age_block_hours(age_hour, 12)
),
each_measure AS (
    SELECT
        p.application,
        p.channel,
        b.platform,
        p.version,
        p.previous_version,
        p.between_release_sd,
        b.age_block,
        b.usage_hours,
        unnest(make_array(
-- EACH MEASURE
            named_struct('measure', '{measure}', 'events', b.{measure}),
-- END
            NULL
        )) AS pair
    FROM verdict_pairs p
    JOIN blocks b ON b.application = p.application AND b.channel = p.channel AND b.version = p.previous_version
),
fitted AS (
    SELECT
        application,
        channel,
        platform,
        pair['measure'] AS measure,
        version,
        COUNT(DISTINCT previous_version) AS earlier_releases,
        dispersion_aligned_fit(previous_version, age_block, pair['events'], usage_hours, between_release_sd) AS fit
    FROM each_measure
    WHERE pair['measure'] IS NOT NULL
    GROUP BY application, channel, platform, pair['measure'], version
)
SELECT
    application,
    channel,
    platform,
    measure,
    version,
    earlier_releases,
    fit['phi'] AS dispersion,
    fit['tau'] AS between_release_sd,
    fit['k'] AS previous_releases,
    fit['dropped'] AS dropped_release
FROM fitted
