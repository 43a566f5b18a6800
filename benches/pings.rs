//! Pings per second from lines of JSON to sums by window and group: `cargo bench --bench pings`.
//!
//! Polars and DuckDB read the same file in the same run and group what they read by the same dimensions: main pings only,
//! without experiments, filters or checks, which is less than what is measured here. They are asked through `python3` (or
//! what the variable PYTHON names); without them their line says why. Every figure is the fastest of three runs.

#![allow(clippy::expect_used)] // A measurement that meets what it did not expect has nothing to go on with.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use mission_control::pings::{Checkpoint, CheckpointFile, Folder, Input, RunSettings, keep_in_folder, run};

const PINGS: usize = 400_000;
const RUNS: usize = 3;

fn main() {
    let folder = std::env::temp_dir().join(format!("mission-control-bench-pings-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("pings.ndjson");
    let bytes = write_pings(&file);
    println!(
        "{PINGS} pings of {} bytes on average, {} processors\n",
        bytes / PINGS as u64,
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    println!("{:<40} {:>12} {:>10}", "", "pings/s", "MB/s");
    for threads in [1, RunSettings::default().threads] {
        let seconds = fastest(|| ours(&file, &folder, threads));
        figure(&format!("ingest --pings, {threads} thread(s)"), seconds, bytes);
    }
    for (name, program) in PEERS {
        match fastest_peer(program, &file) {
            Ok(seconds) => figure(name, seconds, bytes),
            Err(reason) => println!("{name:<40} {reason}"),
        }
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}

fn figure(name: &str, seconds: f64, bytes: u64) {
    println!(
        "{name:<40} {:>12.0} {:>10.0}",
        PINGS as f64 / seconds,
        bytes as f64 / seconds / 1e6
    );
}

fn fastest(mut once: impl FnMut() -> f64) -> f64 {
    (0..RUNS).map(|_| once()).fold(f64::INFINITY, f64::min)
}

/// From the file to Parquet, checkpoints included.
fn ours(file: &Path, folder: &Path, threads: usize) -> f64 {
    let rows = folder.join("rows");
    let target = Folder::open(rows.clone()).expect("a folder");
    let checkpoint = CheckpointFile::open(folder.join("checkpoint")).expect("a checkpoint");
    let settings = RunSettings {
        threads,
        ..RunSettings::default()
    };
    let begun = Instant::now();
    let input = Input::new(File::open(file).expect("the file")).expect("input");
    let outcome = run(
        &settings,
        input,
        Checkpoint::new("bench".to_string()),
        Some(&checkpoint),
        &|| i64::MAX / 2,
        &mut |batches, key| keep_in_folder(&target, batches, key),
        &mut |_| Ok(()),
    );
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(outcome.expect("read").counted, PINGS as u64);
    std::fs::remove_dir_all(rows).expect("removed");
    seconds
}

const PEERS: [(&str, &str); 2] = [
    (
        "Polars, main pings grouped",
        "import polars as pl
d = pl.scan_ndjson(path, infer_schema_length=1000)
t = pl.col('submission_timestamp').str.to_datetime('%Y-%m-%dT%H:%M:%SZ').dt.truncate('5m').alias('w')
e, a = pl.col('environment').struct, pl.col('application').struct
b, o = e.field('build').struct, e.field('system').struct.field('os').struct
keys = [t, pl.col('normalized_channel'), b.field('version'), a.field('displayVersion'), b.field('buildId'),
        o.field('name').alias('os'), o.field('version').alias('osv'), b.field('architecture'),
        pl.col('metadata').struct.field('geo').struct.field('country')]
h = pl.col('payload').struct.field('info').struct.field('subsessionLength').clip(0, 90000).sum()
rows = d.group_by(keys).agg(pl.len(), h / 3600).collect().height",
    ),
    (
        "DuckDB, main pings grouped",
        "import duckdb
rows = len(duckdb.sql(f'''SELECT time_bucket(INTERVAL 5 MINUTE, submission_timestamp::TIMESTAMP), normalized_channel,
    environment.build.version, application.displayVersion, environment.build.buildId, environment.system.os.name,
    environment.system.os.version, environment.build.architecture, metadata.geo.country, count(*),
    sum(least(greatest(payload.info.subsessionLength, 0), 90000)) / 3600.0
    FROM read_ndjson('{path}', sample_size=1000) GROUP BY ALL''').fetchall())",
    ),
];

/// The time inside the peer's process, its start left out.
fn fastest_peer(program: &str, file: &Path) -> Result<f64, String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_string());
    let mut seconds = f64::INFINITY;
    for _ in 0..RUNS {
        let timed =
            format!("import sys, time\npath = sys.argv[1]\nbegun = time.time()\n{program}\nprint(time.time() - begun)");
        let output = Command::new(&python).args(["-c", &timed]).arg(file).output();
        let output = output.map_err(|error| format!("not measured: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let measured: f64 = text.trim().parse().map_err(|_| {
            let said = String::from_utf8_lossy(&output.stderr);
            format!("not measured: {}", said.lines().last().unwrap_or("nothing said"))
        })?;
        seconds = seconds.min(measured);
    }
    Ok(seconds)
}

/// Main pings of a few hours with some of what real ones carry and nobody counts.
fn write_pings(file: &Path) -> u64 {
    let mut writer = BufWriter::new(File::create(file).expect("the file"));
    let mut state: u64 = 7;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut bytes = 0;
    for ping in 0..PINGS as u64 {
        let second = ping * 4 * 3600 / PINGS as u64;
        let (hour, minute, second) = (10 + second / 3600, second / 60 % 60, second % 60);
        let country = ["DE", "FR", "US", "BR", "IN", "IT", "PL", "GB"][draw(8) as usize];
        let channel = ["release", "release", "beta", "nightly"][draw(4) as usize];
        let (length, ticks, other) = (draw(90_000), draw(5000), draw(1_000_000));
        let line = format!(
            r#"{{"type":"main","id":"{other:032x}","creationDate":"2018-06-05T09:00:00.000Z","version":4,"submission_timestamp":"2018-06-05T{hour:02}:{minute:02}:{second:02}Z","normalized_channel":"{channel}","metadata":{{"document_type":"main","geo":{{"country":"{country}","city":"??"}},"uri":{{"app_name":"Firefox"}}}},"application":{{"architecture":"x86-64","buildId":"20180528125023","name":"Firefox","version":"61.0","displayVersion":"61.0b9","vendor":"Mozilla","platformVersion":"61.0","xpcomAbi":"x86_64-msvc","channel":"{channel}"}},"environment":{{"build":{{"applicationId":"{{ec8030f7-c20a-464f-9b0e-13a3a9e97384}}","architecture":"x86-64","buildId":"20180528125023","version":"61.0"}},"system":{{"memoryMB":8192,"virtualMaxMB":134217728,"cpu":{{"count":4,"cores":2,"vendor":"GenuineIntel","family":6,"model":58,"stepping":9,"extensions":["hasMMX","hasSSE","hasSSE2","hasSSE3","hasSSSE3","hasSSE4_1","hasSSE4_2","hasAVX"]}},"os":{{"name":"Windows_NT","version":"{os}.0","locale":"de"}}}},"settings":{{"locale":"de","telemetryEnabled":true,"isDefaultBrowser":true}}}},"payload":{{"info":{{"reason":"daily","sessionId":"{ticks:032x}","subsessionCounter":3,"subsessionLength":{length},"profileSubsessionCounter":77}},"simpleMeasurements":{{"activeTicks":{ticks},"firstPaint":1200}},"histograms":{{"GC_MAX_PAUSE_MS_2":{{"range":[1,10000],"bucket_count":50,"histogram_type":0,"values":{{"0":0,"1":3,"2":14,"3":9,"4":5,"6":2,"8":0}},"sum":115}},"CYCLE_COLLECTOR_MAX_PAUSE":{{"range":[1,10000],"bucket_count":50,"histogram_type":0,"values":{{"0":11,"1":3,"2":1,"3":0}},"sum":5}},"SLOW_SCRIPT_NOTICE_COUNT":{{"range":[1,2],"bucket_count":3,"histogram_type":4,"values":{{"0":1,"1":0}},"sum":1}}}},"keyedHistograms":{{"SUBPROCESS_CRASHES_WITH_DUMP":{{"gpu":{{"range":[1,2],"bucket_count":3,"histogram_type":4,"values":{{"0":1,"1":0}},"sum":1}}}}}}}}}}"#,
            os = [6, 10][draw(2) as usize],
        );
        bytes += line.len() as u64 + 1;
        writeln!(writer, "{line}").expect("written");
    }
    writer.flush().expect("written");
    bytes
}
