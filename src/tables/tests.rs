//! `error_aggregates` over files of every known schema, through SQL in a bare session.

mod known_schemas;
mod mapped_columns;
mod pruning;

use std::path::PathBuf;

use crate::sources::testing::{JUNE_4, one_day, opened, rows, session};

/// The real sample, if the shared data is at hand.
fn real_sample() -> Option<PathBuf> {
    let configured = std::env::var_os("MISSION_CONTROL_SHARED").map(PathBuf::from);
    let candidates = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared"));
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

/// Numbers computed from the file with pyarrow, apart from this program.
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
    // 7 standard ones, and 27 more of which the sample has a column.
    assert_eq!(snapshot.measures.len(), 34);
}

#[tokio::test]
async fn problems_are_a_table_of_their_own() {
    let folder = tempfile::TempDir::new().expect("folder");
    one_day(&folder.path().join("a.parquet"), JUNE_4, 24);
    std::fs::write(folder.path().join("b.parquet"), "").expect("file made");
    let (source, snapshot) = opened(folder.path()).await;
    let context = session(&source, &snapshot);
    let table = super::source_problems::table(&snapshot).expect("a table");
    context
        .register_table("source_problems", std::sync::Arc::new(table))
        .expect("registered");
    let all = "SELECT check_name, severity, file, detail, noticed_at > '2020-01-01' FROM source_problems";
    assert_eq!(
        rows(&context, all).await,
        ["empty_file|warning|b.parquet|the file has no bytes|true"]
    );
}
