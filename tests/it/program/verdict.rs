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

/// What `sql` answers to a configuration, as CSV without its first line.
fn answered(configuration: &str, query: &str) -> String {
    let output = run(&["sql", "--config", configuration, "--format", "csv", query]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    let text = stdout(&output);
    text.split_once('\n')
        .map_or_else(String::new, |(_, rows)| rows.to_string())
}

const NEWEST: &str = "SELECT verdict, reason FROM release_verdicts \
                      WHERE version = '15.0' AND measure = 'main_crashes' AND platform = 'linux'";

/// The program reads the rows that an earlier start has kept as long as they are those of the present data, calendar and
/// settings.
#[test]
fn rows_that_were_kept_answer_for_the_same_data_and_settings_alone() {
    let settings = "[verdict]\nmargin = 0.1\n";
    let (folder, configuration) = prepared(&releases(&WORSE), settings);
    let text = fs::read_to_string(&configuration).expect("a configuration");
    let keeping = text.replace("[source]\n", "[source]\nkept_folder = \"kept\"\n");
    let written = |text: &str| fs::write(&configuration, text).expect("a configuration");
    let asked = || answered(configuration.to_str().expect("a path"), NEWEST);
    let computed = asked();
    assert!(computed.starts_with("regressed,"), "{computed}");
    written(&keeping);
    assert_eq!(asked(), computed);
    let looks = || -> Vec<PathBuf> {
        let files = fs::read_dir(folder.path().join("kept")).expect("a folder").flatten();
        let named = files.filter(|file| file.file_name().to_string_lossy().starts_with("verdict_looks-"));
        named.map(|file| file.path()).collect()
    };
    let kept = looks();
    assert_eq!(kept.len(), 1);
    let modified = |file: &Path| fs::metadata(file).and_then(|file| file.modified()).expect("a time");
    let written_at = modified(&kept[0]);
    assert_eq!(asked(), computed, "from what was kept");
    assert_eq!(
        (looks(), modified(&kept[0])),
        (kept.clone(), written_at),
        "read, not written again"
    );

    // Other settings, another calendar, other rows, no rows: never the old answer.
    written(&keeping.replace("margin = 0.1", "margin = 2"));
    assert!(
        asked().starts_with("ok,") || asked().starts_with("watch,"),
        "{}",
        asked()
    );
    written(&keeping);
    assert_eq!(asked(), computed);
    let calendar = folder.path().join("calendar.csv");
    let dates = fs::read_to_string(&calendar).expect("a calendar");
    fs::write(&calendar, flagged(&dates, "15.0", "acknowledged")).expect("a calendar");
    assert!(!asked().starts_with("regressed,"), "{}", asked());
    fs::write(&calendar, &dates).expect("a calendar");
    write_rows(folder.path(), &releases(&HEALTHY));
    assert!(asked().starts_with("ok,"), "{}", asked());
    write_rows(folder.path(), &releases(&WORSE));
    assert_eq!(asked(), computed);
    let rows = folder.path().join("data/rows.parquet");
    let more = folder.path().join("data/more.parquet");
    fs::copy(&rows, &more).expect("a copy");
    let twice = asked();
    assert_ne!(twice, computed, "a file that came");
    fs::remove_file(&more).expect("a file");
    assert_eq!(asked(), computed, "a file that went");
}

/// The calendar with a flag for one version.
fn flagged(calendar: &str, version: &str, flag: &str) -> String {
    let lines = calendar.lines().map(|line| match line {
        header if header.starts_with("application,") => format!("{header},flag\n"),
        line if line.contains(&format!(",{version},")) => format!("{line},{flag}\n"),
        line => format!("{line},\n"),
    });
    lines.collect()
}

/// The calendar can be a Parquet file of the source, with flags and margins.
#[test]
fn flags_and_margins_of_a_calendar_in_the_source_count() {
    let (folder, configuration) = prepared(&releases(&WORSE), "");
    let text = fs::read_to_string(&configuration).expect("a configuration");
    let text = text.replace("location = \"calendar.csv\"\n", "table = \"calendar.parquet\"\n");
    fs::write(&configuration, text).expect("a configuration");
    let dates = fs::read_to_string(folder.path().join("calendar.csv")).expect("a calendar");
    let entries = |flag_of_14: &str, flag_of_15: &str, margin_of_15: &str| {
        let entry = |line: &str| {
            let cells: Vec<&str> = line.split(',').collect();
            let (flag, margin) = match cells[2] {
                "14.0" => (flag_of_14, "NULL"),
                "15.0" => (flag_of_15, margin_of_15),
                _ => ("NULL", "NULL"),
            };
            format!(
                "('{}', '{}', '{}', DATE '{}', {flag}, {margin})",
                cells[0], cells[1], cells[2], cells[3]
            )
        };
        let rows: Vec<String> = dates.lines().skip(1).map(entry).collect();
        format!(
            "SELECT column1 AS application, column2 AS channel, column3 AS version, column4 AS release_at, \
             CAST(column5 AS TEXT) AS flag, CAST(column6 AS DOUBLE PRECISION) AS margin FROM (VALUES {})",
            rows.join(", ")
        )
    };
    let file = folder.path().join("data/calendar.parquet");
    let file = file.to_str().expect("a path");
    let write = |query: &str| {
        let made = run(&["sql", "--format", "parquet", "-o", file, query]);
        assert!(made.status.success(), "{}", stderr(&made));
    };
    let asked = |query: &str| answered(configuration.to_str().expect("a path"), query);
    write(&entries("NULL", "NULL", "NULL"));
    assert!(asked(NEWEST).starts_with("regressed,"), "{}", asked(NEWEST));
    write(&entries("NULL", "'acknowledged'", "NULL"));
    let acknowledged = asked(NEWEST);
    assert!(
        !acknowledged.starts_with("regressed,") && acknowledged.contains("which the calendar acknowledges"),
        "{acknowledged}"
    );
    write(&entries("NULL", "NULL", "2"));
    assert!(!asked(NEWEST).starts_with("regressed,"), "{}", asked(NEWEST));
    write(&entries("'regressed'", "NULL", "NULL"));
    let pairs =
        "SELECT STRING_AGG(previous_version, ' ' ORDER BY previous_rank) FROM verdict_pairs WHERE version = '15.0'";
    assert_eq!(
        asked(pairs).trim(),
        "13.0 12.0 11.0 10.0",
        "14.0 is flagged as regressed"
    );
    write(&entries("'broken'", "NULL", "NULL"));
    let output = run(&["sql", "--config", configuration.to_str().expect("a path"), NEWEST]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("flag must be empty or one of regressed, acknowledged"),
        "{}",
        stderr(&output)
    );
}
