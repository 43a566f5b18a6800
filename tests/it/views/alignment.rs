//! Releases compared at equal age: the worked examples of the alignment, with a calendar that has times of day.

use chrono::{DateTime, Duration, Utc};

use super::rows::{Row, answer, at, calendar, entry, session};

/// Hourly rows of 10 hours and 1 main crash from one time until before another.
fn hourly(version: &'static str, from: &str, until: &str) -> Vec<Row> {
    let mut rows = vec![];
    let (mut window, end): (DateTime<Utc>, _) = (at(from), at(until));
    while window < end {
        rows.push(Row::new(window, "release", version).hours(10.0).main(1));
        window += Duration::hours(1);
    }
    rows
}

/// Ends the channel's data at a time: the horizon is the end of the last window.
fn until(horizon: &str) -> Row {
    Row::new(at(horizon) - Duration::minutes(5), "release", "59.0").hours(0.0)
}

fn two_majors() -> mission_control::tables::Vocabulary {
    calendar(vec![
        entry("release", "58.0", "2018-01-23 14:00"),
        entry("release", "59.0", "2018-03-13 14:00"),
    ])
}

const MAJORS: &str = "SELECT version, field_duration_hours, adjusted_events, adjusted_usage_hours, truncated_reason \
                      FROM release_summary WHERE grouping = 'major' AND measure = 'main_crashes' ORDER BY version";
const COMPARED: &str = "SELECT version, previous_version, skipped_hours, comparison_age_hours, usage_hours, \
                        previous_usage_hours, truncated_reason FROM release_comparison \
                        WHERE grouping = 'major' AND measure = 'main_crashes' ORDER BY version";

/// Example 1: 59 at 336 h against 58, both on [24 h, 336 h), although 58 was in the field for 49 days.
#[tokio::test]
async fn the_same_interval_for_old_and_new() {
    let mut rows = hourly("58.0", "2018-01-23 14:00", "2018-03-20 14:00");
    rows.extend(hourly("59.0", "2018-03-13 14:00", "2018-03-27 14:00"));
    rows.push(until("2018-03-27 14:00"));
    let session = session(&rows, &two_majors()).await;
    assert_eq!(
        answer(&session, MAJORS).await,
        ["58 1176 312 3120 -", "59 336 312 3120 -"]
    );
    assert_eq!(answer(&session, COMPARED).await, ["59 58 24 336 3120 3120 -"]);
    // The first and the last window of 58 that count.
    let spans = "SELECT from_at, until_at FROM release_spans \
                 WHERE grouping = 'major' AND version = '58' AND span = 'aligned'";
    assert_eq!(
        answer(&session, spans).await,
        ["2018-01-24T14:00:00Z 2018-02-06T14:00:00Z"]
    );
}

/// Example 2: at 30 h nothing is skipped, on either side.
#[tokio::test]
async fn a_young_release_is_compared_from_its_first_hour() {
    let mut rows = hourly("58.0", "2018-01-23 14:00", "2018-03-14 20:00");
    rows.extend(hourly("59.0", "2018-03-13 14:00", "2018-03-14 20:00"));
    rows.push(until("2018-03-14 20:00"));
    let session = session(&rows, &two_majors()).await;
    assert_eq!(answer(&session, MAJORS).await, ["58 1176 30 300 -", "59 30 30 300 -"]);
    assert_eq!(answer(&session, COMPARED).await, ["59 58 0 30 300 300 -"]);
}

/// Example 3: 58.0.1 was in the field for 9 days; 58.0.2, 14 days old, is compared with it on [24 h, 216 h).
#[tokio::test]
async fn a_pair_ends_where_the_shorter_one_ended() {
    let mut rows = hourly("58.0.1", "2018-01-29", "2018-02-10");
    rows.extend(hourly("58.0.2", "2018-02-07", "2018-02-21"));
    rows.push(until("2018-02-21"));
    let releases = calendar(vec![
        entry("release", "58.0.1", "2018-01-29"),
        entry("release", "58.0.2", "2018-02-07"),
    ]);
    let session = session(&rows, &releases).await;
    let sql = "SELECT version, skipped_hours, comparison_age_hours, events, previous_events, truncated, truncated_reason \
               FROM release_comparison WHERE grouping = 'version' AND measure = 'main_crashes' AND version = '58.0.2'";
    assert_eq!(answer(&session, sql).await, ["58.0.2 24 216 192 192 true short_field"]);
}

/// A point release has its own rows only: 55.0 does not take in 55.0.1.
#[tokio::test]
async fn point_releases_are_apart() {
    let mut rows = hourly("55.0", "2017-08-08", "2017-08-12");
    rows.extend(hourly("55.0.1", "2017-08-10", "2017-08-12"));
    let releases = calendar(vec![
        entry("release", "55.0", "2017-08-08"),
        entry("release", "55.0.1", "2017-08-10"),
    ]);
    let session = session(&rows, &releases).await;
    let sql = "SELECT version, events FROM release_summary \
               WHERE grouping = 'version' AND measure = 'main_crashes' ORDER BY version";
    assert_eq!(answer(&session, sql).await, ["55.0 48", "55.0.1 48"]);
    let major = "SELECT events FROM release_summary WHERE grouping = 'major' AND measure = 'main_crashes'";
    assert_eq!(answer(&session, major).await, ["144"]);
}

#[tokio::test]
async fn majors_sort_as_numbers() {
    let mut rows = vec![];
    let mut entries = vec![];
    for (version, released) in [("98.0", "2022-03-08"), ("99.0", "2022-04-05"), ("100.0", "2022-05-03")] {
        rows.extend(hourly(version, released, "2022-05-06"));
        entries.push(entry("release", version, released));
    }
    let session = session(&rows, &calendar(entries)).await;
    let sql =
        "SELECT latest_version, previous_version, is_new_release FROM channel_summary WHERE measure = 'main_crashes'";
    assert_eq!(answer(&session, sql).await, ["100 99 false"]);
}

/// The data begin a week after the release: its first ages are missing, and say so.
#[tokio::test]
async fn what_the_data_do_not_have_is_not_compared() {
    let mut rows = hourly("58.0", "2018-01-30 14:00", "2018-03-20 14:00");
    rows.extend(hourly("59.0", "2018-03-13 14:00", "2018-03-27 14:00"));
    rows.push(until("2018-03-27 14:00"));
    let session = session(&rows, &two_majors()).await;
    assert_eq!(
        answer(&session, MAJORS).await,
        ["58 1176 - - left_censored", "59 336 312 3120 -"]
    );
    assert_eq!(answer(&session, COMPARED).await, ["59 58 24 336 - - left_censored"]);
    let trend =
        "SELECT major_version, age_hours, usage_hours FROM release_trend WHERE measure = 'main_crashes' ORDER BY 1, 2";
    assert_eq!(
        answer(&session, trend).await,
        ["59 24 240", "59 168 1680", "59 336 3360"]
    );
}

/// Half of the compared hours have no data of the channel at all.
#[tokio::test]
async fn missing_hours_are_told() {
    let mut rows = hourly("58.0", "2018-01-23 14:00", "2018-03-13 14:00");
    rows.extend(hourly("59.0", "2018-03-13 14:00", "2018-03-16 14:00"));
    rows.push(until("2018-03-27 14:00"));
    let session = session(&rows, &two_majors()).await;
    assert_eq!(
        answer(&session, MAJORS).await,
        ["58 1176 312 3120 -", "59 336 48 480 coverage"]
    );
}

#[tokio::test]
async fn the_overview_and_the_score_follow_from_the_comparison() {
    let mut rows = vec![];
    // Main and content crashes per khour: windows 2.5, mac 2.1, linux 3.4, whose geometric mean is 2.61.
    for (platform, main, content) in [("windows", 15, 10), ("mac", 11, 10), ("linux", 20, 14)] {
        for (version, from) in [("58.0", "2018-01-23 14:00"), ("59.0", "2018-03-13 14:00")] {
            for hour in 0..30 {
                let mut row = Row::new(at(from) + Duration::hours(hour), "release", version);
                row.platform = platform;
                let factor = if version == "58.0" { 2 } else { 1 };
                rows.push(
                    row.hours(10_000.0)
                        .main(main * factor)
                        .events("content_crashes", content),
                );
            }
        }
    }
    let session = session(&rows, &two_majors()).await;
    let sql = "SELECT platform, adjusted_rate, previous_adjusted_rate, change_percent, rate_ratio, last_24h_rate \
               FROM channel_summary WHERE measure = 'main_crashes' ORDER BY platform";
    let expected = [
        "linux 2 4 -50 0.5 2",
        "mac 1.1 2.2 -50 0.5 1.1",
        "windows 1.5 3 -50 0.5 1.5",
    ];
    assert_eq!(answer(&session, sql).await, expected);
    let score = "SELECT version, ROUND(score, 2), platforms FROM channel_score";
    assert_eq!(answer(&session, score).await, ["59 2.61 3"]);
}
