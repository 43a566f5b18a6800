//! `mc1_release_summary` against the figures that Mission Control 1.0 gave: those its own tests assert and those that
//! pin its habits.

use chrono::{DateTime, Duration, Utc};

use tokio_postgres::SimpleQueryMessage;

use super::rows::{Row, answer, at, batch, calendar, entry, lines, session};
use crate::support::{TestServer, flight_batches};

/// Version, field duration, count, rate, adjusted count, adjusted rate of main crashes, a line per entry.
async fn summary(rows: &[Row]) -> Vec<String> {
    let sql = "SELECT version, field_duration_seconds, count, rate, adjusted_count, adjusted_rate \
               FROM mc1_release_summary WHERE measure = 'main_crashes' ORDER BY version_sort_key(version) DESC, \
               length(version) DESC";
    every_way_in(rows, sql).await
}

/// What a query over these rows answers, having seen that both wires answer the same as the embedded engine.
async fn every_way_in(rows: &[Row], sql: &str) -> Vec<String> {
    let embedded = answer(&session(rows, &calendar(vec![])).await, sql).await;
    let server = TestServer::over_batch(&batch(rows)).await;
    let mut flight = server.flight_client().await;
    let batches = flight_batches(&mut flight, sql).await.expect(sql);
    assert_eq!(lines(&batches), embedded, "Flight SQL: {sql}");
    let messages = server.postgres_client().await.simple_query(sql).await.expect(sql);
    let postgres: Vec<String> = messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .map(|row| {
            let cells: Vec<&str> = (0..row.len()).map(|cell| row.get(cell).unwrap_or("-")).collect();
            cells.join(" ")
        })
        .collect();
    assert_eq!(postgres, embedded, "PostgreSQL: {sql}");
    embedded
}

fn start() -> DateTime<Utc> {
    at("2017-07-01 12:00")
}

fn every(step: Duration, from: DateTime<Utc>, count: usize) -> impl Iterator<Item = (usize, DateTime<Utc>)> {
    (0..count).map(move |index| (index, from + step * i32::try_from(index).expect("few rows")))
}

fn hourly(from: DateTime<Utc>, count: usize) -> impl Iterator<Item = (usize, DateTime<Utc>)> {
    every(Duration::hours(1), from, count)
}

fn five_minutes() -> Duration {
    Duration::minutes(5)
}

/// Hourly rows: `i + 1` hours and `(i + 1) / 2` crashes and a few, drawn by Python's `random.seed(42)`,
/// `randint(0, 5)`; see `tests/fixtures/views/randints.py`.
fn fake(channel: &'static str, version: &'static str, from: DateTime<Utc>, count: usize) -> Vec<Row> {
    let drawn = include_str!("../../fixtures/views/randints.txt");
    let drawn: Vec<i64> = drawn
        .split_whitespace()
        .map(|digit| digit.parse().expect("a digit"))
        .collect();
    hourly(from, count)
        .map(|(index, window)| {
            let number = i64::try_from(index).expect("few rows") + 1;
            Row::new(window, channel, version)
                .hours(number as f64)
                .main(number / 2 + drawn[index])
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_two_windows_there_is_no_summary() {
    assert!(summary(&[]).await.is_empty());
    assert!(summary(&fake("release", "55.0", start(), 1)).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_and_a_thousand_windows() {
    let two = summary(&fake("release", "55.0", start(), 2)).await;
    assert_eq!(two, ["55.0 3600 6 2000 6 2000", "55 3600 6 2000 6 2000"]);
    let many = summary(&fake("release", "55.0", start(), 1000)).await;
    let entry = "3596400 252311 504.42 252311 504.42";
    assert_eq!(many, [format!("55.0 {entry}"), format!("55 {entry}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn betas_come_in_the_order_of_versions() {
    let mut rows = vec![];
    for (hours, version) in [(0, "55.0b1"), (1, "55.0b2"), (2, "55.0b10")] {
        rows.extend(fake("beta", version, start() + Duration::hours(hours), 2));
    }
    let lines = summary(&rows).await;
    // A major sorts with its final release, after its betas.
    assert_eq!(
        lines,
        [
            "55 10800 18 2000 18 2000",
            "55.0b10 3600 6 2000 6 2000",
            "55.0b2 3600 6 2000 6 2000",
            "55.0b1 3600 6 2000 6 2000"
        ]
    );
}

async fn versions(channel: &'static str, oldest_first: &[&'static str]) -> Vec<String> {
    let mut rows = vec![];
    for (hours, version) in (0..).zip(oldest_first) {
        rows.extend(fake(channel, version, start() + Duration::hours(hours), 2));
    }
    let sql = "SELECT version FROM mc1_release_summary WHERE measure = 'main_crashes' ORDER BY version DESC";
    every_way_in(&rows, sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_point_releases_and_the_majors_are_listed() {
    assert_eq!(
        versions("release", &["54.0", "54.0.1", "55.0.1", "55.0.2"]).await,
        ["55.0.2", "55.0.1", "55", "54"]
    );
    let betas = ["54.0b7", "54.0b8", "55.0b3", "55.0b4", "55.0b5", "55.0b6"];
    assert_eq!(
        versions("beta", &betas).await,
        ["55.0b6", "55.0b5", "55.0b4", "55", "54"]
    );
    assert_eq!(
        versions("nightly", &["54.0a1", "55.0a1", "56.0a1"]).await,
        ["56", "55", "54"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_begins_with_its_successor_has_no_entry() {
    let mut rows = vec![];
    for version in ["55.0", "55.0.1"] {
        let values = [(100, 20.0), (10, 16.0), (10, 20.0)];
        for ((_, window), (events, hours)) in every(five_minutes(), at("2017-07-01 11:50"), 3).zip(values) {
            rows.push(Row::new(window, "release", version).hours(hours).main(events));
        }
    }
    assert_eq!(
        summary(&rows).await,
        ["55.0.1 600 120 2142.86 120 2142.86", "55 600 240 2142.86 240 2142.86"]
    );
}

/// V1: 56.0 for ten days, then 57.0 for `age` hours; both are worse on their first day.
fn young_release(age: usize) -> Vec<Row> {
    let released = start() + Duration::days(10);
    let old = hourly(start(), 240 + age + 1).map(|(hour, window)| {
        Row::new(window, "release", "56.0")
            .hours(1000.0)
            .main(if hour < 24 { 50 } else { 10 })
    });
    let new = hourly(released, age + 1).map(|(hour, window)| {
        Row::new(window, "release", "57.0")
            .hours(1000.0)
            .main(if hour < 24 { 60 } else { 12 })
    });
    old.chain(new).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn between_one_and_two_days_the_comparison_is_unfair() {
    for (age, newest, before) in [
        (24, "58.08", "48.4"),
        (25, "56.31", "10"),
        (48, "35.51", "10"),
        (49, "12", "10"),
    ] {
        let sql = "SELECT version, adjusted_rate FROM mc1_release_summary \
                   WHERE measure = 'main_crashes' AND version IN ('56', '57') ORDER BY version DESC";
        assert_eq!(
            every_way_in(&young_release(age), sql).await,
            [format!("57 {newest}"), format!("56 {before}")],
            "age {age}"
        );
    }
}

/// V2: the end moves along with the start, so that the majors are not seen at equal age.
#[tokio::test(flavor = "multi_thread")]
async fn exposure_is_unequal_after_the_skip() {
    let lines = summary(&young_release(49)).await;
    // 26 windows of 12 events against 50 of 10.
    assert_eq!(
        lines,
        [
            "57.0 176400 312 12 312 12",
            "57 176400 312 12 312 12",
            "56 864000 2410 10 500 10"
        ]
    );
}

/// V3: `55.0` also takes in 55.0.1, and lasts a day too long.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_takes_in_every_version_that_begins_with_it() {
    let first = hourly(start(), 97).map(|(_, window)| Row::new(window, "release", "55.0").hours(1000.0).main(10));
    let second = hourly(start() + Duration::hours(96), 97)
        .map(|(_, window)| Row::new(window, "release", "55.0.1").hours(1000.0).main(100));
    let lines = summary(&first.chain(second).collect::<Vec<_>>()).await;
    assert!(
        lines.contains(&"55.0 345600 3230 32.96 3230 32.96".to_string()),
        "{lines:?}"
    );
}

/// V4: of 1012 windows after the skip the one with the highest rate is left out of the rate.
#[tokio::test(flavor = "multi_thread")]
async fn one_window_in_a_thousand_is_left_out() {
    let rows: Vec<Row> = every(five_minutes(), start(), 1300)
        .map(|(index, window)| {
            Row::new(window, "release", "55.0")
                .hours(100.0)
                .main(if index == 500 { 1000 } else { 1 })
        })
        .collect();
    assert_eq!(
        summary(&rows).await,
        ["55.0 389700 2011 10 2011 10", "55 389700 2011 10 2011 10"]
    );
}

/// V5: 58.0 for 60 days, 59.0 for its first 7.
#[tokio::test(flavor = "multi_thread")]
async fn two_majors_over_weeks() {
    let old = every(five_minutes(), at("2018-01-23"), 60 * 288).map(|(index, window)| {
        Row::new(window, "release", "58.0")
            .hours(10_000.0)
            .main(if index < 3 * 288 { 40 } else { 20 })
    });
    let new = every(five_minutes(), at("2018-03-13"), 7 * 288 + 1)
        .map(|(_, window)| Row::new(window, "release", "59.0").hours(10_000.0).main(30));
    let lines = summary(&old.chain(new).collect::<Vec<_>>()).await;
    assert_eq!(
        lines,
        [
            "59.0 604800 51870 3 51870 3",
            "59 604800 51870 3 51870 3",
            "58 4233600 293780 2.08 51860 2.57"
        ]
    );
}

/// The corrected comparison sees the same data without a false alarm: both from their release on, to the same age.
#[tokio::test(flavor = "multi_thread")]
async fn the_corrected_comparison_raises_no_false_alarm() {
    let releases = calendar(vec![
        entry("release", "56.0", "2017-07-01 12:00"),
        entry("release", "57.0", "2017-07-11 12:00"),
    ]);
    for age in [24, 25, 48, 49, 72] {
        let session = session(&young_release(age), &releases).await;
        let sql = "SELECT rate_ratio FROM release_comparison \
                   WHERE grouping = 'major' AND version = '57' AND measure = 'main_crashes'";
        assert_eq!(answer(&session, sql).await, ["1.2"], "age {age}");
    }
}
