//! What the program remembers of regressions from one start to the next, the exit status that tells a pipeline, and what
//! is found in demo data.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

use super::{Serving, run, stderr, stdout};
use crate::views::alerts::receiver;
use crate::views::rows::batch;
use crate::views::verdicts::{Releases, releases};

/// Six releases, of which the last one is worse, or not.
const WORSE: [i64; 6] = [40, 41, 39, 40, 41, 64];
const HEALTHY: [i64; 6] = [40, 41, 39, 40, 41, 40];

/// A folder with the releases, their calendar and a configuration.
fn prepared(data: &Releases, more_settings: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    write_rows(folder.path(), data);
    let mut calendar = String::from("application,channel,version,release_at\n");
    for entry in &data.entries {
        let date = chrono::DateTime::from_timestamp_micros(entry.release_at_micros).expect("a time");
        let date = date.format("%Y-%m-%d");
        calendar.push_str(&format!("Firefox,release,{},{date}\n", entry.version));
    }
    fs::write(folder.path().join("calendar.csv"), calendar).expect("a calendar");
    let settings = format!(
        "[source]\nlocation = \"data\"\n[calendar]\nlocation = \"calendar.csv\"\nmode = \"replace\"\n{more_settings}"
    );
    let configuration = folder.path().join("configuration.toml");
    fs::write(&configuration, settings).expect("a configuration");
    (folder, configuration)
}

fn write_rows(folder: &Path, data: &Releases) {
    let rows = batch(&data.rows);
    fs::create_dir_all(folder.join("data")).expect("a folder");
    let file = fs::File::create(folder.join("data/rows.parquet")).expect("a file");
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).expect("a writer");
    writer.write(&rows).expect("rows");
    writer.close().expect("a Parquet file");
}

/// The alerts as a client of the running server reads them, which makes the server look for new ones.
async fn alerts_of(serving: &Serving) -> Vec<String> {
    let (host, port) = serving.postgres.rsplit_once(':').expect("an address");
    let parameters = format!("host={host} port={port} user=analyst dbname=mission_control");
    let connected = tokio_postgres::connect(&parameters, tokio_postgres::NoTls).await;
    let (client, connection) = connected.expect("a connection");
    tokio::spawn(connection);
    let query = "SELECT concat_ws(' ', version, measure, first_moment, sentence) FROM alerts ORDER BY 1";
    let rows = client.query(query, &[]).await.expect("alerts");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Serves until the receiver has got so many messages, and then long enough to see that there are no more. Gives the
/// alerts as they stand.
async fn alerts_of_a_run(configuration: &str, received: &Receiver<serde_json::Value>, messages: usize) -> Vec<String> {
    let mut serving = Serving::start(&["--config", configuration]);
    for _ in 0..messages {
        received.recv_timeout(Duration::from_secs(120)).expect("a message");
    }
    let alerts = alerts_of(&serving).await;
    let more = received.recv_timeout(Duration::from_secs(2));
    assert!(more.is_err(), "told again: {more:?}");
    serving.signal("-TERM");
    assert!(serving.ended_within(Duration::from_secs(20)).success());
    alerts
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_outlives_the_process_and_the_data_it_came_from() {
    let (address, received) = receiver();
    let settings = format!("[alerts]\nfolder = \"state\"\nwebhook = \"{address}\"\nwebhook_wait_seconds = 0.05\n");
    let (folder, configuration) = prepared(&releases(&WORSE), &settings);
    let configuration = configuration.to_str().expect("a path");
    // Two alerts, the first of which the receiver refuses once.
    let raised = alerts_of_a_run(configuration, &received, 3).await;
    assert_eq!(raised.len(), 2, "{raised:?}");
    assert!(raised[0].contains("regressed since"), "{raised:?}");
    // Late data: the release is as good as the others.
    write_rows(folder.path(), &releases(&HEALTHY));
    assert_eq!(alerts_of_a_run(configuration, &received, 0).await, raised);
    write_rows(folder.path(), &releases(&WORSE));
    assert_eq!(alerts_of_a_run(configuration, &received, 0).await, raised);
}

#[test]
fn the_exit_status_tells_a_pipeline() {
    let (_folder, configuration) = prepared(&releases(&WORSE), "");
    let configuration = configuration.to_str().expect("a path");
    for (channel, version, status, words) in [
        ("release", "14.0", 0, "ok "),
        ("release", "15.0", 3, "regressed "),
        ("release", "10.0", 4, "no earlier release"),
        ("release", "99.0", 4, "no usage of 99.0 on release"),
        ("relaese", "14.0", 2, "the data have: release"),
    ] {
        let asked = ["--channel", channel, "--version", version, "--platform", "linux"];
        let output = run(&[&["verdict", "--config", configuration][..], &asked].concat());
        let text = stdout(&output) + &stderr(&output);
        assert_eq!(output.status.code(), Some(status), "{channel} {version}: {text}");
        assert!(text.contains(words), "{channel} {version}: {text}");
    }
}

/// Demo data from 2018-03-09 on. The calendar and the faults are those of the default demo; there are fewer rows.
#[test]
fn the_planted_regression_is_found_and_no_healthy_release_is_called_regressed() {
    let folder = TempDir::new().expect("a folder");
    let location = folder.path().to_str().expect("a path");
    let size = ["--days", "90", "--rows-per-day", "6000", "--seed", "2018"];
    let made = run(&[&["generate", "--out", location][..], &size].concat());
    assert!(made.status.success(), "{}", stderr(&made));
    let query = "SELECT application, channel, platform, version, measure FROM release_verdicts \
                 WHERE verdict = 'regressed' ORDER BY platform DESC, measure";
    let output = run(&["sql", "--source", location, "--format", "csv", query]);
    assert!(output.status.success(), "{}", stderr(&output));
    let found = stdout(&output);
    let found: Vec<&str> = found.lines().skip(1).collect();
    for measure in ["content_crashes", "content_shutdown_crashes", "main_crashes"] {
        let planted = format!("Firefox,beta,windows,60.0b7,{measure}");
        assert!(found.contains(&&*planted), "{found:?}");
    }
    let healthy = found.iter().find(|cell| !cell.contains(",60.0b7,"));
    assert_eq!(healthy, None);
}
