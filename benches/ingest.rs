//! How fast rows come in, and how soon they are seen: `cargo bench --bench ingest [-- SECONDS]`.
//!
//! Serves a new managed table in a temporary folder and sends it rows of the streaming job's second schema for SECONDS
//! (default 20) each over Flight SQL's bulk ingestion in batches of 64 Ki rows, and over COPY in text, while a client asks
//! for the rate of a release again and again. Then measures how long after the acknowledgement of one row a query on
//! another connection answers with it. Counts at the end are compared with what was acknowledged.

#![allow(clippy::expect_used)] // A measurement that meets what it did not expect has nothing to go on with.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{CommandStatementIngest, TableDefinitionOptions, TableExistsOption, TableNotExistOption};
use bytes::Bytes;
use futures::SinkExt;
use mission_control::config::Config;
use mission_control::server::{Running, Server, ServerSettings};
use mission_control::shutdown::Shutdown;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio_postgres::NoTls;

const SEED: u64 = 20_180_604;
const BATCH_ROWS: usize = 64 * 1024;
const BATCHES_PER_UPLOAD: usize = 8;
const DEFAULT_SECONDS: u64 = 20;
/// 2018-06-04 00:00 UTC.
const FIRST_WINDOW_MICROS: i64 = 1_528_070_400_000_000;
const WINDOW_MICROS: i64 = 300_000_000;
const FRESHNESS_TRIALS: usize = 20;
const MEASURES: [&str; 7] = [
    "main_crashes",
    "startup_crashes",
    "content_crashes",
    "content_shutdown_crashes",
    "gpu_crashes",
    "plugin_crashes",
    "gmplugin_crashes",
];

/// One window's rows of the streaming job's second schema.
fn batch(random: &mut ChaCha8Rng, window: i64) -> RecordBatch {
    let mut texts = |choices: &[&str]| -> ArrayRef {
        let values = (0..BATCH_ROWS).map(|_| choices[random.random_range(0..choices.len())]);
        Arc::new(StringArray::from_iter_values(values))
    };
    let dimensions = [
        ("channel", texts(&["release", "beta", "nightly", "esr"])),
        (
            "version",
            texts(&["60.0", "60.0.1", "59.0.2", "61.0", "62.0a1", "52.8.0"]),
        ),
        (
            "display_version",
            texts(&["60.0", "60.0.1", "59.0.2", "61.0b11", "62.0a1", "52.8.0esr"]),
        ),
        (
            "build_id",
            texts(&["20180503143129", "20180516032328", "20180323154952", "20180604143143"]),
        ),
        ("application", texts(&["Firefox", "Fennec"])),
        ("os_name", texts(&["Windows_NT", "Darwin", "Linux"])),
        ("os_version", texts(&["10.0", "6.1", "6.3", "17.5.0", "4.15.0"])),
        ("architecture", texts(&["x86", "x86-64"])),
        ("country", texts(&["US", "DE", "FR", "IN", "BR", "CN", "RU", "??"])),
    ];
    let start = FIRST_WINDOW_MICROS + window * WINDOW_MICROS;
    let times = |micros: i64| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(vec![micros; BATCH_ROWS]).with_timezone("UTC"))
    };
    let mut columns = vec![
        ("window_start", times(start)),
        ("window_end", times(start + WINDOW_MICROS)),
    ];
    columns.extend(dimensions);
    let hours = (0..BATCH_ROWS).map(|_| random.random_range(0.0..25.0));
    columns.push(("usage_hours", Arc::new(Float64Array::from_iter_values(hours))));
    for name in std::iter::once("count").chain(MEASURES) {
        let counts = (0..BATCH_ROWS).map(|_| random.random_range(0..3));
        columns.push((name, Arc::new(Int64Array::from_iter_values(counts))));
    }
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

/// A batch's first columns as COPY's text.
fn copy_text(batch: &RecordBatch) -> Bytes {
    let options = arrow::util::display::FormatOptions::default().with_null("\\N");
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| arrow::util::display::ArrayFormatter::try_new(column, &options).expect("a column as text"))
        .collect();
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        for (index, column) in columns.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\t" };
            write!(text, "{gap}{}", column.value(row)).expect("text");
        }
        text.push('\n');
    }
    text.into()
}

fn settings(folder: &std::path::Path) -> ServerSettings {
    let mut config = Config::default();
    config.managed.location = Some(folder.join("table").display().to_string());
    for listen in [&mut config.postgres.listen, &mut config.flight.listen] {
        *listen = "127.0.0.1:0".parse().expect("an address");
    }
    config.http.listen = "off".parse().expect("off");
    ServerSettings::from_config(&config).expect("settings")
}

async fn postgres(running: &Running) -> tokio_postgres::Client {
    let address = running.postgres.expect("a listener");
    let parameters = format!(
        "host={} port={} user=bench dbname=mission_control",
        address.ip(),
        address.port()
    );
    let (client, connection) = tokio_postgres::connect(&parameters, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

async fn count(client: &tokio_postgres::Client) -> i64 {
    let row = client
        .query_one("SELECT count(*) FROM error_aggregates", &[])
        .await
        .expect("a count");
    row.get(0)
}

/// Rows per second over Flight's bulk ingestion; returns how many were acknowledged.
async fn flight(running: &Running, batch: &RecordBatch, duration: Duration) -> u64 {
    let address = format!("http://{}", running.flight.expect("a listener"));
    let channel = tonic::transport::Endpoint::from_shared(address)
        .expect("an address")
        .connect()
        .await;
    let mut client = FlightSqlServiceClient::new(channel.expect("a connection"));
    let begun = Instant::now();
    let mut rows = 0;
    while begun.elapsed() < duration {
        let command = CommandStatementIngest {
            table_definition_options: Some(TableDefinitionOptions {
                if_not_exist: TableNotExistOption::Fail.into(),
                if_exists: TableExistsOption::Append.into(),
            }),
            table: "error_aggregates".to_string(),
            ..CommandStatementIngest::default()
        };
        let batches = vec![batch.clone(); BATCHES_PER_UPLOAD];
        let upload = futures::stream::iter(batches.into_iter().map(Ok));
        rows += client.execute_ingest(command, upload).await.expect("an upload");
    }
    let rows = u64::try_from(rows).expect("a count");
    println!(
        "{:<28}{:>12.0} rows/s",
        "Flight, 64 Ki rows a batch",
        rows as f64 / begun.elapsed().as_secs_f64()
    );
    rows
}

/// Rows per second over COPY in text; returns how many were acknowledged.
async fn copy(running: &Running, batch: &RecordBatch, duration: Duration) -> u64 {
    let client = postgres(running).await;
    let schema = batch.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let statement = format!("COPY error_aggregates ({}) FROM STDIN", names.join(", "));
    let text = copy_text(batch);
    let begun = Instant::now();
    let mut rows = 0;
    while begun.elapsed() < duration {
        let sink = client.copy_in(statement.as_str()).await.expect("a copy");
        let mut sink = std::pin::pin!(sink);
        for start in (0..text.len()).step_by(1 << 16) {
            let piece = text.slice(start..text.len().min(start + (1 << 16)));
            sink.send(piece).await.expect("bytes");
        }
        rows += sink.finish().await.expect("an end");
    }
    println!(
        "{:<28}{:>12.0} rows/s",
        "COPY, text",
        rows as f64 / begun.elapsed().as_secs_f64()
    );
    rows
}

/// How long after its acknowledgement a row is in an answer on another connection, with the time that the query takes.
async fn freshness(running: &Running) {
    let (writer, reader) = (postgres(running).await, postgres(running).await);
    let mut delays: Vec<Duration> = vec![];
    for trial in 0..FRESHNESS_TRIALS {
        let channel = format!("fresh-{trial}");
        let insert = format!(
            "INSERT INTO error_aggregates (window_start, channel, application, os_name, usage_hours, main_crashes) \
             VALUES ('2018-06-05', '{channel}', 'Firefox', 'Linux', 1, 1)"
        );
        writer.simple_query(&insert).await.expect("a row");
        let begun = Instant::now();
        let query =
            format!("SELECT events FROM measure_timeseries WHERE measure = 'main_crashes' AND channel = '{channel}'");
        let rows = reader.query(&query, &[]).await.expect("an answer");
        assert_eq!(rows.len(), 1, "the acknowledged row is not in the answer");
        delays.push(begun.elapsed());
    }
    delays.sort();
    let shown = |place: usize| delays[place].as_secs_f64() * 1000.0;
    println!(
        "{:<28}{:>12.0} ms in the middle, {:.0} ms at most, the query's own time included",
        "acknowledged to answered",
        shown(FRESHNESS_TRIALS / 2),
        shown(FRESHNESS_TRIALS - 1)
    );
}

#[tokio::main]
async fn main() {
    let seconds = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let duration = Duration::from_secs(seconds.unwrap_or(DEFAULT_SECONDS));
    let folder = tempfile::tempdir().expect("a folder");
    let running = Server::start(settings(folder.path()), Arc::default(), Shutdown::new()).await;
    let running = Arc::new(running.expect("a server"));
    let stopping = Arc::new(AtomicBool::new(false));
    let queries = Arc::new(AtomicU64::new(0));
    let asking = {
        let (client, stopping, queries) = (postgres(&running).await, Arc::clone(&stopping), Arc::clone(&queries));
        tokio::spawn(async move {
            let query =
                "SELECT version, rate FROM release_summary WHERE measure = 'main_crashes' AND channel = 'release'";
            while !stopping.load(Relaxed) {
                client.query(query, &[]).await.expect("an answer");
                queries.fetch_add(1, Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        })
    };
    let batch = batch(&mut ChaCha8Rng::seed_from_u64(SEED), 0);
    let acknowledged = flight(&running, &batch, duration).await + copy(&running, &batch, duration).await;
    stopping.store(true, Relaxed);
    asking.await.expect("the queries beside");
    println!("{:<28}{:>12}", "queries answered beside", queries.load(Relaxed));
    let found = count(&postgres(&running).await).await;
    assert_eq!(
        u64::try_from(found).expect("a count"),
        acknowledged,
        "rows were lost or doubled"
    );
    freshness(&running).await;
}
