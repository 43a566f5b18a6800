//! Checkpoints: all actions of a version in one Parquet file, so that a reader need not begin at the first commit.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::json::{LineDelimitedWriter, ReaderBuilder};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::actions::{self, Action};
use super::state::{TableState, damaged};
use crate::error::{Error, Result};

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn flag(name: &str) -> Field {
    Field::new(name, DataType::Boolean, true)
}

fn long(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

fn integer(name: &str) -> Field {
    Field::new(name, DataType::Int32, true)
}

/// A map of texts, with the names that the Parquet format gives a map's parts.
fn map(name: &str) -> Field {
    let parts = Fields::from(vec![Field::new("key", DataType::Utf8, false), text("value")]);
    let entries = Field::new("key_value", DataType::Struct(parts), false);
    Field::new(name, DataType::Map(Arc::new(entries), false), true)
}

fn list(name: &str) -> Field {
    Field::new(name, DataType::List(Arc::new(text("element"))), true)
}

fn group(name: &str, fields: Vec<Field>) -> Field {
    Field::new(name, DataType::Struct(fields.into()), true)
}

/// The columns of a checkpoint that this program writes.
fn schema() -> SchemaRef {
    let format = group("format", vec![text("provider"), map("options")]);
    Arc::new(Schema::new(vec![
        group("txn", vec![text("appId"), long("version"), long("lastUpdated")]),
        group(
            "add",
            vec![
                text("path"),
                map("partitionValues"),
                long("size"),
                long("modificationTime"),
                flag("dataChange"),
                text("stats"),
            ],
        ),
        group(
            "remove",
            vec![
                text("path"),
                long("deletionTimestamp"),
                flag("dataChange"),
                flag("extendedFileMetadata"),
                map("partitionValues"),
                long("size"),
            ],
        ),
        group(
            "metaData",
            vec![
                text("id"),
                text("name"),
                text("description"),
                format,
                text("schemaString"),
                list("partitionColumns"),
                map("configuration"),
                long("createdTime"),
            ],
        ),
        group(
            "protocol",
            vec![
                integer("minReaderVersion"),
                integer("minWriterVersion"),
                list("readerFeatures"),
                list("writerFeatures"),
            ],
        ),
    ]))
}

/// The state as a checkpoint file, and the number of its actions.
pub fn write(state: &TableState) -> Result<(Bytes, usize)> {
    let rows: Vec<Action> = state.actions().collect();
    let mut decoder = ReaderBuilder::new(schema())
        .with_batch_size(rows.len().max(1))
        .build_decoder()?;
    decoder.serialize(&rows)?;
    let batch = decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(schema()));
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut file = Vec::new();
    let written = ArrowWriter::try_new(&mut file, schema(), Some(properties)).and_then(|mut writer| {
        writer.write(&batch)?;
        writer.close()
    });
    written.map_err(|error| Error::internal(format!("a checkpoint cannot be written: {error}")))?;
    Ok((file.into(), rows.len()))
}

/// The parts of a checkpoint's rows that are read; others may be of types that JSON has no form for.
const READ: [&str; 6] = ["txn.", "add.", "remove.", "metaData.", "protocol.", "sidecar."];
const NOT_READ: [&str; 3] = ["add.stats_parsed", "add.partitionValues_parsed", "add.tags"];

/// The actions of a checkpoint file of this or another writer.
pub fn read(file: Bytes) -> Result<Vec<Action>> {
    let unreadable = |error: ParquetError| damaged(&format!("a checkpoint cannot be read: {error}"));
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable)?;
    let leaves = builder.parquet_schema().columns().iter().enumerate();
    let wanted: Vec<usize> = leaves
        .filter(|(_, column)| {
            let path = column.path().string();
            READ.iter().any(|part| path.starts_with(part)) && !NOT_READ.iter().any(|part| path.starts_with(part))
        })
        .map(|(index, _)| index)
        .collect();
    let mask = ProjectionMask::leaves(builder.parquet_schema(), wanted);
    let batches = builder.with_projection(mask).build().map_err(unreadable)?;
    let mut lines = LineDelimitedWriter::new(Vec::new());
    for batch in batches {
        lines.write(&batch?)?;
    }
    lines.finish()?;
    let text =
        String::from_utf8(lines.into_inner()).map_err(|_| damaged("a checkpoint holds text that is not UTF-8"))?;
    actions::from_lines(&text).map_err(|error| damaged(&format!("a checkpoint cannot be read: {error}")))
}
