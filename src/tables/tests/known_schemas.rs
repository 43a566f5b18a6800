//! Every schema that error aggregates have had, and the types that writers store them in.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, DictionaryArray, LargeStringArray, TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::Int32Type;
use tempfile::TempDir;

use crate::sources::testing::*;

async fn answer(columns: Vec<(&str, ArrayRef)>, query: &str) -> Vec<String> {
    let folder = TempDir::new().expect("folder");
    write(&folder.path().join("rows.parquet"), columns, 1000);
    let (source, snapshot) = opened(folder.path()).await;
    assert_eq!(snapshot.problems, []);
    rows(&session(&source, &snapshot), query).await
}

const STANDARD: &str = "SELECT window_start, window_end, submission_date, channel, version, display_version, build_id,
    application, os_name, platform, experiment_id, usage_hours, count, main_crashes, startup_crashes, gpu_crashes
    FROM error_aggregates ORDER BY window_start, os_name";

/// Hive's table of the fixtures: text dates with dashes, times without a zone, further columns.
#[tokio::test]
async fn the_fixtures_table() {
    let naive = |micros: i64| Arc::new(arrow::array::TimestampMicrosecondArray::from(vec![micros])) as ArrayRef;
    let columns = vec![
        ("channel", texts(["release"])),
        ("version", texts(["54.0"])),
        ("build_id", texts(["20170608105825"])),
        ("application", texts(["Firefox"])),
        ("os_name", texts(["Windows_NT"])),
        ("e10s_enabled", flags(&[true])),
        ("gfx_compositor", texts(["d3d11"])),
        ("usage_hours", hours([83.5])),
        ("count", counts(&[Some(3)])),
        ("main_crashes", counts(&[Some(1)])),
        ("submission_date", texts(["2018-06-04"])),
        ("window_start", naive(JUNE_4 + MINUTE * 60)),
        ("window_end", naive(JUNE_4 + MINUTE * 65)),
    ];
    assert_eq!(
        answer(columns.clone(), STANDARD).await,
        [
            "2018-06-04T01:00:00Z|2018-06-04T01:05:00Z|2018-06-04|release|54.0|54.0|20170608105825|Firefox|Windows_NT|\
          windows|NULL|83.5|3|1|NULL|NULL"
        ]
    );
    let further = "SELECT e10s_enabled, gfx_compositor, country FROM error_aggregates";
    assert_eq!(answer(columns, further).await, ["true|d3d11|NULL"]);
}

/// The streaming job's second version: partition of text dates, display versions, narrow numbers.
#[tokio::test]
async fn the_streaming_table() {
    let dictionary =
        |values: Vec<&str>| Arc::new(values.into_iter().collect::<DictionaryArray<Int32Type>>()) as ArrayRef;
    let nanoseconds = |micros: i64| {
        Arc::new(TimestampNanosecondArray::from(vec![micros * 1000, micros * 1000]).with_timezone("+00:00")) as ArrayRef
    };
    let columns = vec![
        ("window_start", nanoseconds(JUNE_4)),
        ("window_end", nanoseconds(JUNE_4 + 5 * MINUTE)),
        ("channel", dictionary(vec!["beta", "beta"])),
        ("version", dictionary(vec!["61.0", "61.0"])),
        ("display_version", maybe_texts(&[Some("61.0b10"), None])),
        ("build_id", texts(["20180601", "20180601"])),
        (
            "application",
            Arc::new(LargeStringArray::from(vec!["Firefox", "Fennec"])) as ArrayRef,
        ),
        ("os_name", texts(["Darwin", "Linux"])),
        ("experiment_id", maybe_texts(&[Some("pref-flip"), None])),
        ("usage_hours", small_hours([0.5, 1.5])),
        ("count", small_counts(&[Some(7), Some(2)])),
        ("main_crashes", small_counts(&[None, Some(4)])),
        ("startup_crashes", small_counts(&[Some(0), None])),
        ("slow_script_notice_count", small_counts(&[Some(5), Some(6)])),
        ("submission_date_s3", texts(["20180604", "20180604"])),
    ];
    assert_eq!(
        answer(columns.clone(), STANDARD).await,
        [
            "2018-06-04T00:00:00Z|2018-06-04T00:05:00Z|2018-06-04|beta|61.0|61.0b10|20180601|Firefox|Darwin|mac|\
             pref-flip|0.5|7|NULL|0|NULL",
            "2018-06-04T00:00:00Z|2018-06-04T00:05:00Z|2018-06-04|beta|61.0|61.0|20180601|Fennec|Linux|android|\
             NULL|1.5|2|4|NULL|NULL"
        ]
    );
    let further = "SELECT sum(slow_script_notice_count), min(submission_date_s3) FROM error_aggregates";
    assert_eq!(answer(columns, further).await, ["11|20180604"]);
}

/// BigQuery's table: a real date, no window_end, times in milliseconds as some exports have them.
#[tokio::test]
async fn the_batch_table() {
    let columns = vec![
        ("submission_date", days([17_686])),
        (
            "window_start",
            Arc::new(TimestampMillisecondArray::from(vec![JUNE_4 / 1000])) as ArrayRef,
        ),
        ("channel", texts(["nightly"])),
        ("version", texts(["62.0a1"])),
        ("display_version", texts(["62.0a1"])),
        (
            "os_name",
            Arc::new(BinaryArray::from(vec![b"Linux".as_slice()])) as ArrayRef,
        ),
        ("count", counts(&[Some(1)])),
        ("usage_hours", hours([f64::NAN])),
        ("main_crashes", hours([f64::NAN])),
        ("gpu_crashes", hours([2.0])),
    ];
    assert_eq!(
        answer(columns, STANDARD).await,
        [
            "2018-06-04T00:00:00Z|2018-06-04T00:05:00Z|2018-06-04|nightly|62.0a1|62.0a1|NULL|NULL|Linux|linux|NULL|NaN|1|\
          NULL|NULL|2"
        ]
    );
}

/// The least that is a table of error aggregates; numbers as dates and build ids.
#[tokio::test]
async fn the_least_table() {
    let columns = vec![
        ("window_start", days([17_686])),
        ("submission_date", small_counts(&[Some(20_180_604)])),
        ("build_id", counts(&[Some(20_180_601_000_000)])),
        ("gpu_crashes", small_counts(&[Some(1)])),
    ];
    assert_eq!(
        answer(columns, STANDARD).await,
        [
            "2018-06-04T00:00:00Z|2018-06-04T00:05:00Z|2018-06-04|NULL|NULL|NULL|20180601000000|NULL|NULL|NULL|NULL|NULL|\
          NULL|NULL|NULL|1"
        ]
    );
}

/// Files of different times in one folder: each column is there once, NULL where a file has none.
#[tokio::test]
async fn files_of_different_schemas_are_one_table() {
    let folder = TempDir::new().expect("folder");
    let window = |hour: i64| times([JUNE_4 + hour * 60 * MINUTE]);
    let old = vec![
        ("window_start", window(0)),
        ("usage_hours", small_hours([1.0])),
        ("first_paint", counts(&[Some(100)])),
        ("profile_age_days", small_counts(&[Some(7)])),
        ("remark", texts(["old"])),
        ("ratio", counts(&[Some(2)])),
    ];
    let new = vec![
        ("usage_hours", hours([2.0])),
        ("window_start", window(1)),
        ("main_crashes", counts(&[Some(3)])),
        ("remark", Arc::new(LargeStringArray::from(vec!["new"])) as ArrayRef),
        ("ratio", hours([0.5])),
    ];
    write(&folder.path().join("a.parquet"), old, 10);
    write(&folder.path().join("b.parquet"), new, 10);
    let (source, snapshot) = opened(folder.path()).await;
    assert_eq!(snapshot.problems, []);
    let context = session(&source, &snapshot);
    let all = "SELECT usage_hours, main_crashes, first_paint, profile_age_days, remark, ratio FROM error_aggregates
               ORDER BY window_start";
    assert_eq!(
        rows(&context, all).await,
        ["1.0|NULL|100|7|old|2.0", "2.0|3|NULL|NULL|new|0.5"]
    );
    let counted = "SELECT count(*), count(main_crashes), count(first_paint), count(country) FROM error_aggregates";
    assert_eq!(rows(&context, counted).await, ["2|1|1|0"]);
    let names: Vec<&str> = snapshot
        .table_schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let standard = [
        "window_start",
        "window_end",
        "submission_date",
        "channel",
        "version",
        "display_version",
        "build_id",
        "application",
        "os_name",
        "platform",
        "os_version",
        "architecture",
        "country",
        "experiment_id",
        "experiment_branch",
        "usage_hours",
        "count",
        "main_crashes",
        "startup_crashes",
        "content_crashes",
        "content_shutdown_crashes",
        "gpu_crashes",
        "plugin_crashes",
        "gmplugin_crashes",
    ];
    assert_eq!(names[..24], standard);
    assert_eq!(names[24..], ["first_paint", "profile_age_days", "remark", "ratio"]);
    assert!(
        snapshot
            .table_schema
            .fields()
            .iter()
            .all(|field| field.metadata().contains_key("comment"))
    );
    // A number that no document knows is a column, not a measure.
    let measures: Vec<&str> = snapshot
        .measures
        .iter()
        .skip(7)
        .map(|measure| measure.name.as_str())
        .collect();
    assert_eq!(measures, ["first_paint"]);
}

/// One absurd time does not fail the query over all the others.
#[tokio::test]
async fn a_time_beyond_the_calendar_is_only_its_own_rows_problem() {
    let columns = vec![
        ("window_start", times([JUNE_4, i64::MAX - 1])),
        ("usage_hours", hours([1.0, 2.0])),
    ];
    let all = "SELECT count(window_start), sum(usage_hours), min(window_end), min(submission_date)
               FROM error_aggregates WHERE usage_hours > 0";
    assert_eq!(
        answer(columns, all).await[0].split('|').take(2).collect::<Vec<_>>(),
        ["2", "3.0"]
    );
}

/// Writers leave NaN out of their statistics, so equal bounds do not mean equal values.
#[tokio::test]
async fn hours_that_look_constant_by_their_bounds_are_read() {
    let columns = vec![
        ("window_start", times([JUNE_4, JUNE_4])),
        ("usage_hours", hours([1.0, f64::NAN])),
    ];
    assert_eq!(
        answer(columns, "SELECT usage_hours FROM error_aggregates ORDER BY 1").await,
        ["1.0", "NaN"]
    );
}
