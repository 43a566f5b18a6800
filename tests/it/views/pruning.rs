//! What a panel filters by reaches the files: only matching files and measures are read.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use mission_control::server::Upkeep;
use mission_control::session::{Engine, EngineOptions, Session};
use mission_control::sources::SourceSettings;
use parquet::arrow::ArrowWriter;

use super::rows::{Row, answer, at, batch};

fn write(folder: &Path, name: &str, rows: &[Row]) {
    let batch = batch(rows);
    let file = File::create(folder.join(name)).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
}

/// A file for each channel and day.
async fn served(folder: &Path) -> Session {
    for channel in ["release", "beta"] {
        for day in ["2018-06-01", "2018-06-02"] {
            let rows = [Row::new(at(day), channel, "60.0").hours(10.0).main(1)];
            write(folder, &format!("{channel}-{day}.parquet"), &rows);
        }
    }
    let engine = Engine::new(EngineOptions::default(), tokio::runtime::Handle::current()).expect("an engine");
    let source = SourceSettings {
        location: folder.display().to_string(),
        ..SourceSettings::default()
    };
    Upkeep::load(&source, Arc::clone(&engine), Arc::default())
        .await
        .expect("the data");
    engine.session("analyst")
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_reach_the_files_and_the_measures() {
    let folder = tempfile::tempdir().expect("a folder");
    let session = served(folder.path()).await;
    let query = "SELECT sum(events) FROM measure_timeseries WHERE channel = 'release' AND platform = 'linux' \
                 AND measure = 'main_crashes' AND window_start >= '2018-06-02T00:00:00Z'";
    assert_eq!(answer(&session, query).await, ["1"]);
    let plan = answer(&session, &format!("EXPLAIN {query}")).await.join("\n");
    assert!(plan.contains("release-2018-06-02"), "{plan}");
    for left_out in [
        "beta-2018-06-01",
        "beta-2018-06-02",
        "release-2018-06-01",
        "content_crashes",
        "gpu_crashes",
    ] {
        assert!(!plan.contains(left_out), "{left_out} is read:\n{plan}");
    }
}
