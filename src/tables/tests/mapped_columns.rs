//! The `[columns]` map over a table that nobody has seen before.

use tempfile::TempDir;

use crate::sources::testing::*;
use crate::sources::{ColumnMap, SourceSettings};

fn settings(folder: &TempDir, map: &str) -> SourceSettings {
    let columns: ColumnMap = toml::from_str(map).expect("a map");
    SourceSettings {
        location: folder.path().display().to_string(),
        columns,
        ..SourceSettings::default()
    }
}

fn sessions(folder: &TempDir) {
    let columns = vec![
        (
            "bucket",
            counts(&[Some(JUNE_4 / 1_000_000), Some(JUNE_4 / 1_000_000 + 86_400)]),
        ),
        ("ring", texts(["canary", "stable"])),
        ("session_minutes", counts(&[Some(90), Some(30)])),
        ("n_failures", small_counts(&[Some(3), None])),
        ("n_timeouts", hours([1.0, 2.0])),
    ];
    write(&folder.path().join("sessions.parquet"), columns, 1);
}

const MAP: &str = r#"
    window_start = { column = "bucket", unit = "seconds" }
    channel = "ring"
    usage_hours = { column = "session_minutes", unit = "minutes" }
    application = { value = "My App" }
    measures = { failures = "n_failures", timeouts = { column = "n_timeouts", label = "Timeouts", unit = "calls" } }
"#;

#[tokio::test]
async fn any_table_of_counts_and_exposure_can_be_mapped() {
    let folder = TempDir::new().expect("folder");
    sessions(&folder);
    let (source, snapshot) = opened_with(settings(&folder, MAP)).await;
    assert_eq!(snapshot.problems, []);
    let context = session(&source, &snapshot);
    let all = "SELECT window_start, window_end, submission_date, application, channel, usage_hours, failures, timeouts,
                      ring, session_minutes, n_failures, main_crashes FROM error_aggregates ORDER BY 1";
    assert_eq!(
        rows(&context, all).await,
        [
            "2018-06-04T00:00:00Z|2018-06-04T00:05:00Z|2018-06-04|My App|canary|1.5|3|1|canary|90|3|NULL",
            "2018-06-05T00:00:00Z|2018-06-05T00:05:00Z|2018-06-05|My App|stable|0.5|NULL|2|stable|30|NULL|NULL"
        ]
    );
    let timeouts = snapshot
        .measures
        .iter()
        .find(|measure| measure.name == "timeouts")
        .expect("a measure");
    assert_eq!((timeouts.label.as_str(), timeouts.unit.as_str()), ("Timeouts", "calls"));
    for filter in [
        "submission_date = '2018-06-05'",
        "window_start > '2018-06-04T00:00:00Z'",
        "usage_hours < 1",
    ] {
        let scan = scan_line(&context, &format!("SELECT * FROM error_aggregates WHERE {filter}")).await;
        let read = metric(&scan, "row_groups_pruned_statistics");
        assert!(
            filter.starts_with("usage") || read.starts_with("2 total → 1 matched"),
            "{filter}: {scan}"
        );
        assert_eq!(
            rows(&context, &format!("SELECT ring FROM error_aggregates WHERE {filter}")).await,
            ["stable"]
        );
    }
    let constant = "EXPLAIN SELECT * FROM error_aggregates WHERE application = 'Other'";
    assert!(rows(&context, constant).await.join("\n").contains("EmptyExec"));
}

#[tokio::test]
async fn without_the_map_the_same_table_is_refused_with_the_reason() {
    let folder = TempDir::new().expect("folder");
    sessions(&folder);
    for (map, detail) in [
        ("", "column window_start is missing"),
        (
            "window_start = \"bucket\"",
            "column bucket (for window_start) is an integer where a time, or a number with",
        ),
        (
            "window_start = \"ring\"",
            "column ring (for window_start) is text where a time is expected",
        ),
        (
            "window_start = { column = \"bucket\", unit = \"seconds\" }",
            "no usage_hours, no count and no measure",
        ),
        (
            "usage_hours = \"ring\"",
            "column ring (for usage_hours) is text where a number is expected",
        ),
        ("count = { value = \"many\" }", "\"many\" cannot be read as count"),
    ] {
        let source = crate::sources::open(&settings(&folder, map))
            .await
            .expect("location opens");
        let error = source.scan(None).await.expect_err(map);
        let shown = error.detail.unwrap_or_default();
        assert!(shown.contains(detail), "{map}: {shown}");
        assert!(error.hint.is_some());
    }
}
