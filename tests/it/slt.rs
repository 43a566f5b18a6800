//! The SQL tests of `tests/slt`, each file over every way in: embedded, the PostgreSQL wire, Arrow Flight SQL. The same
//! expected rows and error codes hold for all three.
//!
//! A folder's data are its `data/*.csv` (columns of `error_aggregates`), written to Parquet and served as a source;
//! `tests/slt/sample` uses the real sample and is skipped, with a printed reason, where that is not at hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use mission_control::error::Error;
use mission_control::wire::error_codes;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

use crate::support::{TestServer, flight_batches, small_data, text};

/// An error with the code that its wire carries.
#[derive(Debug)]
struct Coded {
    sqlstate: Option<String>,
    message: String,
}

impl std::fmt::Display for Coded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Coded {}

impl From<Error> for Coded {
    fn from(error: Error) -> Self {
        Self {
            sqlstate: Some(error_codes::sqlstate(error.kind).to_string()),
            message: error.message,
        }
    }
}

type Output = DBOutput<DefaultColumnType>;

/// Rows as sqllogictest compares them: every cell as text, NULL spelled out.
fn rows_of(batches: &[RecordBatch]) -> Output {
    let columns = batches.first().map_or(0, RecordBatch::num_columns);
    let rows = batches
        .iter()
        .flat_map(|batch| {
            (0..batch.num_rows())
                .map(|row| text::row(batch, row))
                .collect::<Vec<_>>()
        })
        .collect();
    DBOutput::Rows {
        types: vec![DefaultColumnType::Any; columns],
        rows,
    }
}

struct Embedded {
    server: Arc<TestServer>,
}

#[async_trait]
impl AsyncDB for Embedded {
    type Error = Coded;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<Output, Coded> {
        let rows = self.server.engine().session("analyst").query(sql).await?;
        Ok(rows_of(&rows.collect().await?))
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "embedded"
    }

    fn error_sql_state(error: &Coded) -> Option<String> {
        error.sqlstate.clone()
    }
}

struct Postgres {
    client: tokio_postgres::Client,
}

#[async_trait]
impl AsyncDB for Postgres {
    type Error = Coded;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<Output, Coded> {
        use tokio_postgres::SimpleQueryMessage as Message;
        let messages = self.client.simple_query(sql).await.map_err(|error| Coded {
            sqlstate: error.code().map(|code| code.code().to_string()),
            message: error
                .as_db_error()
                .map_or_else(|| error.to_string(), |inner| inner.message().to_string()),
        })?;
        let mut columns = 0;
        let mut rows = Vec::new();
        for message in messages {
            match message {
                Message::RowDescription(description) => columns = description.len(),
                Message::Row(row) => {
                    columns = row.len();
                    rows.push((0..row.len()).map(|cell| text::spelled(row.get(cell))).collect());
                }
                _ => {}
            }
        }
        Ok(DBOutput::Rows {
            types: vec![DefaultColumnType::Any; columns],
            rows,
        })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "postgres"
    }

    fn error_sql_state(error: &Coded) -> Option<String> {
        error.sqlstate.clone()
    }
}

struct Flight {
    client: arrow_flight::sql::client::FlightSqlServiceClient<tonic::transport::Channel>,
}

#[async_trait]
impl AsyncDB for Flight {
    type Error = Coded;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<Output, Coded> {
        let batches = flight_batches(&mut self.client, sql).await;
        batches.map(|batches| rows_of(&batches)).map_err(|error| match error {
            arrow_flight::error::FlightError::Tonic(status) => Coded {
                sqlstate: status
                    .metadata()
                    .get("sqlstate")
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_string),
                message: status.message().to_string(),
            },
            other => Coded {
                sqlstate: None,
                message: other.to_string(),
            },
        })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "flight"
    }

    fn error_sql_state(error: &Coded) -> Option<String> {
        error.sqlstate.clone()
    }
}

/// Every `.slt` file of a folder over every way in. Returns how many files there were.
async fn run_folder(folder: &Path, server: TestServer) -> usize {
    let server = Arc::new(server);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of slt files")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "slt"))
        .collect();
    files.sort();
    let mut failures = Vec::new();
    for file in &files {
        let (embedded, postgres, flight) = (Arc::clone(&server), Arc::clone(&server), Arc::clone(&server));
        let outcomes = [
            run_file(file, move || {
                let server = Arc::clone(&embedded);
                async move { Ok(Embedded { server }) }
            })
            .await,
            run_file(file, move || {
                let server = Arc::clone(&postgres);
                async move {
                    Ok(Postgres {
                        client: server.postgres_client().await,
                    })
                }
            })
            .await,
            run_file(file, move || {
                let server = Arc::clone(&flight);
                async move {
                    Ok(Flight {
                        client: server.flight_client().await,
                    })
                }
            })
            .await,
        ];
        for (way, outcome) in ["embedded", "postgres", "flight"].into_iter().zip(outcomes) {
            if let Err(message) = outcome {
                failures.push(format!("{} over {way}: {message}", file.display()));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    files.len()
}

async fn run_file<D, M>(file: &Path, connect: impl FnMut() -> M) -> Result<(), String>
where
    D: AsyncDB,
    M: Future<Output = Result<D, D::Error>>,
{
    let mut runner = Runner::new(connect);
    let outcome = runner
        .run_file_async(file)
        .await
        .map_err(|error| error.display(false).to_string());
    runner.shutdown_async().await;
    outcome
}

fn slt(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt").join(folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_answer_alike_over_every_way_in() {
    let files = run_folder(&slt("functions"), TestServer::over_csv(&small_data()).await).await;
    assert!(files > 0, "no slt files of functions");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_carry_the_same_code_over_every_way_in() {
    let folder = slt("errors");
    let server = TestServer::over_csv(&small_data()).await;
    assert!(run_folder(&folder, server).await > 0, "no slt files of errors");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_sample_gives_its_published_figures() {
    let Some(sample) = crate::support::shared("data/error_aggregates_sample.parquet") else {
        return;
    };
    let folder = slt("sample");
    assert!(
        run_folder(&folder, TestServer::over(&sample).await).await > 0,
        "no slt files of the sample"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_views_answer_alike_over_every_way_in() {
    let folder = slt("views");
    let server = TestServer::over_csv(&folder.join("data")).await;
    assert!(run_folder(&folder, server).await > 0, "no slt files of the views");
}
