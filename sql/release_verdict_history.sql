-- Is this release OK? What could be said at every whole hour of its age, so that a chart shows when the verdict changed.
-- One row per application, channel, platform, measure, version, release_age_hours, from 1 h until the release was
-- superseded, or 14 days.
-- Reads verdict_looks, verdict_releases, verdict_pairs. The page on verdicts in sql/README.md says what they promise.
--
--   application            application, such as Firefox
--   channel                update channel, such as release
--   platform               windows, mac, linux, android or other
--   measure                name of the measure, such as main_crashes
--   version                display version, such as 58.0.1 or 60.0b7
--   is_newest              whether it is the newest release of application and channel
--   is_last_look           whether it is the newest look at this release
--   release_age_hours      age of the release at the look (hours)
--   looked_at              time of the look (UTC)
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
--   log_e                  evidence for that at this look (natural logarithm of the e-value)
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
WITH looks AS (
    SELECT
        l.*,
        rate_per_khour(l.events, l.usage_hours) AS rate,
        rate_per_khour(l.expected_events, l.usage_hours) AS baseline_rate,
        l.events / NULLIF(l.expected_events, 0) AS ratio,
        r.release_at,
        r.is_newest,
        r.is_redated,
        r.is_acknowledged,
        r.misdated_hours,
        r.margin,
        r.minimum_expected,
        n.previous_version AS nearest_version
    FROM verdict_looks l
    JOIN verdict_releases r ON r.application = l.application AND r.channel = l.channel AND r.version = l.version
    LEFT JOIN verdict_pairs n
        ON n.application = l.application AND n.channel = l.channel AND n.version = l.version AND n.previous_rank = 1
),
worded AS (
    SELECT
        looks.*,
        concat(
            CAST(events AS BIGINT), ' events where ', ROUND(expected_events, 1), ' were expected from ', previous_releases,
            ' earlier releases at the same ages', CASE WHEN dropped_release IS NULL THEN '' ELSE concat(' (without ', dropped_release, ', which differs too much)') END
        ) AS comparison,
        concat(
            ROUND(expected_lower, 1), ' to ', ROUND(expected_upper, 1), ' are acceptable'
        ) AS band,
        concat(ROUND(margin * 100, 1), ' % margin') AS margin_words
    FROM looks
)
SELECT
    application,
    channel,
    platform,
    measure,
    version,
    is_newest,
    is_last_look,
    CAST(age_hours AS DOUBLE) AS release_age_hours,
    arrow_cast(CAST(release_at AS BIGINT) + age_hours * 3600000000, 'Timestamp(Microsecond, Some("UTC"))') AS looked_at,
    verdict,
    concat(
        CASE
            WHEN lack = 'misdated' THEN concat(
                'the calendar''s date cannot be right: usage began ', CAST(ROUND(ABS(misdated_hours)) AS BIGINT), ' h ',
                CASE WHEN misdated_hours > 0 THEN 'after' ELSE 'before' END, ' it, so that its ages mean nothing'
            )
            WHEN lack = 'no_previous' THEN 'no earlier release of this channel has usage on this platform to compare with'
            WHEN lack = 'one_previous' THEN concat('only one earlier release (', nearest_version, ') can be compared with; two are needed')
            WHEN lack = 'no_baseline' THEN 'the earlier releases have too few events of this kind to know how much they differ'
            WHEN lack = 'few_events' THEN concat(
                'too early to say: ', ROUND(expected_events, 1), ' events were expected so far, ',
                ROUND(minimum_expected * dispersion, 1), ' are needed (', CAST(events AS BIGINT), ' came)'
            )
            WHEN lack = 'stopped' THEN concat(
                'no event came where ', ROUND(quiet_expected_events, 1), ' were expected: the measure seems to be no longer collected'
            )
            WHEN verdict = 'regressed' AND ceiling_age_hours = regressed_age_hours THEN concat(
                'regressed since ', regressed_age_hours, ' h of age: since its first day the rate is surely above ', ceiling_rate,
                ' per 1000 h, the ceiling that is set for it; ', comparison
            )
            WHEN verdict = 'regressed' THEN concat(
                'regressed since ', regressed_age_hours, ' h of age: the rate is ', ROUND(ratio, 2), ' times the baseline, ',
                comparison, '; beyond the ', margin_words, ' with ',
                CASE WHEN always_valid_p < 0.0001 THEN 'p < 0.0001' ELSE concat('p = ', ROUND(always_valid_p, 4)) END
            )
            WHEN verdict = 'improved' THEN concat(
                'improved: the rate is ', ROUND(ratio, 2), ' times the baseline, ', comparison, '; surely below it by more than the ',
                margin_words
            )
            WHEN verdict = 'watch' THEN concat(
                'more than usual, not yet sure: the rate is ', ROUND(ratio, 2), ' times the baseline, ', comparison, '; ', band
            )
            ELSE concat('within what is usual: the rate is ', ROUND(ratio, 2), ' times the baseline, ', comparison, '; ', band)
        END,
        CASE
            WHEN is_acknowledged AND lack IS NULL AND regressed_age_hours IS NOT NULL
                THEN concat('; regressed since ', regressed_age_hours, ' h of age, which the calendar acknowledges')
            ELSE ''
        END,
        CASE WHEN uncovered_events > 0 AND lack IS NULL THEN concat('; ', CAST(uncovered_events AS BIGINT), ' events in hours without usage on one side are left out') ELSE '' END,
        CASE WHEN is_redated THEN '; its date is that of its first usage, since the calendar''s contradicts the data' ELSE '' END
    ) AS reason,
    rate,
    baseline_rate,
    rate_per_khour(expected_lower, usage_hours) AS baseline_lower,
    rate_per_khour(expected_upper, usage_hours) AS baseline_upper,
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
    arrow_cast(CAST(release_at AS BIGINT) + regressed_age_hours * 3600000000, 'Timestamp(Microsecond, Some("UTC"))') AS regressed_at,
    ceiling_rate,
    uncovered_events,
    is_acknowledged
FROM worded
