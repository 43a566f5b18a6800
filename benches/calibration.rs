//! How often verdicts cry wolf and how fast they find what is wrong: `cargo bench --bench calibration [-- RELEASES [FOLDER]]`.
//!
//! Writes seeded trains of releases as Parquet in the schema of `error_aggregates`, lets the server's own views judge
//! them, and prints what they said, with standard errors. The laws are assumptions: crash loops, a rate that drifts, a
//! ramp of adopters whose hours are reported late, and releases that differ. Every fifth release has its rate multiplied
//! in some measures; `main_crashes` stay healthy. With FOLDER the data stay there, for `mission-control serve --config`.

#![allow(clippy::expect_used)] // A measurement that meets what it did not expect has nothing to go on with.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::util::pretty::pretty_format_batches;
use mission_control::server::{QueryRuntime, Upkeep};
use mission_control::session::Engine;
use parquet::arrow::ArrowWriter;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 20_180_605;
const RELEASES: usize = 305;
const HOURS: usize = 336;
const HOUR_MICROS: i64 = 3_600_000_000;
/// An hour's rows lie in its last window, so that the last hour of the data is over.
const WINDOW_MICROS: i64 = 300_000_000;
/// 2010-01-01, and 14 days from one release to the next.
const FIRST_RELEASE_MICROS: i64 = 1_262_304_000_000_000;
const EVENTS_PER_HOUR: f64 = 0.002;
const DRIFT_SD: f64 = 0.08;
const DRIFT_HOURS: f64 = 24.0;
const ADOPTION_HOURS: f64 = 48.0;

/// A measure whose rate is multiplied in the releases whose number has one of these remainders by 5.
struct Measure {
    name: &'static str,
    factor: f64,
    remainders: &'static [usize],
}

/// Only the last one has a multiplied release among the four before a multiplied one.
const MEASURES: [Measure; 5] = [
    Measure::new("main_crashes", 1.0, &[]),
    Measure::new("startup_crashes", 1.25, &[0]),
    Measure::new("content_crashes", 1.5, &[0]),
    Measure::new("content_shutdown_crashes", 2.0, &[0]),
    Measure::new("gpu_crashes", 2.0, &[0, 4]),
];

impl Measure {
    const fn new(name: &'static str, factor: f64, remainders: &'static [usize]) -> Self {
        Self {
            name,
            factor,
            remainders,
        }
    }

    /// What the rate of a release, counted from 1, is multiplied with.
    fn change(&self, release: usize) -> f64 {
        if self.remainders.contains(&(release % 5)) {
            self.factor
        } else {
            1.0
        }
    }
}

/// Hours per day at full adoption.
const CHANNELS: [(&str, f64); 3] = [("release", 2_000_000.0), ("beta", 50_000.0), ("nightly", 5000.0)];
/// The share of clients that crash in a loop, and the crashes of a loop: dispersions of 5.2 and 1.4.
const LAWS: [(&str, f64, f64); 2] = [("heavy", 0.0193, 12.0), ("moderate", 0.0175, 4.0)];
const SPREADS: [f64; 2] = [0.05, 0.1];

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let releases = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(RELEASES);
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = arguments
        .next()
        .map_or_else(|| temporary.path().to_path_buf(), Into::into);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let (mut healthy, mut regressed) = (vec![], vec![]);
    for train in Train::all() {
        let folder = folder.join(&train.name);
        train.write(&folder, releases, &mut random);
        let (of_healthy, of_regressed) = runtime.block_on(judge(&folder));
        healthy.extend(of_healthy);
        regressed.extend(of_regressed);
        eprintln!("{} is judged", train.name);
    }
    println!("{releases} releases in each train, seed {SEED}; ± is one standard error\n");
    println!("{}", pretty_format_batches(&healthy).expect("a table"));
    println!("{}", pretty_format_batches(&regressed).expect("a table"));
}

/// When a release, counted from 1, came out.
fn release_at(release: usize) -> i64 {
    FIRST_RELEASE_MICROS + ((release - 1) * HOURS) as i64 * HOUR_MICROS
}

/// Releases of one channel, one after another.
struct Train {
    name: String,
    channel: &'static str,
    hours_per_hour: f64,
    loop_share: f64,
    loop_length: f64,
    spread: f64,
}

/// One hour of one release.
struct Hour {
    window_start: i64,
    version: String,
    usage_hours: f64,
    events: [i64; MEASURES.len()],
}

impl Train {
    fn all() -> Vec<Self> {
        let mut trains = vec![];
        for (channel, hours_per_day) in CHANNELS {
            for (law, loop_share, loop_length) in LAWS {
                for spread in SPREADS {
                    trains.push(Self {
                        name: format!("{channel} {law} {spread}"),
                        channel,
                        hours_per_hour: hours_per_day / 24.0,
                        loop_share,
                        loop_length,
                        spread,
                    });
                }
            }
        }
        trains
    }

    /// The data, as an application of its own, with their calendar and a configuration that reads both.
    fn write(&self, folder: &Path, releases: usize, random: &mut ChaCha8Rng) {
        std::fs::create_dir_all(folder.join("data")).expect("a folder");
        let rows: Vec<Hour> = (1..=releases)
            .flat_map(|release| self.release(release, random))
            .collect();
        let batch = batch(&self.name, self.channel, &rows);
        let file = File::create(folder.join("data/releases.parquet")).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("rows");
        writer.close().expect("a Parquet file");
        let mut calendar = String::from("application,channel,version,release_at\n");
        for release in 1..=releases {
            let date = chrono::DateTime::from_timestamp_micros(release_at(release)).expect("a date");
            let (name, channel, date) = (&self.name, self.channel, date.format("%Y-%m-%d"));
            calendar.push_str(&format!("{name},{channel},{release}.0,{date}\n"));
        }
        std::fs::write(folder.join("calendar.csv"), calendar).expect("a calendar");
        // A train is longer than any that a server has to judge at once; the spread is that of the other channels on
        // nightly too, where the default is half of it for nightlies of all platforms together.
        let settings = "[source]\nlocation = \"data\"\n[calendar]\nlocation = \"calendar.csv\"\nmode = \"replace\"\n\
                        [limits]\nmemory_bytes = 6442450944\n[verdict]\nbetween_release_sd = 0.1\n";
        std::fs::write(folder.join("calibration.toml"), settings).expect("a configuration");
    }

    fn release(&self, release: usize, random: &mut ChaCha8Rng) -> Vec<Hour> {
        let mut levels = [0.0; MEASURES.len()];
        let mut drifts = [0.0; MEASURES.len()];
        for (level, drift) in levels.iter_mut().zip(&mut drifts) {
            *level = self.spread * normal(random);
            *drift = DRIFT_SD * normal(random);
        }
        let keep = (-1.0 / DRIFT_HOURS).exp();
        let hour = |age: usize| {
            let adopted = 1.0 - (-(age as f64 + 0.5) / ADOPTION_HOURS).exp();
            let used = self.hours_per_hour * adopted;
            let mut events = [0; MEASURES.len()];
            for (index, measure) in MEASURES.iter().enumerate() {
                drifts[index] = keep * drifts[index] + DRIFT_SD * (1.0 - keep * keep).sqrt() * normal(random);
                let level = (levels[index] + drifts[index]).exp();
                let expected = EVENTS_PER_HOUR * used * measure.change(release) * level;
                events[index] = self.crashes(expected, random);
            }
            Hour {
                window_start: release_at(release) + (age as i64 + 1) * HOUR_MICROS - WINDOW_MICROS,
                version: format!("{release}.0"),
                usage_hours: used * reported(age),
                events,
            }
        };
        (0..HOURS).map(hour).collect()
    }

    /// Crashes of clients of which a few crash again and again.
    fn crashes(&self, expected: f64, random: &mut ChaCha8Rng) -> i64 {
        let clients = expected / (1.0 + self.loop_share * (self.loop_length - 1.0));
        let loops = poisson(clients * self.loop_share, random);
        let alone = poisson(clients * (1.0 - self.loop_share), random);
        let stop = (1.0 - 1.0 / self.loop_length).ln();
        let in_loops: i64 = (0..loops)
            .map(|_| 1 + ((1.0 - random.random::<f64>()).ln() / stop).floor() as i64)
            .sum();
        alone + in_loops
    }
}

/// The share of the hours that is reported at an age, while crashes are reported at once.
fn reported(age: usize) -> f64 {
    let age_hours = age as f64 + 0.5;
    0.8 * (1.0 - (-age_hours / 8.0).exp()) + 0.2 * (1.0 - (-age_hours / 60.0).exp())
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
}

/// Knuth's products, in pieces small enough for a double.
fn poisson(mean: f64, random: &mut ChaCha8Rng) -> i64 {
    let (mut rest, mut count) = (mean, 0);
    while rest > 0.0 {
        let piece = rest.min(100.0);
        let mut product = random.random::<f64>();
        while product > (-piece).exp() {
            count += 1;
            product *= random.random::<f64>();
        }
        rest -= piece;
    }
    count
}

fn batch(application: &str, channel: &str, rows: &[Hour]) -> RecordBatch {
    let same = |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(|_| text))) };
    let windows = rows.iter().map(|row| row.window_start);
    let versions: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.version)));
    let hours = rows.iter().map(|row| row.usage_hours);
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        (
            "window_start",
            Arc::new(TimestampMicrosecondArray::from_iter_values(windows).with_timezone("UTC")),
        ),
        ("application", same(application)),
        ("channel", same(channel)),
        ("os_name", same("Windows_NT")),
        ("version", Arc::clone(&versions)),
        ("display_version", versions),
        ("build_id", same("20091231000000")),
        ("usage_hours", Arc::new(Float64Array::from_iter_values(hours))),
        ("count", Arc::new(Int64Array::from_iter_values(rows.iter().map(|_| 1)))),
    ];
    for (index, Measure { name, .. }) in MEASURES.iter().enumerate() {
        let events = rows.iter().map(|row| row.events[index]);
        columns.push((name, Arc::new(Int64Array::from_iter_values(events))));
    }
    RecordBatch::try_from_iter(columns).expect("a batch")
}

/// What the server's views say of a train: of its healthy releases and of the others.
async fn judge(folder: &Path) -> (Vec<RecordBatch>, Vec<RecordBatch>) {
    let config = mission_control::config::load(Some(&folder.join("calibration.toml")), []).expect("a configuration");
    let queries = QueryRuntime::new().expect("query threads");
    let options = config.engine_options().expect("options");
    let engine = Engine::new(options, queries.handle()).expect("an engine");
    let source = mission_control::server::source_settings(&config).expect("a source");
    Upkeep::load(&source, Arc::clone(&engine), Arc::default())
        .await
        .expect("the data");
    let healthy = rows(&engine, include_str!("calibration_healthy.sql")).await;
    let regressed = rows(&engine, include_str!("calibration_regressed.sql")).await;
    (healthy, regressed)
}

async fn rows(engine: &Arc<Engine>, query: &str) -> Vec<RecordBatch> {
    let rows = engine.session("calibration").query(&with_errors(query)).await;
    rows.expect("a query").collect().await.expect("rows")
}

/// `{percentage}` becomes a text of the percentage and its standard error.
fn with_errors(query: &str) -> String {
    let mut written = String::new();
    let mut rest = query;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, remainder) = after.split_once('}').expect("a closing brace");
        let error = format!("SQRT({name} * (100 - {name}) / releases)");
        written.push_str(before);
        written.push_str(&format!(
            "concat(CAST(ROUND({name}, 1) AS TEXT), ' ± ', CAST(ROUND({error}, 1) AS TEXT))"
        ));
        rest = remainder;
    }
    written.push_str(rest);
    written
}
