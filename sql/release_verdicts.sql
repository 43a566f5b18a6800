-- Is this release OK? The verdict on each release from all its data: of the newest ones as of now, of earlier ones as
-- of the end of their time.
-- One row per application, channel, platform, measure, version.
-- Reads release_verdict_history. WHERE is_newest leaves the newest release of each application and channel.
--
--   application            application, such as Firefox
--   channel                update channel, such as release
--   platform               windows, mac, linux, android or other
--   measure                name of the measure, such as main_crashes
--   version                display version, such as 58.0.1 or 60.0b7
--   is_newest              whether it is the newest release of application and channel
--   release_age_hours      age of the release at its last look (hours)
--   verdict                ok; watch: more events than releases differ by as a rule; regressed: surely more than the
--                          margin above the earlier releases, or above its ceiling, and it stays so; improved: surely
--                          less than the earlier releases by more than the margin, likewise;
--                          insufficient_data: see reason
--   reason                 the verdict in words, with its numbers
--   rate                   events per 1000 usage hours so far
--   baseline_rate          rate at which the release would be like the earlier ones at the same ages
--   baseline_lower         lower end of the acceptable rates (per 1000 usage hours)
--   baseline_upper         upper end of the acceptable rates (per 1000 usage hours)
--   ratio                  rate / baseline_rate
--   events                 events so far, in hours that can be compared (count)
--   usage_hours            usage so far, in hours that can be compared (hours)
--   expected_events        events at the baseline_rate (count)
--   expected_lower         lower end of the acceptable events (count)
--   expected_upper         upper end of the acceptable events (count)
--   always_valid_p         p-value of a rate higher by more than the margin, valid however often one looks
--   log_e                  evidence for that now (natural logarithm of the e-value)
--   max_log_e              its highest value so far, since there are enough data
--   alarm_log_e            the evidence at which the release is regressed
--   dispersion             variance of counts over their mean among the earlier releases
--   between_release_sd     standard deviation between releases of the logarithm of their rate
--   previous_releases      earlier releases that it is compared with (count)
--   dropped_release        earlier release that is left out because it lies far from the others
--   regressed_at           time of the first look that found it regressed (UTC)
--   ceiling_rate           lowest critical_rate of targets that applies (per 1000 usage hours)
--   uncovered_events       events in hours that cannot be compared (count)
--   is_acknowledged        the calendar says that what is found is known: it is not called regressed, and raises no alert
SELECT
    application,
    channel,
    platform,
    measure,
    version,
    is_newest,
    release_age_hours,
    verdict,
    reason,
    rate,
    baseline_rate,
    baseline_lower,
    baseline_upper,
    ratio,
    events,
    usage_hours,
    expected_events,
    expected_lower,
    expected_upper,
    always_valid_p,
    log_e,
    max_log_e,
    alarm_log_e,
    dispersion,
    between_release_sd,
    previous_releases,
    dropped_release,
    regressed_at,
    ceiling_rate,
    uncovered_events,
    is_acknowledged
FROM release_verdict_history
WHERE is_last_look
