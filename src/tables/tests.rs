//! `error_aggregates` over files of every known schema, through SQL in a bare session.

use tempfile::TempDir;

use crate::sources::testing::*;

/// The real sample, if the shared data is at hand.
fn real_sample() -> Option<std::path::PathBuf> {
    let start = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let configured = std::env::var_os("MISSION_CONTROL_SHARED").map(std::path::PathBuf::from);
    let candidates = start.ancestors().map(|folder| folder.join("shared"));
    let found = configured
        .into_iter()
        .chain(candidates)
        .map(|shared| shared.join("data/error_aggregates_sample.parquet"))
        .find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: the shared data folder is not at hand");
    }
    found
}

#[tokio::test]
async fn the_real_sample_gives_its_known_numbers() {
    let Some(file) = real_sample() else { return };
    let (source, snapshot) = opened(&file).await;
    assert_eq!(snapshot.problems, []);
    let context = session(&source, &snapshot);
    let totals = "SELECT count(*), round(sum(usage_hours), 9), sum(count), sum(main_crashes), sum(content_crashes),
                         count(main_crashes), min(window_start), max(window_end), min(submission_date)
                  FROM error_aggregates";
    assert_eq!(
        rows(&context, totals).await,
        ["100|1176.456117565|376|2|3|2|2017-06-29T01:00:00Z|2017-06-29T01:05:00Z|2017-06-29"]
    );
    let release = "SELECT round(sum(main_crashes) / sum(usage_hours) * 1000, 10),
                          round(sum(content_crashes) / sum(usage_hours) * 1000, 10)
                   FROM error_aggregates WHERE channel = 'release'";
    assert_eq!(rows(&context, release).await, ["2.0578566268|3.0867849402"]);
    let platforms = "SELECT platform, count(*) FROM error_aggregates GROUP BY 1 ORDER BY 1";
    assert_eq!(rows(&context, platforms).await, ["linux|7", "mac|14", "windows|79"]);
    // INT96 has no statistics: everything is read, and the answer is right.
    let none = "SELECT count(*) FROM error_aggregates WHERE submission_date = '2017-06-30'";
    assert_eq!(rows(&context, none).await, ["0"]);
    let all = "SELECT count(*) FROM error_aggregates WHERE window_start >= '2017-06-29T01:00:00Z'
               AND submission_date = '2017-06-29'";
    assert_eq!(rows(&context, all).await, ["100"]);
    let names: Vec<&str> = snapshot.measures.iter().map(|measure| measure.name.as_str()).collect();
    assert_eq!(
        names.len(),
        34,
        "7 standard ones, 27 further ones in the sample: {names:?}"
    );
}

#[tokio::test]
async fn one_big_file_is_read_by_row_groups() {
    let folder = TempDir::new().expect("folder");
    let windows: Vec<i64> = (0..10 * 24).map(|hour| JUNE_4 + hour * 60 * MINUTE).collect();
    write(
        &folder.path().join("big.parquet"),
        vec![
            ("window_start", times(windows.clone())),
            ("usage_hours", hours(windows.iter().map(|_| 1.0))),
            ("channel", texts(windows.iter().map(|_| "beta"))),
        ],
        24,
    );
    let (source, snapshot) = opened(folder.path()).await;
    let context = session(&source, &snapshot);
    for (filter, groups, count) in [
        ("submission_date = '2018-06-06'", "10 total → 1 matched", 24),
        ("submission_date >= '2018-06-12'", "10 total → 2 matched", 48),
        ("submission_date < '2018-06-05'", "10 total → 1 matched", 24),
        ("submission_date <> '2018-06-05'", "10 total → 9 matched", 216),
        (
            "submission_date IN ('2018-06-05', '2018-06-13')",
            "10 total → 2 matched",
            48,
        ),
        (
            "submission_date BETWEEN '2018-06-05' AND '2018-06-06'",
            "10 total → 2 matched",
            48,
        ),
        ("window_start >= '2018-06-13T12:00:00Z'", "10 total → 1 matched", 12),
        ("window_end <= '2018-06-04T00:05:00Z'", "10 total → 1 matched", 1),
    ] {
        let query = format!("SELECT count(*), sum(usage_hours) FROM error_aggregates WHERE {filter}");
        assert_eq!(rows(&context, &query).await, [format!("{count}|{count}.0")], "{filter}");
        let scan = scan_line(&context, &query).await;
        assert!(
            metric(&scan, "row_groups_pruned_statistics").starts_with(groups),
            "{filter}: {scan}"
        );
    }
}
