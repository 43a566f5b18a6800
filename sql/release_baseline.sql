-- The band of acceptable rates by age, to draw behind a release's own curve. Rates are those of all hours up to an age,
-- so that the band grows narrower with every hour.
-- One row per application, channel, platform, measure, version, age_hours: those with a baseline.
-- Reads release_verdict_history.
--
--   application    application, such as Firefox
--   channel        update channel, such as release
--   platform       windows, mac, linux, android or other
--   measure        name of the measure, such as main_crashes
--   version        display version, such as 58.0.1 or 60.0b7
--   is_newest      whether it is the newest release of application and channel
--   age_hours      age of the release (hours)
--   expected_rate  rate at which the release would be like the earlier ones at the same ages (per 1000 usage hours)
--   lower          lower end of the acceptable rates (per 1000 usage hours)
--   upper          upper end of the acceptable rates (per 1000 usage hours)
--   rate           the release's own rate up to this age (per 1000 usage hours)
--   verdict        what could be said at this age
SELECT
    application,
    channel,
    platform,
    measure,
    version,
    is_newest,
    release_age_hours AS age_hours,
    baseline_rate AS expected_rate,
    baseline_lower AS lower,
    baseline_upper AS upper,
    rate,
    verdict
FROM release_verdict_history
WHERE baseline_rate IS NOT NULL
