//! Calendars and data that are wrong: each has a stated outcome, and none breaks a view.

use chrono::Duration;
use mission_control::session::Session;

use super::rows::{Row, answer, at, calendar, entry, session};

/// Two days of hourly rows.
fn two_days(version: &'static str, from: &str) -> Vec<Row> {
    (0..48)
        .map(|hour| {
            Row::new(at(from) + Duration::hours(hour), "release", version)
                .hours(100.0)
                .main(2)
        })
        .collect()
}

/// Every relation answers, whatever the data.
async fn every_view_answers(session: &Session) {
    for name in session.engine().relations().public.keys() {
        answer(session, &format!("SELECT * FROM {name}")).await;
    }
}

async fn findings(session: &Session, check_name: &str) -> Vec<String> {
    let sql = format!("SELECT detail FROM data_quality WHERE check_name = '{check_name}' ORDER BY detail");
    answer(session, &sql).await
}

#[tokio::test]
async fn nothing_at_all() {
    let session = session(&[], &calendar(vec![])).await;
    every_view_answers(&session).await;
    assert!(answer(&session, "SELECT * FROM data_quality").await.is_empty());
}

/// Both dates stand; ages are counted from them.
#[tokio::test]
async fn a_calendar_entry_out_of_order() {
    let rows = [two_days("58.0", "2018-02-10"), two_days("58.0.1", "2018-02-10")].concat();
    let releases = calendar(vec![
        entry("release", "58.0", "2018-02-09"),
        entry("release", "58.0.1", "2018-02-07"),
    ]);
    let session = session(&rows, &releases).await;
    every_view_answers(&session).await;
    let sql = "SELECT version, release_at, superseded_at FROM releases ORDER BY version";
    let expected = ["58.0 2018-02-09T00:00:00Z -", "58.0.1 2018-02-07T00:00:00Z -"];
    assert_eq!(answer(&session, sql).await, expected);
    let found = findings(&session, "calendar_order").await;
    assert_eq!(
        found,
        ["version 58.0.1 of the calendar is dated before version 58.0; both dates stand"]
    );
}

/// The earlier date counts.
#[tokio::test]
async fn a_version_twice_in_the_calendar() {
    let releases = calendar(vec![
        entry("release", "58.0", "2018-02-10"),
        entry("release", "58", "2018-02-09"),
    ]);
    let session = session(&two_days("58.0", "2018-02-10"), &releases).await;
    every_view_answers(&session).await;
    assert_eq!(
        answer(&session, "SELECT version, release_at FROM releases").await,
        ["58.0 2018-02-09T00:00:00Z"]
    );
    assert_eq!(findings(&session, "calendar_duplicate").await.len(), 1);
}

#[tokio::test]
async fn a_channel_that_nobody_knows() {
    let mut rows = two_days("58.0", "2018-02-10");
    for row in &mut rows {
        row.channel = "aurora";
    }
    let releases = calendar(vec![
        entry("aurora", "58.0", "2018-02-09"),
        entry("canary", "58.0", "2018-02-09"),
    ]);
    let session = session(&rows, &releases).await;
    every_view_answers(&session).await;
    // Its data are served as any other's.
    assert_eq!(
        answer(&session, "SELECT channel, version FROM releases").await,
        ["aurora 58.0"]
    );
    assert_eq!(findings(&session, "unknown_channel").await.len(), 1);
    assert_eq!(findings(&session, "calendar_channel").await.len(), 1);
}

/// Its usage counts, but it is no release.
#[tokio::test]
async fn a_version_that_does_not_parse() {
    let mut rows = two_days("nonsense", "2018-02-10");
    rows.extend(two_days("58.0", "2018-02-10"));
    let mut nameless = two_days("58.0", "2018-02-10");
    nameless.iter_mut().for_each(|row| row.version = None);
    rows.extend(nameless);
    let releases = calendar(vec![
        entry("release", "58.0", "2018-02-10"),
        entry("release", "soon", "2018-02-10"),
    ]);
    let session = session(&rows, &releases).await;
    every_view_answers(&session).await;
    assert_eq!(answer(&session, "SELECT version FROM releases").await, ["58.0"]);
    assert_eq!(
        answer(&session, "SELECT SUM(usage_hours) FROM usage_windows").await,
        ["14400"]
    );
    let found = findings(&session, "unparsable_version").await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(findings(&session, "calendar_version").await.len(), 1);
}

/// No comparison counts them, and `measure_by_age` leaves them out.
#[tokio::test]
async fn windows_before_the_release() {
    let rows = two_days("58.0", "2018-02-09");
    let session = session(&rows, &calendar(vec![entry("release", "58.0", "2018-02-10")])).await;
    every_view_answers(&session).await;
    let summary =
        "SELECT events, usage_hours FROM release_summary WHERE measure = 'main_crashes' AND grouping = 'major'";
    assert_eq!(answer(&session, summary).await, ["48 2400"]);
    let ages = "SELECT MIN(release_age_hours), COUNT(*) FROM measure_by_age WHERE measure = 'main_crashes'";
    assert_eq!(answer(&session, ages).await, ["0 24"]);
    assert_eq!(findings(&session, "before_release").await.len(), 1);
}

/// It is in `releases`, never seen, and ends its predecessor's time; it has no summary and is compared with nothing.
#[tokio::test]
async fn a_release_without_usage() {
    let releases = calendar(vec![
        entry("release", "57.0", "2018-02-10"),
        entry("release", "58.0", "2018-02-10 12:00"),
        entry("release", "59.0", "2018-02-11"),
        entry("release", "60.0", "2018-03-01"),
    ]);
    let rows = [two_days("57.0", "2018-02-10"), two_days("59.0", "2018-02-11")].concat();
    let session = session(&rows, &releases).await;
    every_view_answers(&session).await;
    let sql = "SELECT version, first_seen_at IS NULL, superseded_at FROM releases ORDER BY version";
    let expected = [
        "57.0 false 2018-02-10T12:00:00Z",
        "58.0 true 2018-02-11T00:00:00Z",
        // 60.0 is of after the horizon: it does not exist yet.
        "59.0 false -",
    ];
    assert_eq!(answer(&session, sql).await, expected);
    let compared = "SELECT DISTINCT version, previous_version FROM release_comparison WHERE grouping = 'version'";
    assert_eq!(answer(&session, compared).await, ["59.0 57.0"]);
}

/// The calendar is a year off: what was seen rules.
#[tokio::test]
async fn a_calendar_that_the_data_contradict() {
    let rows = [two_days("57.0", "2018-01-01"), two_days("58.0", "2018-02-10")].concat();
    let releases = calendar(vec![
        entry("release", "57.0", "2018-01-01"),
        entry("release", "58.0", "2019-02-10"),
    ]);
    let session = session(&rows, &releases).await;
    every_view_answers(&session).await;
    let sql = "SELECT version, release_at, release_source FROM releases ORDER BY version";
    let expected = [
        "57.0 2018-01-01T00:00:00Z calendar",
        "58.0 2018-02-10T00:00:00Z first_seen",
    ];
    assert_eq!(answer(&session, sql).await, expected);
    assert_eq!(findings(&session, "calendar_conflict").await.len(), 1);
}

/// Without a calendar a version begins with its 0.1 % of a week's hours, not with a tester's ping.
#[tokio::test]
async fn no_calendar() {
    let mut rows = two_days("57.0", "2018-01-01");
    rows.push(Row::new(at("2018-02-09 05:00"), "release", "58.0").hours(0.5));
    rows.extend(two_days("58.0", "2018-02-10"));
    for row in rows.iter_mut().filter(|row| row.version == Some("58.0")) {
        row.build_id = Some("20180205120000");
    }
    let session = session(&rows, &calendar(vec![])).await;
    let sql = "SELECT version, release_at, release_source, first_seen_at FROM releases ORDER BY version";
    let expected = [
        // Older than the data: the time of its build.
        "57.0 2017-06-29T00:00:00Z build 2018-01-01T00:00:00Z",
        "58.0 2018-02-10T00:00:00Z first_seen 2018-02-09T05:00:00Z",
    ];
    assert_eq!(answer(&session, sql).await, expected);
}

#[tokio::test]
async fn spellings_of_extended_support_releases_meet() {
    let mut rows = [two_days("52.9.0", "2018-06-26"), two_days("60.1.0esr", "2018-06-26")].concat();
    rows.iter_mut().for_each(|row| row.channel = "esr");
    let releases = calendar(vec![
        entry("esr", "52.9.0esr", "2018-06-26"),
        entry("esr", "60.1.0esr", "2018-06-26"),
    ]);
    let session = session(&rows, &releases).await;
    let sql = "SELECT version, stage, release_source, is_latest FROM releases ORDER BY version";
    assert_eq!(
        answer(&session, sql).await,
        ["52.9.0 esr calendar false", "60.1.0esr esr calendar true"]
    );
}
