//! The views over a product that is not Firefox: `examples/other_product` as it is shipped, over the rows that its
//! script writes.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use mission_control::config;
use mission_control::server::{Upkeep, source_settings};
use mission_control::session::{Engine, Session};
use parquet::arrow::ArrowWriter;

use super::rows::answer;

const FIRST_HOUR: i64 = 1_709_251_200;

/// The rows of `make_data.py`.
fn sessions() -> RecordBatch {
    let mut rows: Vec<(i64, &str, &str, &str, i64, i64, i64)> = vec![];
    for hour in 0..20 * 24 {
        let stable = if hour < 10 * 24 { ("1.0", 4) } else { ("2.0", 5) };
        let preview = if hour < 5 * 24 { ("2.0b1", 1) } else { ("2.0b2", 1) };
        for system in ["Linux", "HarmonyOS"] {
            let bucket = FIRST_HOUR + hour * 3600;
            rows.push((bucket, "stable", stable.0, system, 60_000, stable.1, 1));
            rows.push((bucket, "preview", preview.0, system, 6_000, preview.1, 0));
        }
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "bucket",
            Arc::new(rows.iter().map(|row| Some(row.0)).collect::<Int64Array>()),
        ),
        (
            "ring",
            Arc::new(rows.iter().map(|row| Some(row.1)).collect::<StringArray>()),
        ),
        (
            "release",
            Arc::new(rows.iter().map(|row| Some(row.2)).collect::<StringArray>()),
        ),
        (
            "system",
            Arc::new(rows.iter().map(|row| Some(row.3)).collect::<StringArray>()),
        ),
        (
            "session_minutes",
            Arc::new(rows.iter().map(|row| Some(row.4)).collect::<Int64Array>()),
        ),
        (
            "n_failures",
            Arc::new(rows.iter().map(|row| Some(row.5)).collect::<Int64Array>()),
        ),
        (
            "n_timeouts",
            Arc::new(rows.iter().map(|row| Some(row.6)).collect::<Int64Array>()),
        ),
    ];
    RecordBatch::try_from_iter(columns).expect("a batch")
}

async fn harbor() -> (Session, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let batch = sessions();
    let file = File::create(folder.path().join("sessions.parquet")).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/other_product/configuration.toml");
    let location = folder.path().display().to_string();
    let environment = [("MISSION_CONTROL_SOURCE__LOCATION".to_string(), location)];
    let config = config::load(Some(&example), environment).expect("the configuration");
    let options = config.engine_options().expect("the calendar");
    let engine = Engine::new(options, tokio::runtime::Handle::current()).expect("an engine");
    let source = source_settings(&config).expect("a source");
    Upkeep::load(&source, Arc::clone(&engine), Arc::default())
        .await
        .expect("the data");
    (engine.session("analyst"), folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_product_goes_through_the_same_views() {
    let (session, _folder) = harbor().await;
    let releases = "SELECT channel, version, stage, release_at, release_source, is_latest FROM releases ORDER BY 1, 2";
    let expected = [
        "preview 2.0b1 beta 2024-03-01T00:00:00Z calendar false",
        "preview 2.0b2 beta 2024-03-06T00:00:00Z calendar true",
        "stable 1.0 final 2024-03-01T00:00:00Z calendar false",
        "stable 2.0 final 2024-03-11T00:00:00Z calendar true",
    ];
    assert_eq!(answer(&session, releases).await, expected);

    // 216 hours of 1000 hours of use each, on both sides.
    let compared = "SELECT platform, previous_version, events, usage_hours, rate, previous_rate, rate_ratio, truncated \
                    FROM release_comparison WHERE channel = 'stable' AND grouping = 'major' AND measure = 'failures' \
                    ORDER BY platform";
    let expected = [
        "linux 1 1080 216000 5 4 1.25 false",
        "phone 1 1080 216000 5 4 1.25 false",
    ];
    assert_eq!(answer(&session, compared).await, expected);

    let score = "SELECT version, score, platforms FROM channel_score WHERE channel = 'stable'";
    assert_eq!(answer(&session, score).await, ["2 5 2"]);
    let measures =
        "SELECT measure, label, unit, is_key FROM measures WHERE measure IN ('failures', 'timeouts') ORDER BY 1";
    assert_eq!(
        answer(&session, measures).await,
        [
            "failures Failed sessions sessions true",
            "timeouts Timeouts events false"
        ]
    );
    let targets = "SELECT channel, measure, target_rate, critical_rate FROM targets";
    assert_eq!(answer(&session, targets).await, ["stable failures 4 8"]);
    // Its channels and platforms are its own, so that nothing about them is unknown.
    let found = "SELECT check_name FROM data_quality WHERE check_name LIKE 'unknown%' OR check_name LIKE 'calendar%'";
    assert!(answer(&session, found).await.is_empty());
}
