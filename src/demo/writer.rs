//! Rows as Parquet: one file a day, written under a temporary name.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::DemoError;
use super::calendar::iso_date;
use super::day::{MEASURES, Model, Row, WINDOW_MINUTES, rows_of_day};
use super::faults::{EXPERIMENT_BRANCHES, EXPERIMENT_ID};
use super::model::application_name;
use super::population::OS_NAMES;

const MICROSECONDS_PER_MINUTE: i64 = 60_000_000;
const ROWS_PER_GROUP: usize = 49_152;
const FILE_NAME: &str = "part-0.parquet";
const TEMPORARY_FILE_NAME: &str = ".part-0.parquet.partial";

/// Writes the partition of one day; gives the number of its rows.
pub(super) fn write_day(model: &Model, columns: &Columns, day: i64, folder: &Path) -> Result<u64, DemoError> {
    let partition = folder.join(format!("submission_date={}", iso_date(day)));
    fs::create_dir_all(&partition)?;
    let temporary: PathBuf = partition.join(TEMPORARY_FILE_NAME);
    let options = ArrowWriterOptions::new()
        .with_properties(writer_properties()?)
        .with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(File::create(&temporary)?, columns.schema.clone(), options)?;
    let mut row_count = 0;
    rows_of_day(model, day, &mut |rows| {
        row_count += rows.len() as u64;
        writer.write(&columns.batch(model, rows)?).map_err(DemoError::from)
    })?;
    writer.into_inner()?.sync_all()?;
    fs::rename(&temporary, partition.join(FILE_NAME))?;
    Ok(row_count)
}

fn writer_properties() -> Result<WriterProperties, DemoError> {
    Ok(WriterProperties::builder()
        // The library's own version would change the bytes with every update.
        .set_created_by("mission-control demo".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        .set_column_dictionary_enabled(ColumnPath::from("usage_hours"), false)
        .build())
}

/// The schema of the files and the text that rows refer to by index.
pub(super) struct Columns {
    schema: SchemaRef,
    /// The number of the first build of each train in the lists of all builds below.
    first_build_of_train: Vec<usize>,
    channels: ArrayRef,
    applications: ArrayRef,
    versions: ArrayRef,
    display_versions: ArrayRef,
    build_ids: ArrayRef,
    os_names: ArrayRef,
    os_versions: ArrayRef,
    first_os_version_of_platform: Vec<usize>,
    architectures: ArrayRef,
    first_architecture_of_platform: Vec<usize>,
    countries: ArrayRef,
    experiment_ids: ArrayRef,
    experiment_branches: ArrayRef,
}

impl Columns {
    pub(super) fn new(model: &Model) -> Columns {
        let builds = || model.trains.iter().flat_map(|train| &train.builds);
        let populations = &model.populations;
        Columns {
            schema: Arc::new(schema()),
            first_build_of_train: starts(model.trains.iter().map(|train| train.builds.len())),
            channels: text(model.trains.iter().map(|train| train.channel.name())),
            applications: text(model.trains.iter().map(|train| application_name(train.application))),
            versions: text(builds().map(|build| build.version.as_str())),
            display_versions: text(builds().map(|build| build.display_version.as_str())),
            build_ids: text(builds().map(|build| build.build_id.as_str())),
            os_names: text(OS_NAMES.into_iter()),
            os_versions: text(
                populations
                    .iter()
                    .flat_map(|population| population.os_versions.values.iter().copied()),
            ),
            first_os_version_of_platform: starts(populations.iter().map(|each| each.os_versions.values.len())),
            architectures: text(
                populations
                    .iter()
                    .flat_map(|each| each.architectures.values.iter().copied()),
            ),
            first_architecture_of_platform: starts(populations.iter().map(|each| each.architectures.values.len())),
            countries: text(populations[0].countries.values.iter().copied()),
            experiment_ids: text([EXPERIMENT_ID].into_iter()),
            experiment_branches: text(EXPERIMENT_BRANCHES.into_iter()),
        }
    }

    fn batch(&self, model: &Model, rows: &[Row]) -> Result<RecordBatch, DemoError> {
        debug_assert_eq!(model.trains.len(), self.first_build_of_train.len());
        let build = |row: &Row| Some(self.first_build_of_train[row.train] + row.build);
        let os_version = |row: &Row| {
            Some(self.first_os_version_of_platform[row.platform.index()] + usize::from(row.clients.os_version))
        };
        let architecture = |row: &Row| {
            Some(self.first_architecture_of_platform[row.platform.index()] + usize::from(row.clients.architecture))
        };
        let mut arrays: Vec<ArrayRef> = vec![
            times(rows, 0),
            times(rows, WINDOW_MINUTES),
            dictionary(rows, &self.channels, |row| Some(row.train))?,
            dictionary(rows, &self.versions, build)?,
            dictionary(rows, &self.display_versions, build)?,
            dictionary(rows, &self.build_ids, build)?,
            dictionary(rows, &self.applications, |row| Some(row.train))?,
            dictionary(rows, &self.os_names, |row| Some(row.platform.index()))?,
            dictionary(rows, &self.os_versions, os_version)?,
            dictionary(rows, &self.architectures, architecture)?,
            dictionary(rows, &self.countries, |row| Some(usize::from(row.clients.country)))?,
            dictionary(rows, &self.experiment_ids, |row| row.branch.map(|_| 0))?,
            dictionary(rows, &self.experiment_branches, |row| row.branch)?,
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.usage_hours))),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.pings))),
        ];
        for measure in 0..MEASURES.len() {
            arrays.push(Arc::new(
                rows.iter().map(|row| row.measures[measure]).collect::<Int64Array>(),
            ));
        }
        Ok(RecordBatch::try_new(self.schema.clone(), arrays)?)
    }
}

/// All columns are optional, as in the files that Spark wrote. `submission_date` is in the folder's name.
fn schema() -> Schema {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let name = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let names = [
        "channel",
        "version",
        "display_version",
        "build_id",
        "application",
        "os_name",
        "os_version",
        "architecture",
        "country",
        "experiment_id",
        "experiment_branch",
    ];
    let mut fields = vec![
        Field::new("window_start", time.clone(), true),
        Field::new("window_end", time, true),
    ];
    fields.extend(names.map(|column| Field::new(column, name.clone(), true)));
    fields.push(Field::new("usage_hours", DataType::Float64, true));
    fields.extend(
        ["count"]
            .iter()
            .chain(&MEASURES)
            .map(|column| Field::new(*column, DataType::Int64, true)),
    );
    Schema::new(fields)
}

fn times(rows: &[Row], minutes_later: i64) -> ArrayRef {
    let times = rows
        .iter()
        .map(|row| (row.minute + minutes_later) * MICROSECONDS_PER_MINUTE);
    Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
}

fn dictionary(rows: &[Row], values: &ArrayRef, index: impl Fn(&Row) -> Option<usize>) -> Result<ArrayRef, DemoError> {
    let keys: Int32Array = rows.iter().map(|row| index(row).map(|index| index as i32)).collect();
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values.clone())?))
}

fn text<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from(values.collect::<Vec<_>>()))
}

/// Where each of several lists starts when they are put one behind the other.
fn starts(lengths: impl Iterator<Item = usize>) -> Vec<usize> {
    let running = |end: &mut usize, length| {
        let start = *end;
        *end += length;
        Some(start)
    };
    lengths.scan(0, running).collect()
}
