//! Filters read only the files and row groups that they need, whatever the columns' form.

use datafusion::prelude::SessionContext;
use tempfile::TempDir;

use crate::sources::testing::*;

/// Filters over ten days of one row per hour from 2018-06-04 on, how many of ten daily parts hold matching rows, and
/// how many rows match.
const FILTERS: [(&str, usize, usize); 10] = [
    ("submission_date = '2018-06-06'", 1, 24),
    ("submission_date >= '2018-06-12'", 2, 48),
    ("submission_date < '2018-06-05'", 1, 24),
    ("submission_date > '2018-06-12' AND channel = 'release'", 1, 24),
    ("submission_date IN ('2018-06-05', '2018-06-13')", 2, 48),
    ("submission_date BETWEEN '2018-06-05' AND '2018-06-06'", 2, 48),
    ("window_start >= '2018-06-13T12:00:00Z'", 1, 12),
    ("window_start < '2018-06-05T00:00:00Z'", 1, 24),
    ("window_end <= '2018-06-04T00:05:00Z'", 1, 1),
    ("submission_date = '2019-01-01'", 0, 0),
];

async fn count(context: &SessionContext, filter: &str) -> usize {
    let query = format!("SELECT count(window_start) FROM error_aggregates WHERE {filter}");
    rows(context, &query).await[0].parse().expect("a number")
}

/// How many files the plan names before anything runs.
async fn planned_files(context: &SessionContext, filter: &str) -> usize {
    let plan = rows(
        context,
        &format!("EXPLAIN SELECT * FROM error_aggregates WHERE {filter}"),
    )
    .await
    .join("\n");
    plan.matches(".parquet").count()
}

async fn check_row_groups(context: &SessionContext) {
    for (filter, parts, matching) in FILTERS {
        assert_eq!(count(context, filter).await, matching, "{filter}");
        if parts == 0 {
            assert_eq!(planned_files(context, filter).await, 0, "{filter}");
            continue;
        }
        let scan = scan_line(context, &format!("SELECT * FROM error_aggregates WHERE {filter}")).await;
        let read = metric(&scan, "row_groups_pruned_statistics");
        assert!(
            read.starts_with(&format!("10 total → {parts} matched")),
            "{filter}: {scan}"
        );
    }
}

async fn check_files(context: &SessionContext) {
    for (filter, parts, matching) in FILTERS {
        assert_eq!(count(context, filter).await, matching, "{filter}");
        assert_eq!(planned_files(context, filter).await, parts, "{filter}");
    }
}

fn ten_days() -> Vec<i64> {
    (0..10 * 24).map(|hour| JUNE_4 + hour * 60 * MINUTE).collect()
}

#[tokio::test]
async fn one_big_file_is_read_by_row_groups() {
    let folder = TempDir::new().expect("folder");
    let windows = ten_days();
    let release = windows.iter().map(|_| "release");
    let columns = vec![
        ("window_start", times(windows.clone())),
        ("channel", texts(release)),
        ("usage_hours", hours(windows.iter().map(|_| 1.0))),
    ];
    write(&folder.path().join("big.parquet"), columns, 24);
    let (source, snapshot) = opened(folder.path()).await;
    let context = session(&source, &snapshot);
    check_row_groups(&context).await;
    let unequal = "SELECT * FROM error_aggregates WHERE submission_date <> '2018-06-05'";
    let scan = scan_line(&context, unequal).await;
    assert!(
        metric(&scan, "row_groups_pruned_statistics").starts_with("10 total → 9 matched"),
        "{scan}"
    );
    // From text or from times, a date filter that cannot be said over window_start is still answered.
    assert_eq!(count(&context, "date_part('day', submission_date) = 7").await, 24);
    assert_eq!(
        count(&context, "CAST(submission_date AS timestamp) >= '2018-06-13T00:00:00'").await,
        24
    );
}

#[tokio::test]
async fn text_dates_exclude_row_groups() {
    for (column, compact) in [
        ("submission_date", false),
        ("submission_date", true),
        ("submission_date_s3", true),
    ] {
        let folder = TempDir::new().expect("folder");
        let windows = ten_days();
        let dates: Vec<String> = windows
            .iter()
            .map(|window| {
                let day = 4 + (window - JUNE_4) / DAY;
                if compact {
                    format!("201806{day:02}")
                } else {
                    format!("2018-06-{day:02}")
                }
            })
            .collect();
        let columns = vec![
            (column, texts(dates.iter().map(String::as_str))),
            ("window_start", times(windows.clone())),
            ("channel", texts(windows.iter().map(|_| "release"))),
            ("usage_hours", hours(windows.iter().map(|_| 1.0))),
        ];
        write(&folder.path().join("big.parquet"), columns, 24);
        let (source, snapshot) = opened(folder.path()).await;
        check_row_groups(&session(&source, &snapshot)).await;
    }
}

#[tokio::test]
async fn flat_folders_are_read_by_files() {
    let folder = TempDir::new().expect("folder");
    for day in 0..10 {
        one_day(
            &folder.path().join(format!("part-{day}.parquet")),
            JUNE_4 + day * DAY,
            24,
        );
    }
    let (source, snapshot) = opened(folder.path()).await;
    let context = session(&source, &snapshot);
    check_files(&context).await;
    // How many rows there are, and from when to when, is known without reading any.
    let plan = "EXPLAIN SELECT count(*), min(window_start), max(submission_date) FROM error_aggregates";
    assert!(!rows(&context, plan).await.join("\n").contains("DataSourceExec"));
    let bounds = "SELECT count(*), min(window_start), max(submission_date), max(window_end) FROM error_aggregates";
    assert_eq!(
        rows(&context, bounds).await,
        ["240|2018-06-04T00:00:00Z|2018-06-13|2018-06-13T23:05:00Z"]
    );
}

#[tokio::test]
async fn hive_folders_are_read_by_files() {
    for (name, compact) in [("submission_date", false), ("submission_date_s3", true)] {
        let folder = TempDir::new().expect("folder");
        for day in 0..10 {
            let date = if compact {
                format!("201806{:02}", 4 + day)
            } else {
                format!("2018-06-{:02}", 4 + day)
            };
            let file = folder.path().join(format!("{name}={date}/part-0.parquet"));
            one_day(&file, JUNE_4 + day * DAY, 24);
        }
        let (source, snapshot) = opened(folder.path()).await;
        let context = session(&source, &snapshot);
        check_files(&context).await;
        let named = format!("SELECT min(CAST({name} AS text)), max(CAST({name} AS text)) FROM error_aggregates");
        let expected = if compact {
            "20180604|20180613"
        } else {
            "2018-06-04|2018-06-13"
        };
        assert_eq!(rows(&context, &named).await, [expected]);
    }
}

/// The folder's date may differ from the windows': pings of one day that were processed the next.
#[tokio::test]
async fn a_date_of_its_own_is_never_taken_for_the_windows() {
    let folder = TempDir::new().expect("folder");
    one_day(
        &folder.path().join("submission_date=2018-06-05/part-0.parquet"),
        JUNE_4,
        24,
    );
    let windows: Vec<i64> = (0..24).map(|hour| JUNE_4 + hour * 60 * MINUTE).collect();
    let columns = vec![
        ("window_start", times(windows.clone())),
        ("submission_date", days(windows.iter().map(|_| 17_687))),
        ("count", counts(&vec![Some(1); 24])),
    ];
    write(&folder.path().join("in-file.parquet"), columns, 24);
    let (source, snapshot) = opened(folder.path()).await;
    let context = session(&source, &snapshot);
    assert_eq!(count(&context, "submission_date = '2018-06-05'").await, 48);
    assert_eq!(count(&context, "submission_date = '2018-06-04'").await, 0);
    assert_eq!(count(&context, "window_start < '2018-06-05T00:00:00Z'").await, 48);
}

#[tokio::test]
async fn other_folder_names_are_columns_and_exclude_files() {
    let folder = TempDir::new().expect("folder");
    for (os, region) in [
        ("Windows_NT", "eu"),
        ("Darwin", "us"),
        ("Linux", "a%20b"),
        ("__HIVE_DEFAULT_PARTITION__", "x"),
    ] {
        let windows = [JUNE_4];
        let columns = vec![("window_start", times(windows)), ("usage_hours", hours([1.0]))];
        write(
            &folder.path().join(format!("os_name={os}/region={region}/part.parquet")),
            columns,
            10,
        );
    }
    let (source, snapshot) = opened(folder.path()).await;
    let context = session(&source, &snapshot);
    let all = "SELECT os_name, platform, region FROM error_aggregates ORDER BY 1";
    assert_eq!(
        rows(&context, all).await,
        [
            "Darwin|mac|us",
            "Linux|linux|a b",
            "Windows_NT|windows|eu",
            "NULL|NULL|x"
        ]
    );
    for (filter, files) in [
        ("region = 'us'", 1),
        ("os_name = 'Linux'", 1),
        ("platform = 'mac'", 1),
        ("os_name IS NULL", 1),
        ("region <> 'us'", 3),
    ] {
        assert_eq!(count(&context, filter).await, files, "{filter}");
        assert_eq!(planned_files(&context, filter).await, files, "{filter}");
    }
}
