-- What there is to alert about: each regression at the look that found it first, but for those that the calendar
-- acknowledges. alerts remembers what stood here once; this view forgets what late data disprove.
-- One row per application, channel, platform, measure, version.
-- Reads release_verdict_history.
--
--   first_moment       time of the look (UTC)
--   application        application, such as Firefox
--   channel            update channel, such as release
--   platform           windows, mac, linux, android or other
--   measure            name of the measure, such as main_crashes
--   version            version that regressed
--   is_newest          whether it is still the newest release of application and channel
--   release_age_hours  age at the look (hours)
--   log_e              evidence at the look (natural logarithm of the e-value)
--   always_valid_p     p-value at the look, valid however often one looks
--   ratio              rate at the look over that of the earlier releases
--   events             events until the look (count)
--   expected_events    events that were expected until then (count)
--   sentence           the finding in words
SELECT
    looked_at AS first_moment,
    application,
    channel,
    platform,
    measure,
    version,
    is_newest,
    release_age_hours,
    log_e,
    always_valid_p,
    ratio,
    events,
    expected_events,
    reason AS sentence
FROM release_verdict_history
WHERE verdict = 'regressed' AND looked_at = regressed_at AND NOT is_acknowledged
