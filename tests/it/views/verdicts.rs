//! Verdicts on data and calendars that are not as they should be: each has a stated verdict or reason.

use chrono::Duration;
use mission_control::session::Session;
use mission_control::tables::{CalendarEntry, TargetSettings, VerdictSettings, Vocabulary};

use super::rows::{Row, answer, at, calendar, entry, session};

/// Releases 10.0, 11.0 … of channel release, each 5 days after the one before it, with as many main and content crashes
/// an hour as given: about 40 in 10 000 hours, a little more and less from hour to hour.
pub struct Releases {
    pub rows: Vec<Row>,
    pub entries: Vec<CalendarEntry>,
}

const VERSIONS: [&str; 6] = ["10.0", "11.0", "12.0", "13.0", "14.0", "15.0"];
const DAYS: i64 = 5;

pub fn releases(rates: &[i64]) -> Releases {
    let (mut rows, mut entries) = (vec![], vec![]);
    for (index, rate) in rates.iter().enumerate() {
        let start = at("2018-01-01") + Duration::days(DAYS * index as i64);
        let mut entry = entry("release", VERSIONS[index], "2018-01-01");
        entry.release_at_micros = start.timestamp_micros();
        entries.push(entry);
        for hour in 0..24 * DAYS {
            // -6 to 6, another pattern for every release.
            let noise = (hour * 7 + index as i64 * 5) % 13 - 6;
            let events = (rate + noise).max(0) * i64::from(*rate > 0);
            let row = Row::new(start + Duration::hours(hour), "release", VERSIONS[index]);
            rows.push(row.hours(10_000.0).main(events).events("content_crashes", events));
        }
    }
    Releases { rows, entries }
}

impl Releases {
    async fn session(&self) -> Session {
        session(&self.rows, &calendar(self.entries.clone())).await
    }

    async fn verdict(&self, version: &str) -> (String, String) {
        verdict(&self.session().await, version).await
    }
}

async fn verdict(session: &Session, version: &str) -> (String, String) {
    let of = |column: &str| {
        format!(
            "SELECT {column} FROM release_verdicts WHERE version = '{version}' AND measure = 'main_crashes' \
             AND platform = 'linux'"
        )
    };
    let one = async |column: &str| {
        let lines = answer(session, &of(column)).await;
        assert_eq!(lines.len(), 1, "{version}: {lines:?}");
        lines[0].clone()
    };
    (one("verdict").await, one("reason").await)
}

fn assert_says(given: &(String, String), expected: &str, words: &str) {
    assert_eq!(given.0, expected, "{}", given.1);
    assert!(given.1.contains(words), "{} does not say: {words}", given.1);
}

#[tokio::test]
async fn a_release_like_the_others_is_ok_and_a_worse_one_is_not() {
    let session = releases(&[40, 41, 39, 40, 41, 64]).session().await;
    assert_says(&verdict(&session, "14.0").await, "ok", "within what is usual");
    assert_says(&verdict(&session, "15.0").await, "regressed", "times the baseline");
    let newest = "SELECT version, is_newest FROM release_verdicts WHERE measure = 'main_crashes' AND is_newest";
    assert_eq!(answer(&session, newest).await, ["15.0 true"]);
    // It is said at the first look that finds it, and from then on.
    let history = "SELECT COUNT(*), COUNT(DISTINCT verdict), MIN(looked_at) = MIN(regressed_at) FROM release_verdict_history \
                   WHERE version = '15.0' AND measure = 'main_crashes' AND looked_at >= regressed_at";
    let lines = answer(&session, history).await;
    assert!(lines[0].ends_with(" 1 true"), "{lines:?}");
    let band = "SELECT COUNT(*), BOOL_AND(lower < expected_rate AND expected_rate < upper) FROM release_baseline \
                WHERE version = '15.0' AND measure = 'main_crashes'";
    // The last of the 120 hours is not over at the horizon.
    assert_eq!(answer(&session, band).await, ["119 true"]);
}

#[tokio::test]
async fn a_much_better_release_is_improved() {
    let found = releases(&[40, 41, 39, 40, 41, 20]).verdict("15.0").await;
    assert_says(&found, "improved", "surely below it");
}

#[tokio::test]
async fn no_previous_release_and_a_single_one() {
    let releases = releases(&[40, 40, 40]);
    assert_says(
        &releases.verdict("10.0").await,
        "insufficient_data",
        "no earlier release",
    );
    assert_says(
        &releases.verdict("11.0").await,
        "insufficient_data",
        "only one earlier release (10.0)",
    );
    assert_says(&releases.verdict("12.0").await, "ok", "2 earlier releases");
}

#[tokio::test]
async fn an_earlier_release_that_regressed_is_left_out_of_the_baseline() {
    let releases = releases(&[40, 41, 39, 90, 41, 64]);
    // 13.0 stands out among 10.0 to 14.0 and is found out by itself …
    let found = releases.verdict("15.0").await;
    assert_says(&found, "regressed", "(without 13.0, which differs too much)");
    // … or is flagged in the calendar, and another release takes its place.
    let mut flagged = releases;
    flagged.entries[3].flag = Some("regressed".to_string());
    let session = flagged.session().await;
    assert_says(
        &verdict(&session, "15.0").await,
        "regressed",
        "4 earlier releases at the same ages;",
    );
    let pairs = "SELECT previous_version FROM verdict_pairs WHERE version = '15.0' ORDER BY previous_rank";
    assert_eq!(answer(&session, pairs).await, ["14.0", "12.0", "11.0", "10.0"]);
}

#[tokio::test]
async fn gaps_carry_no_evidence() {
    let mut releases = releases(&[40, 41, 39, 40, 41, 40]);
    let start = at("2018-01-01") + Duration::days(DAYS * 5);
    let in_gap = |row: &Row| {
        let age = row.window_start - start;
        row.version == Some("15.0") && age >= Duration::hours(20) && age < Duration::hours(60)
    };
    releases.rows.retain(|row| !in_gap(row));
    let session = releases.session().await;
    assert_says(&verdict(&session, "15.0").await, "ok", "within what is usual");
    let during = "SELECT COUNT(*), COUNT(DISTINCT events), COUNT(DISTINCT log_e) FROM release_verdict_history \
                  WHERE version = '15.0' AND measure = 'main_crashes' AND release_age_hours BETWEEN 20 AND 60";
    assert_eq!(answer(&session, during).await, ["41 1 1"]);
}

#[tokio::test]
async fn crashes_without_hours_are_left_out_and_counted() {
    let mut releases = releases(&[40, 41, 39, 40, 41, 40]);
    let late: Vec<_> = releases
        .rows
        .iter_mut()
        .filter(|row| row.version == Some("15.0"))
        .take(5)
        .collect();
    for row in late {
        row.usage_hours = Some(0.0);
        row.events.insert("main_crashes", 300);
    }
    let found = releases.verdict("15.0").await;
    assert_says(
        &found,
        "ok",
        "1500 events in hours without usage on one side are left out",
    );
}

#[tokio::test]
async fn a_measure_that_is_no_longer_collected_is_no_improvement() {
    let from_the_start = releases(&[40, 41, 39, 40, 41, 0]);
    assert_says(
        &from_the_start.verdict("15.0").await,
        "insufficient_data",
        "no longer collected",
    );
    let mut half_way = releases(&[40, 41, 39, 40, 41, 40]);
    let second_half = |row: &&mut Row| row.version == Some("15.0") && row.window_start >= at("2018-01-28");
    for row in half_way.rows.iter_mut().filter(second_half) {
        row.events.clear();
    }
    assert_says(
        &half_way.verdict("15.0").await,
        "insufficient_data",
        "no longer collected",
    );
    // What was found before it stopped stays found.
    let mut regressed = releases(&[40, 41, 39, 40, 41, 80]);
    for row in regressed.rows.iter_mut().filter(second_half) {
        row.events.clear();
    }
    assert_eq!(regressed.verdict("15.0").await.0, "regressed");
}

#[tokio::test]
async fn a_calendar_that_lies() {
    // Four days early: the first hours of usage would be compared with the fifth day of others.
    let mut early = releases(&[40, 41, 39, 40, 41, 40]);
    early.entries[5].release_at_micros -= 4 * 86_400_000_000;
    assert_says(
        &early.verdict("15.0").await,
        "insufficient_data",
        "usage began 96 h after it",
    );
    // Half a year early: the data rule, and the verdict says so.
    let mut absurd = releases(&[40, 41, 39, 40, 41, 40]);
    absurd
        .rows
        .push(Row::new(at("2017-06-01"), "release", "9.0").hours(1.0));
    absurd.entries[5].release_at_micros -= 180 * 86_400_000_000;
    assert_says(
        &absurd.verdict("15.0").await,
        "ok",
        "the calendar's contradicts the data",
    );
}

#[tokio::test]
async fn the_parameters_in_force_can_be_read() {
    let session = releases(&[40]).session().await;
    let all = "SELECT COALESCE(channel, 'all'), alpha, margin, board_cells, minimum_expected, previous_releases, \
               between_release_sd FROM verdict_settings ORDER BY channel NULLS FIRST";
    assert_eq!(
        answer(&session, all).await,
        ["all 0.05 0.1 18 20 4 0.1", "nightly 0.05 0.1 18 20 4 0.05"]
    );
}

/// A wider margin, from the configuration of the channel or for one release from the calendar.
#[tokio::test]
async fn margins_forgive_what_is_within_them() {
    let worse = releases(&[40, 41, 39, 40, 41, 64]);
    let mut throttled = worse.entries.clone();
    throttled[5].margin = Some(1.0);
    let by_calendar = session(&worse.rows, &calendar(throttled)).await;
    assert_eq!(verdict(&by_calendar, "15.0").await.0, "watch");
    let settings: VerdictSettings = toml::from_str("[channels.release]\nmargin = 1.0").expect("settings");
    let by_channel = Vocabulary {
        verdict: settings,
        ..calendar(worse.entries.clone())
    };
    assert_eq!(
        verdict(&session(&worse.rows, &by_channel).await, "15.0").await.0,
        "watch"
    );
}

/// Releases of about 4 events per 1000 hours, and what becomes of the last one under such a ceiling.
async fn under_ceiling(critical_rate: f64) -> Session {
    let usual = releases(&[40, 41, 39, 40, 41, 40]);
    let target = TargetSettings {
        measure: Some("main_crashes".to_string()),
        critical_rate: Some(critical_rate),
        ..TargetSettings::default()
    };
    let vocabulary = Vocabulary {
        targets: vec![target],
        ..calendar(usual.entries.clone())
    };
    session(&usual.rows, &vocabulary).await
}

#[tokio::test]
async fn a_rate_above_its_ceiling_is_a_regression_however_usual_it_is() {
    let session = under_ceiling(3.0).await;
    let found = verdict(&session, "15.0").await;
    assert_says(
        &found,
        "regressed",
        "surely above 3.0 per 1000 h, the ceiling that is set for it",
    );
    // In the first two days no ceiling is asked about.
    let history = "SELECT DISTINCT verdict, release_age_hours < 48 FROM release_verdict_history WHERE version = '15.0' \
                   AND measure = 'main_crashes' AND release_age_hours >= 10 ORDER BY 2 DESC";
    assert_eq!(answer(&session, history).await, ["ok true", "regressed false"]);
    // Other measures have no ceiling.
    let other = "SELECT verdict FROM release_verdicts WHERE version = '15.0' AND measure = 'content_crashes'";
    assert_eq!(answer(&session, other).await, ["ok"]);
    // A rate that is as high as its ceiling is not surely above it.
    assert_eq!(verdict(&under_ceiling(4.0).await, "15.0").await.0, "ok");
}

/// Five platforms of four measures that crash are more cells than the setting's 18, one platform of two is less; measures
/// that no earlier release has are no cells.
#[tokio::test]
async fn alpha_is_shared_among_all_cells_that_a_board_has() {
    let alarm = async |data: &Releases| {
        let query =
            "SELECT DISTINCT ROUND(EXP(alarm_log_e) * 0.05) FROM release_verdict_history WHERE version = '15.0'";
        answer(&data.session().await, query).await
    };
    let mut data = releases(&[40, 41, 39, 40, 41, 40]);
    assert_eq!(alarm(&data).await, ["18"]);
    let one_platform = std::mem::take(&mut data.rows);
    for platform in ["linux", "windows", "mac", "android", "other"] {
        data.rows.extend(one_platform.iter().map(|row| {
            let events = row.events["main_crashes"];
            let row = Row {
                platform,
                ..row.clone()
            };
            row.events("gpu_crashes", events).events("plugin_crashes", events)
        }));
    }
    assert_eq!(alarm(&data).await, ["20"]);
}
