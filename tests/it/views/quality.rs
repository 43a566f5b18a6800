//! `data_quality`: silent on clean data, and finds what is planted.

use chrono::Duration;

use super::rows::{Row, answer, at, calendar, entry, session};

/// Thirty days of two platforms, a row an hour: nothing is missing, negative, unknown or contradictory.
fn clean() -> Vec<Row> {
    let mut rows = vec![];
    for hour in 0..30 * 24 {
        for platform in ["windows", "mac"] {
            let mut row = Row::new(at("2018-04-01") + Duration::hours(hour), "release", "59.0")
                .hours(1000.0)
                .main(2)
                .events("content_crashes", 3)
                .events("content_shutdown_crashes", 2)
                .events("gmplugin_crashes", 1);
            row.platform = platform;
            rows.push(row);
        }
    }
    rows
}

async fn findings(rows: &[Row]) -> Vec<String> {
    let session = session(rows, &calendar(vec![entry("release", "59.0", "2018-04-01")])).await;
    let sql = "SELECT check_name, platform, measure, first_window, last_window, rows_affected FROM data_quality ORDER BY 1, 2";
    answer(&session, sql).await
}

#[tokio::test]
async fn a_clean_set_has_no_findings() {
    assert_eq!(findings(&clean()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_measure_that_stopped() {
    let mut rows = clean();
    for row in rows
        .iter_mut()
        .filter(|row| row.platform == "windows" && row.window_start >= at("2018-04-20"))
    {
        row.events.remove("gmplugin_crashes");
    }
    let expected = ["measure_stopped windows gmplugin_crashes 2018-04-20T00:00:00Z 2018-04-30T00:00:00Z 11"];
    assert_eq!(findings(&rows).await, expected);
}

#[tokio::test]
async fn a_rare_measure_may_be_silent() {
    let mut rows = clean();
    for row in &mut rows {
        row.events.remove("gmplugin_crashes");
    }
    rows[0].events.insert("gmplugin_crashes", 1);
    assert_eq!(findings(&rows).await, Vec::<String>::new());
}

#[tokio::test]
async fn shutdown_crashes_above_content_crashes() {
    let mut rows = clean();
    for row in rows
        .iter_mut()
        .filter(|row| row.platform == "mac" && row.window_start < at("2018-04-08"))
    {
        row.events.insert("content_shutdown_crashes", 6);
    }
    let expected = ["shutdown_above_content mac content_shutdown_crashes 2018-04-01T00:00:00Z 2018-04-07T00:00:00Z 7"];
    assert_eq!(findings(&rows).await, expected);
    // Before 58 both were counted otherwise.
    rows.iter_mut().for_each(|row| row.version = Some("57.0"));
    let session = session(&rows, &calendar(vec![entry("release", "57.0", "2018-04-01")])).await;
    assert!(answer(&session, "SELECT * FROM data_quality").await.is_empty());
}

#[tokio::test]
async fn a_gap_of_one_platform() {
    let mut rows = clean();
    rows.retain(|row| {
        row.platform != "mac" || row.window_start < at("2018-04-10 08:00") || row.window_start >= at("2018-04-10 12:00")
    });
    assert_eq!(
        findings(&rows).await,
        ["gap mac - 2018-04-10T08:00:00Z 2018-04-10T11:55:00Z 4"]
    );
}

#[tokio::test]
async fn a_platform_that_often_has_no_rows_has_no_gaps() {
    let mut rows = clean();
    let mut index = 0;
    rows.retain(|row| {
        index += 1;
        row.platform != "mac" || index % 3 == 0
    });
    assert_eq!(findings(&rows).await, Vec::<String>::new());
}

#[tokio::test]
async fn rows_that_are_odd_by_themselves() {
    let mut rows = clean();
    rows[0].events.insert("main_crashes", -4);
    rows[0].country = "??";
    rows[2].usage_hours = Some(0.0);
    rows[4].build_id = Some("today");
    rows[1].platform = "other";
    let mut unpacked = rows[6].clone();
    unpacked.experiment = Some(("flip", "control"));
    rows.push(unpacked);
    let found = findings(&rows).await;
    let names: Vec<&str> = found.iter().filter_map(|line| line.split(' ').next()).collect();
    let expected = [
        "experiment_rows",
        "negative_count",
        "unknown_country",
        "unknown_platform",
        "unparsable_build",
        "zero_usage",
    ];
    assert_eq!(names, expected, "{found:?}");
}
