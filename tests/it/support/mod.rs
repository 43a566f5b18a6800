//! What the integration tests share: a server on free ports over a small data set, clients for it, and rows as text.

pub mod text;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::prelude::{CsvReadOptions, SessionContext};
use futures::TryStreamExt;
use mission_control::config::Listen;
use mission_control::metrics::Metrics;
use mission_control::server::{AccessSettings, Running, Server, ServerSettings};
use mission_control::session::{Engine, EngineOptions};
use mission_control::shutdown::Shutdown;
use mission_control::sources::SourceSettings;
use mission_control::tables::Vocabulary;
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

/// A running server. Its listeners end with it.
pub struct TestServer {
    running: Running,
    /// Parquet files written for this server; removed with it.
    _folder: Option<TempDir>,
}

impl TestServer {
    /// Serves a file or folder as it lies there.
    pub async fn over(location: &Path) -> Self {
        Self::start(location, None).await
    }

    /// Serves the CSV files of a folder, written to Parquet first.
    pub async fn over_csv(folder: &Path) -> Self {
        let written = parquet_from_csv(folder).await;
        let location = written.path().to_path_buf();
        Self::start(&location, Some(written)).await
    }

    /// Serves the rows of one batch.
    pub async fn over_batch(batch: &RecordBatch) -> Self {
        Self::over_rows(batch, Vocabulary::default()).await
    }

    /// Serves rows, written to one Parquet file, with a vocabulary of their own.
    pub async fn over_rows(batch: &RecordBatch, vocabulary: Vocabulary) -> Self {
        let options = EngineOptions {
            vocabulary,
            ..EngineOptions::default()
        };
        Self::over_rows_with(batch, options).await
    }

    /// Serves rows, written to one Parquet file, with these options.
    pub async fn over_rows_with(batch: &RecordBatch, options: EngineOptions) -> Self {
        let written = TempDir::new().expect("a temporary folder");
        let file = std::fs::File::create(written.path().join("rows.parquet")).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a Parquet writer");
        writer.write(batch).expect("rows");
        writer.close().expect("a Parquet file");
        let location = written.path().to_path_buf();
        Self::start_with(&location, Some(written), options).await
    }

    async fn start(location: &Path, folder: Option<TempDir>) -> Self {
        Self::start_with(location, folder, EngineOptions::default()).await
    }

    async fn start_with(location: &Path, folder: Option<TempDir>, engine: EngineOptions) -> Self {
        let free: Listen = "127.0.0.1:0".parse().expect("an address");
        let settings = ServerSettings {
            source: SourceSettings {
                location: location.display().to_string(),
                ..SourceSettings::default()
            },
            managed: None,
            refresh_interval: Duration::from_secs(3600),
            postgres: free.clone(),
            flight: free,
            http: "off".parse().expect("off"),
            postgres_socket: None,
            access: AccessSettings::default(),
            engine,
            shutdown_grace: Duration::from_secs(1),
        };
        let running = Server::start(settings, Arc::new(Metrics::default()), Shutdown::new())
            .await
            .expect("a server");
        Self {
            running,
            _folder: folder,
        }
    }

    pub fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.running.engine)
    }

    pub async fn postgres_client(&self) -> tokio_postgres::Client {
        let address = self.running.postgres.expect("a PostgreSQL listener");
        let parameters = format!(
            "host={} port={} user=analyst dbname=mission_control",
            address.ip(),
            address.port()
        );
        let (client, connection) = tokio_postgres::connect(&parameters, tokio_postgres::NoTls)
            .await
            .expect("a connection");
        tokio::spawn(connection);
        client
    }

    /// The rows of a query over the PostgreSQL wire, as text; `None` is NULL.
    pub async fn postgres_rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let messages = self.postgres_client().await.simple_query(sql).await.expect(sql);
        let rows = messages.iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let cells = |row: &tokio_postgres::SimpleQueryRow| {
            (0..row.len()).map(|cell| row.get(cell).map(str::to_string)).collect()
        };
        rows.map(cells).collect()
    }

    /// The rows of a query over Flight SQL, as text; `None` is NULL.
    pub async fn flight_rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let mut rows = vec![];
        for batch in flight_batches(&mut self.flight_client().await, sql).await.expect(sql) {
            for row in 0..batch.num_rows() {
                let cells = batch.columns().iter().map(|column: &ArrayRef| {
                    let text = arrow::util::display::array_value_to_string(column, row).expect("text");
                    (!column.is_null(row)).then_some(text)
                });
                rows.push(cells.collect());
            }
        }
        rows
    }

    pub async fn flight_client(&self) -> FlightSqlServiceClient<tonic::transport::Channel> {
        let address = self.running.flight.expect("a Flight listener");
        let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("an endpoint");
        FlightSqlServiceClient::new(endpoint.connect().await.expect("a connection"))
    }
}

/// The rows of a query over Flight SQL.
pub async fn flight_batches(
    client: &mut FlightSqlServiceClient<tonic::transport::Channel>,
    sql: &str,
) -> Result<Vec<RecordBatch>, FlightError> {
    let info = client.execute(sql.to_string(), None).await?;
    let mut batches = vec![];
    for ticket in info.endpoint.into_iter().filter_map(|endpoint| endpoint.ticket) {
        batches.extend(client.do_get(ticket).await?.try_collect::<Vec<_>>().await?);
    }
    Ok(batches)
}

/// The folder of the SQL tests' small data set: three windows, two channels.
pub fn small_data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt/errors/data")
}

/// A file of the reference data beside the repository; prints why when it is not there.
pub fn shared(path: &str) -> Option<PathBuf> {
    let start = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = start
        .ancestors()
        .map(|folder| folder.join("shared").join(path))
        .find(|candidate| candidate.exists());
    if found.is_none() {
        println!("skipped: the reference data shared/{path} is not beside the repository");
    }
    found
}

/// Every CSV file of a folder as a Parquet file of a new folder. The columns' types follow from their names.
pub async fn parquet_from_csv(folder: &Path) -> TempDir {
    let written = TempDir::new().expect("a temporary folder");
    let context = SessionContext::new();
    for entry in std::fs::read_dir(folder).expect("a folder of CSV files").flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != "csv") {
            continue;
        }
        let header = std::fs::read_to_string(&path).expect("a CSV file");
        let schema = Schema::new(
            header
                .lines()
                .next()
                .expect("a header")
                .split(',')
                .map(column)
                .collect::<Vec<_>>(),
        );
        let rows = context
            .read_csv(path.to_str().expect("a path"), CsvReadOptions::new().schema(&schema))
            .await
            .expect("CSV rows");
        let name = path.file_stem().expect("a name").to_string_lossy().to_string();
        let target = written.path().join(format!("{name}.parquet"));
        rows.write_parquet(
            target.to_str().expect("a path"),
            DataFrameWriteOptions::new().with_single_file_output(true),
            None,
        )
        .await
        .expect("a Parquet file");
    }
    written
}

fn column(name: &str) -> Field {
    let data_type = match name {
        "window_start" | "window_end" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "usage_hours" => DataType::Float64,
        "count" => DataType::Int64,
        name if name.ends_with("_crashes") => DataType::Int64,
        _ => DataType::Utf8,
    };
    Field::new(name, data_type, true)
}
