//! The forms in which `sql` writes rows, each written as the rows come, except the table, whose columns are as wide as
//! their widest value.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::csv;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;
use arrow::json;
use arrow::json::writer::JsonArray;
use arrow::util::display::FormatOptions;
use arrow::util::pretty::pretty_format_batches_with_options;
use clap::ValueEnum;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::grouped;
use crate::error::{Error, ErrorKind, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns for people
    Table,
    /// Comma-separated values with a header; NULL is empty
    Csv,
    /// One array of objects; NaN and infinities are null
    Json,
    /// A Parquet file
    Parquet,
    /// An Arrow IPC file
    Arrow,
}

impl Format {
    /// The format that a file's ending stands for.
    pub fn of_file(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "parquet" => Some(Self::Parquet),
            "arrow" => Some(Self::Arrow),
            _ => None,
        }
    }

    pub fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        })
    }
}

/// Standard output, or a file that has its name only once it is complete.
pub enum Target {
    Stdout(BufWriter<io::Stdout>),
    File { file: BufWriter<File>, name: PendingName },
}

/// The temporary name of a file; removes what is left of it if it never got its own.
pub struct PendingName {
    temporary: PathBuf,
    wanted: PathBuf,
}

impl PendingName {
    fn take(self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.wanted)
    }
}

impl Drop for PendingName {
    fn drop(&mut self) {
        // After `take` there is nothing under the temporary name any more.
        let _ = fs::remove_file(&self.temporary);
    }
}

impl Target {
    /// `None` is standard output.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self::Stdout(BufWriter::new(io::stdout())));
        };
        let refused = |reason: &str| {
            Error::configuration(format!("cannot write {}: {reason}", path.display()))
                .with_hint("give -o a file in a folder that exists and can be written to")
        };
        let Some(name) = path.file_name().filter(|_| !path.is_dir()) else {
            return Err(refused("it is a folder"));
        };
        let temporary = path.with_file_name(format!(".{}.{}.partial", name.to_string_lossy(), std::process::id()));
        let file = File::create(&temporary).map_err(|error| refused(&error.kind().to_string()))?;
        Ok(Self::File {
            file: BufWriter::new(file),
            name: PendingName {
                temporary,
                wanted: path.to_path_buf(),
            },
        })
    }

    fn complete(self) -> io::Result<()> {
        match self {
            Self::Stdout(mut stdout) => stdout.flush(),
            Self::File { mut file, name } => {
                file.flush()?;
                name.take()
            }
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File { file, .. } => file.flush(),
        }
    }
}

/// Rows on their way into one format.
pub enum Output {
    Table {
        target: Target,
        batches: Vec<RecordBatch>,
        schema: SchemaRef,
    },
    Csv(Box<csv::Writer<Target>>),
    Json(Box<json::Writer<Target, JsonArray>>),
    Parquet(Box<ArrowWriter<Target>>),
    Arrow(Box<FileWriter<Target>>),
}

impl Output {
    pub fn new(format: Format, target: Target, schema: SchemaRef) -> Result<Self> {
        Ok(match format {
            Format::Table => Self::Table {
                target,
                batches: vec![],
                schema,
            },
            Format::Csv => {
                let mut writer = csv::WriterBuilder::new().with_header(true).build(target);
                // The header is due even if no row ever comes.
                writer.write(&RecordBatch::new_empty(schema)).map_err(arrow_failed)?;
                Self::Csv(Box::new(writer))
            }
            Format::Json => {
                let builder = json::WriterBuilder::new().with_explicit_nulls(true);
                Self::Json(Box::new(builder.build::<_, JsonArray>(target)))
            }
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .build();
                let writer = ArrowWriter::try_new(target, schema, Some(properties)).map_err(parquet_failed)?;
                Self::Parquet(Box::new(writer))
            }
            Format::Arrow => Self::Arrow(Box::new(FileWriter::try_new(target, &schema).map_err(arrow_failed)?)),
        })
    }

    /// Writes some rows. Returns whether anybody still reads.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<bool> {
        let written = match self {
            Self::Table { batches, .. } => {
                batches.push(batch.clone());
                Ok(())
            }
            Self::Csv(writer) => writer.write(batch).map_err(arrow_failed),
            Self::Json(writer) => writer.write(batch).map_err(arrow_failed),
            Self::Parquet(writer) => writer.write(batch).map_err(parquet_failed),
            Self::Arrow(writer) => writer.write(batch).map_err(arrow_failed),
        };
        still_read(written)
    }

    /// Writes what is due at the end and gives a file its name.
    pub fn finish(self) -> Result<()> {
        still_read(self.finish_format()).map(|_| ())
    }

    fn finish_format(self) -> Result<()> {
        let target = match self {
            Self::Table {
                mut target,
                batches,
                schema,
            } => {
                let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
                write_table(&mut target, &batches, &schema, rows)?;
                target
            }
            Self::Csv(writer) => writer.into_inner(),
            Self::Json(mut writer) => {
                writer.finish().map_err(arrow_failed)?;
                let mut target = writer.into_inner();
                target.write_all(b"\n").map_err(io_failed)?;
                target
            }
            Self::Parquet(writer) => writer.into_inner().map_err(parquet_failed)?,
            Self::Arrow(mut writer) => {
                writer.finish().map_err(arrow_failed)?;
                writer.into_inner().map_err(arrow_failed)?
            }
        };
        target.complete().map_err(io_failed)
    }
}

fn write_table(target: &mut Target, batches: &[RecordBatch], schema: &SchemaRef, rows: usize) -> Result<()> {
    let options = FormatOptions::default().with_null("").with_display_error(true);
    let empty = [RecordBatch::new_empty(SchemaRef::clone(schema))];
    let shown = if batches.is_empty() { &empty } else { batches };
    let table = pretty_format_batches_with_options(shown, &options).map_err(arrow_failed)?;
    let ending = if rows == 1 { "row" } else { "rows" };
    writeln!(target, "{table}\n({} {ending})", grouped(rows as u64)).map_err(io_failed)
}

/// The marker of an error that only says that nobody reads any more.
const READER_LEFT: &str = "the reader of the output has gone";

/// A reader who has seen enough, as in `mission-control sql … | head`, is no error.
fn still_read(written: Result<()>) -> Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.message == READER_LEFT => Ok(false),
        Err(error) => Err(error),
    }
}

fn io_failed(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Error::new(ErrorKind::Io, READER_LEFT);
    }
    Error::new(ErrorKind::Io, format!("the output cannot be written: {error}"))
}

fn arrow_failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, error) => io_failed(error),
        ArrowError::CsvError(text) if text.contains("Broken pipe") => Error::new(ErrorKind::Io, READER_LEFT),
        ArrowError::CsvError(text) | ArrowError::JsonError(text) => {
            Error::not_supported(format!("these rows cannot be written in this format: {text}"))
                .with_hint("choose another --format, or cast the column to text")
        }
        other => Error::from(other),
    }
}

fn parquet_failed(error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => io_failed(*error),
            Err(other) => Error::new(ErrorKind::Io, format!("the output cannot be written: {other}")),
        },
        ParquetError::ArrowError(text) | ParquetError::NYI(text) => {
            Error::not_supported(format!("these rows cannot be written in this format: {text}"))
                .with_hint("choose another --format, or cast the column to text")
        }
        other => Error::new(ErrorKind::Io, format!("the output cannot be written: {other}")),
    }
}
