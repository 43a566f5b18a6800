//! Runs the SQL tests of the functions (`tests/slt/functions` at the root of the repository) without any server.

use crate::session::{query, session};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use mission_control_udfs::{FunctionError, FunctionErrorKind};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};
use std::path::Path;

struct Embedded(SessionContext);

/// An error as the wire would show it.
#[derive(Debug)]
struct Shown {
    sqlstate: Option<&'static str>,
    message: String,
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl From<DataFusionError> for Shown {
    fn from(error: DataFusionError) -> Self {
        let Some(found) = FunctionError::find(&error) else {
            return Self {
                sqlstate: None,
                message: error.strip_backtrace(),
            };
        };
        let sqlstate = match found.kind {
            FunctionErrorKind::InvalidArgument => "22023",
            FunctionErrorKind::OutOfRange | FunctionErrorKind::NotConverged => "22003",
            FunctionErrorKind::Unsupported => "0A000",
            FunctionErrorKind::Stopped => "57014",
        };
        Self {
            sqlstate: Some(sqlstate),
            message: found.message.clone(),
        }
    }
}

#[async_trait::async_trait]
impl AsyncDB for Embedded {
    type Error = Shown;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Shown> {
        let batches = query(&self.0, sql).await?;
        let Some(first) = batches.first() else {
            return Ok(DBOutput::StatementComplete(0));
        };
        let types = first
            .schema()
            .fields()
            .iter()
            .map(|field| column_type(field.data_type()))
            .collect();
        let rows = batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(|row| texts(batch, row)))
            .collect();
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}

    fn error_sql_state(error: &Shown) -> Option<String> {
        error.sqlstate.map(str::to_string)
    }
}

fn column_type(data_type: &DataType) -> DefaultColumnType {
    match data_type {
        DataType::Float64 => DefaultColumnType::FloatingPoint,
        data_type if data_type.is_integer() => DefaultColumnType::Integer,
        _ => DefaultColumnType::Text,
    }
}

fn texts(batch: &RecordBatch, row: usize) -> Vec<String> {
    batch.columns().iter().map(|column| text(column, row)).collect()
}

/// A value as PostgreSQL writes it.
fn text(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".to_string();
    }
    match column.data_type() {
        DataType::Float64 => match column.as_primitive::<Float64Type>().value(row) {
            f64::INFINITY => "Infinity".to_string(),
            f64::NEG_INFINITY => "-Infinity".to_string(),
            number => number.to_string(),
        },
        DataType::Boolean => if column.as_boolean().value(row) { "t" } else { "f" }.to_string(),
        _ => ArrayFormatter::try_new(column, &FormatOptions::default())
            .map_or_else(|error| error.to_string(), |formatter| formatter.value(row).to_string()),
    }
}

#[test]
fn every_file_of_sql_tests_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/slt/functions");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut failures = Vec::new();
    for file in files {
        let mut runner = sqllogictest::Runner::new(|| async { Ok(Embedded(session())) });
        if let Err(error) = runner.run_file(&file) {
            failures.push(error.to_string());
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
