//! Parquet files that are damaged or lie: small good files with changed bytes, read as a source is. A file that cannot
//! be read is a named problem or a refused query, and its neighbour is read all the same.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use futures::FutureExt;
use mission_control::error::{Error, ErrorKind};
use mission_control::session::{Engine, EngineOptions, Limits, Relations};
use mission_control::sources::{self, SourceSettings};
use mission_control::tables::error_aggregates::ErrorAggregatesTable;
use mission_control::wire::error_codes::sqlstate;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use rand::Rng;
use rand::seq::IndexedRandom;
use tokio::runtime::Runtime;

use super::{Random, Run, Verdict, mutate};

/// Windows begin on 2018-06-04: `date -ud '2018-06-04' +%s` × 10⁶.
const FIRST_WINDOW: i64 = 1_528_070_400_000_000;
const GOOD_ROWS: i64 = 20;

/// What is asked of the table: everything, what a panel reads, and what statistics alone could answer.
const QUERIES: [&str; 3] = [
    "SELECT * FROM error_aggregates",
    "SELECT channel, sum(usage_hours), sum(main_crashes), count(*) FROM error_aggregates WHERE window_start >= '2018-06-04' AND channel <> 'beta' GROUP BY channel",
    "SELECT min(window_start), max(window_start), count(*), max(build_id) FROM error_aggregates WHERE main_crashes > 1",
];

#[test]
fn parquet_files() {
    let seeds = seeds();
    let (listener, queries) = runtimes();
    let mut run = Run::begin("parquet", 250);
    while let Some(mut case) = run.next() {
        let (name, seed) = seeds.choose(&mut case.random).expect("a seed");
        let mut bytes = seed.clone();
        let change = damage(&mut case.random, &mut bytes);
        let verdict = listener.block_on(async {
            let reading = AssertUnwindSafe(read(bytes.clone(), queries.handle().clone())).catch_unwind();
            match tokio::time::timeout(Duration::from_secs(15), reading).await {
                Err(_) => Err("reading does not end".to_string()),
                Ok(Err(_)) => Err("reading panicked".to_string()),
                Ok(Ok(verdict)) => verdict,
            }
        });
        run.judge(&case, verdict, || format!("{name}, {change}, {} bytes", bytes.len()));
    }
    run.end();
    queries.shutdown_background();
}

fn runtimes() -> (Runtime, Runtime) {
    let make = |name: &str| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name(format!("fuzz::parquet::{name}"))
            .enable_all()
            .build()
            .expect("a runtime")
    };
    (make("io"), make("query"))
}

/// Serves the file beside a good one, as the server does, and asks.
async fn read(bytes: Vec<u8>, queries: tokio::runtime::Handle) -> Verdict {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    std::fs::write(folder.path().join("a_damaged.parquet"), bytes).map_err(|error| error.to_string())?;
    let good = write(|_| {}, WriterProperties::builder());
    std::fs::write(folder.path().join("good.parquet"), good).map_err(|error| error.to_string())?;
    let settings = SourceSettings {
        location: folder.path().display().to_string(),
        ..SourceSettings::default()
    };
    let source = sources::open(&settings)
        .await
        .map_err(|error| format!("the folder does not open: {error}"))?;
    let options = EngineOptions {
        memory_bytes: 64 << 20,
        threads_per_query: 2,
        limits: Limits {
            statement_timeout: Some(Duration::from_secs(5)),
            ..Limits::default()
        },
        ..EngineOptions::default()
    };
    let engine = Engine::new(options, queries).map_err(|error| error.to_string())?;
    engine
        .environment()
        .register_object_store(source.object_store_url().as_ref(), source.object_store());
    let mut told = ask(&engine, &source, folder.path()).await?;
    if told.starts_with("58030") || told.starts_with("XX000") {
        // A file that failed a query is looked for, and left out from then on.
        let snapshot = source
            .scan(None)
            .await
            .map_err(|error| format!("no second look: {error}"))?;
        source.verify_all(&snapshot).await;
        let again = ask(&engine, &source, folder.path()).await?;
        told.push_str(if again == "left out at once" {
            ", then left out"
        } else {
            ", and again"
        });
    }
    Ok(told)
}

async fn ask(engine: &Arc<Engine>, source: &sources::Source, folder: &Path) -> Verdict {
    let snapshot = source
        .scan(None)
        .await
        .map_err(|error| format!("the good file is not served: {error}"))?;
    let place = folder.display().to_string();
    if let Some(problem) = snapshot
        .problems
        .iter()
        .find(|problem| problem.detail.contains(&place) || problem.detail.is_empty())
    {
        return Err(format!("this is no account of a problem: {problem:?}"));
    }
    let served = snapshot.files.len();
    let table = ErrorAggregatesTable::new(source, Arc::new(snapshot));
    let mut relations = Relations::default();
    relations.system.insert("error_aggregates".to_string(), Arc::new(table));
    engine
        .publish(relations)
        .await
        .map_err(|error| format!("nothing is published: {error}"))?;
    let mut told = if served == 2 { "served" } else { "left out at once" }.to_string();
    for query in QUERIES {
        let query = query.replace("FROM error_aggregates", "FROM mission_control.error_aggregates");
        match rows(engine, &query).await {
            Ok(rows) if served == 1 && query.contains("SELECT *") && rows != GOOD_ROWS => {
                return Err(format!("{rows} rows of the good file"));
            }
            Ok(_) => {}
            Err(error) if served == 1 => return Err(format!("the good file cannot be read: {error}")),
            Err(error) if error.kind == ErrorKind::Internal => {
                let words: String = error.message.chars().take(90).collect();
                return Ok(format!("XX000 internal error: {words}"));
            }
            Err(error) => told = sqlstate(error.kind).to_string(),
        }
    }
    Ok(told)
}

async fn rows(engine: &Arc<Engine>, query: &str) -> Result<i64, Error> {
    let batches = engine.session("fuzz").query(query).await?.collect().await?;
    Ok(batches
        .iter()
        .map(|batch| i64::try_from(batch.num_rows()).unwrap_or(0))
        .sum())
}

/// Good files of the kinds that sources have had: encodings, compressions, page versions, with and without statistics.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let zstd = Compression::ZSTD(ZstdLevel::default());
    vec![
        ("plain", write(|_| {}, WriterProperties::builder())),
        (
            "snappy",
            write(|_| {}, WriterProperties::builder().set_compression(Compression::SNAPPY)),
        ),
        (
            "zstd, pages of version 2",
            write(
                |_| {},
                WriterProperties::builder()
                    .set_compression(zstd)
                    .set_writer_version(WriterVersion::PARQUET_2_0),
            ),
        ),
        (
            "gzip",
            write(
                |_| {},
                WriterProperties::builder().set_compression(Compression::GZIP(Default::default())),
            ),
        ),
        (
            "lz4",
            write(
                |_| {},
                WriterProperties::builder().set_compression(Compression::LZ4_RAW),
            ),
        ),
        (
            "brotli",
            write(
                |_| {},
                WriterProperties::builder().set_compression(Compression::BROTLI(Default::default())),
            ),
        ),
        (
            "no dictionary",
            write(
                |_| {},
                WriterProperties::builder()
                    .set_dictionary_enabled(false)
                    .set_encoding(Encoding::PLAIN),
            ),
        ),
        (
            "deltas",
            write(
                |_| {},
                WriterProperties::builder()
                    .set_dictionary_enabled(false)
                    .set_column_encoding("window_start".into(), Encoding::DELTA_BINARY_PACKED)
                    .set_column_encoding("channel".into(), Encoding::DELTA_BYTE_ARRAY)
                    .set_column_encoding("version".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
                    .set_column_encoding("usage_hours".into(), Encoding::BYTE_STREAM_SPLIT),
            ),
        ),
        (
            "no statistics",
            write(
                |_| {},
                WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None),
            ),
        ),
        (
            "small pages with an index and a bloom filter",
            write(
                |_| {},
                WriterProperties::builder()
                    .set_statistics_enabled(EnabledStatistics::Page)
                    .set_data_page_row_count_limit(4)
                    .set_write_batch_size(4)
                    .set_bloom_filter_enabled(true)
                    .set_max_row_group_row_count(Some(8)),
            ),
        ),
        (
            "narrow",
            write(|columns| columns.truncate(4), WriterProperties::builder()),
        ),
        (
            "no rows",
            write(
                |columns| columns.iter_mut().for_each(|(_, array)| *array = array.slice(0, 0)),
                WriterProperties::builder(),
            ),
        ),
    ]
}

fn write(change: impl Fn(&mut Vec<(&'static str, ArrayRef)>), properties: WriterPropertiesBuilder) -> Vec<u8> {
    let each = || 0..GOOD_ROWS;
    let texts = |of: fn(i64) -> String| Arc::new(StringArray::from_iter_values(each().map(of))) as ArrayRef;
    let times = TimestampMicrosecondArray::from_iter_values(each().map(|row| FIRST_WINDOW + row * 300_000_000));
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("window_start", Arc::new(times.with_timezone("UTC"))),
        (
            "channel",
            texts(|row| ["release", "beta", "nightly"][usize::try_from(row % 3).unwrap_or(0)].to_string()),
        ),
        (
            "usage_hours",
            Arc::new(Float64Array::from_iter_values(each().map(|row| row as f64 / 8.0))),
        ),
        (
            "main_crashes",
            Arc::new(Int64Array::from_iter(each().map(|row| (row % 5 != 0).then_some(row)))),
        ),
        ("version", texts(|row| format!("58.0.{row}"))),
        ("build_id", texts(|row| format!("201806{:02}100000", row + 1))),
        ("os_name", texts(|_| "Windows_NT".to_string())),
        ("submission_date", texts(|_| "2018-06-04".to_string())),
        (
            "gpu_crashes",
            Arc::new(Int32Array::from_iter(each().map(|row| i32::try_from(row).ok()))),
        ),
    ];
    change(&mut columns);
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build())).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
    bytes
}

/// Changes bytes of the pages, of the footer, or of both. Returns what was done.
fn damage(random: &mut Random, bytes: &mut Vec<u8>) -> &'static str {
    let end = bytes.len() - 8;
    let footer = end - u32::from_le_bytes([bytes[end], bytes[end + 1], bytes[end + 2], bytes[end + 3]]) as usize;
    match random.random_range(0..10) {
        0..4 => {
            // The length of the footer and the magic number stay right.
            let mut metadata = bytes[footer..end].to_vec();
            few_bytes(random, &mut metadata);
            bytes.splice(footer..end, metadata);
            "the footer's contents"
        }
        4..8 => {
            let mut pages = bytes[4..footer].to_vec();
            few_bytes(random, &mut pages);
            bytes.splice(4..footer, pages);
            "the pages"
        }
        8 => {
            let length = *mutate::EDGES.choose(random).unwrap_or(&0) as u32;
            bytes[end..end + 4].copy_from_slice(&length.to_le_bytes());
            "the footer's length"
        }
        _ => {
            mutate::bytes(random, bytes, &[]);
            "anything"
        }
    }
}

/// Changes that keep the length, so that what stands behind them stays where it is.
fn few_bytes(random: &mut Random, bytes: &mut [u8]) {
    if bytes.is_empty() {
        return;
    }
    for _ in 0..random.random_range(1..=3) {
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..4) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            // A number of variable length that goes on and on is a very large one.
            2 => bytes[at..]
                .iter_mut()
                .take(random.random_range(1..9))
                .for_each(|byte| *byte |= 0x80),
            _ => mutate::overwrite(random, bytes, at),
        }
    }
}
