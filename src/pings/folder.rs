//! Rows as Parquet files in a folder that `--source` serves: a file for each emission and day, named by the emission's
//! key, so that an emission that is repeated after a crash replaces its own file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Date32Type;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::checkpoint::{folder_of, replace_file};
use super::reason::RejectedCounts;
use crate::error::{Error, ErrorKind, Result};
use crate::sources::RejectedPings;

const DATE_COLUMN: &str = "submission_date";

/// Where rows, checkpoints and the report on what was left out lie.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes the folder if need be. One that is a Delta table is refused: its log would not know of the files.
    pub fn open(path: PathBuf) -> Result<Self> {
        if path.join("_delta_log").exists() {
            return Err(
                Error::configuration("the folder is a Delta table, to which files cannot be added")
                    .with_hint("give a folder of plain Parquet files, or a new one"),
            );
        }
        fs::create_dir_all(path.join(RejectedPings::FOLDER)).map_err(|error| unwritable(&error))?;
        Ok(Self(path))
    }

    /// Where a checkpoint of this name lies unless the user says otherwise.
    pub fn checkpoint_path(&self, name: &str) -> PathBuf {
        self.0.join(RejectedPings::FOLDER).join(format!("{name}.checkpoint"))
    }

    /// Tells beside the rows what was left out of a stream, for `data_quality`.
    pub fn report(&self, stream: &str, counted: u64, rejected: &RejectedCounts) -> Result<()> {
        let report = RejectedPings {
            counted,
            reasons: rejected
                .present()
                .map(|(reason, pings)| crate::sources::RejectedReason {
                    name: reason.name().to_string(),
                    meaning: reason.meaning().to_string(),
                    by_design: reason.is_filter(),
                    pings,
                })
                .collect(),
        };
        let name = format!("{stream}{}", RejectedPings::ENDING);
        let path = self.0.join(RejectedPings::FOLDER).join(name);
        let content = serde_json::to_vec_pretty(&report)
            .map_err(|error| Error::internal("the report cannot be written").with_detail(error.to_string()))?;
        replace_file(&path, &content).map_err(|error| unwritable(&error))
    }
}

/// Keeps the rows of one emission. The key names the files: the same key again puts the same files in their place.
pub fn keep_in_folder(folder: &Folder, batches: &[RecordBatch], key: &str) -> Result<()> {
    let mut days: BTreeMap<String, Vec<RecordBatch>> = BTreeMap::new();
    for batch in batches {
        let (day, rest) = without_date(batch)?;
        days.entry(day).or_default().push(rest);
    }
    for (day, batches) in days {
        let partition = folder.0.join(format!("{DATE_COLUMN}={day}"));
        write_file(&partition.join(format!("{key}.parquet")), &batches)?;
    }
    Ok(())
}

/// The day of a batch, which becomes its folder's name, and its other columns.
fn without_date(batch: &RecordBatch) -> Result<(String, RecordBatch)> {
    let undated = || Error::internal("a batch without its day");
    let place = batch.schema().index_of(DATE_COLUMN).map_err(|_| undated())?;
    let days = batch
        .column(place)
        .as_primitive_opt::<Date32Type>()
        .ok_or_else(undated)?;
    let day = days.iter().next().flatten().ok_or_else(undated)?;
    let day = Date32Type::to_naive_date_opt(day).ok_or_else(undated)?;
    let mut rest = batch.clone();
    rest.remove_column(place);
    Ok((day.to_string(), rest))
}

fn write_file(path: &Path, batches: &[RecordBatch]) -> Result<()> {
    let Some(first) = batches.first() else { return Ok(()) };
    let partition = folder_of(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Hidden, so that nobody reads it before it is whole.
    let partial = partition.join(format!(".{name}.partial"));
    let written = || -> std::result::Result<(), ParquetError> {
        fs::create_dir_all(partition)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .build();
        let mut writer = ArrowWriter::try_new(File::create(&partial)?, first.schema(), Some(properties))?;
        for batch in batches {
            writer.write(batch)?;
        }
        writer.into_inner()?.sync_all()?;
        fs::rename(&partial, path)?;
        File::open(partition)?.sync_all()?;
        Ok(File::open(folder_of(partition))?.sync_all()?)
    };
    written().map_err(|error| match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => unwritable(&cause),
            Err(cause) => Error::new(ErrorKind::Io, "rows cannot be written").with_detail(cause.to_string()),
        },
        other => Error::new(ErrorKind::Io, "rows cannot be written").with_detail(other.to_string()),
    })
}

fn unwritable(error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull => ErrorKind::DiskFull,
        _ => ErrorKind::Io,
    };
    Error::new(kind, "the folder cannot be written to")
        .with_detail(error.to_string())
        .with_hint("once it can, the same command goes on where it stopped")
}
