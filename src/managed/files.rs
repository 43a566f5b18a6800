//! Rows to Parquet files: one for each day, without the column that names the day and without measures that no row has.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{
    SortColumn, concat_batches, lexsort_to_indices, max, max_string, min, min_string, take_record_batch,
};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::temporal_conversions::{date32_to_datetime, timestamp_us_to_datetime};
use bytes::Bytes;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value, json};

use super::rows::PARTITION;
use crate::delta::{Add, Storage, WriteError, now_milliseconds, random_name};
use crate::error::{Error, Result};

/// Longer texts are no bounds: readers would have to be told that they are cut.
const LONGEST_BOUND_BYTES: usize = 32;

/// The order of rows in a file that was made of others: what queries filter by lies together.
const SORTED_BY: [&str; 6] = [
    "window_start",
    "application",
    "channel",
    "version",
    "build_id",
    "os_name",
];

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// As rows come, soon to be merged.
    Quick,
    /// To stay: sorted, and smaller.
    Lasting,
}

/// A file in memory, and what the log says of it.
struct Encoded {
    add: Add,
    content: Bytes,
}

/// Writes rows as files of the table, which no commit names yet.
pub async fn write(storage: &Storage, batches: Vec<RecordBatch>, effort: Effort) -> Result<Vec<Add>> {
    let encoded = tokio::task::spawn_blocking(move || encode(&batches, effort)).await;
    let encoded = encoded.map_err(|_| Error::internal("writing rows stopped unexpectedly"))??;
    let mut adds = Vec::with_capacity(encoded.len());
    for Encoded { add, content } in encoded {
        match storage.create(&Path::from(add.path.as_str()), content).await {
            Ok(()) => adds.push(add),
            Err(WriteError::Failed(error)) => return Err(error),
            Err(WriteError::Exists) => return Err(Error::internal("a random file name was taken")),
        }
    }
    Ok(adds)
}

fn encode(batches: &[RecordBatch], effort: Effort) -> Result<Vec<Encoded>> {
    let Some(first) = batches.first() else {
        return Ok(vec![]);
    };
    let all = concat_batches(&first.schema(), batches)?;
    by_day(&all)?
        .into_iter()
        .map(|(day, rows)| {
            let rows = if effort == Effort::Lasting {
                sorted(&rows)?
            } else {
                rows
            };
            encode_day(day, &rows, effort)
        })
        .collect()
}

/// The rows of each day.
fn by_day(all: &RecordBatch) -> Result<Vec<(Option<i32>, RecordBatch)>> {
    let Some(days) = all.column_by_name(PARTITION) else {
        return Ok(vec![(None, all.clone())]);
    };
    let days = days.as_primitive::<Date32Type>();
    let mut rows_of: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for (row, day) in (0u32..).zip(days.values()) {
        rows_of.entry(*day).or_default().push(row);
    }
    if let (1, Some(day)) = (rows_of.len(), rows_of.keys().next()) {
        return Ok(vec![(Some(*day), all.clone())]);
    }
    rows_of
        .into_iter()
        .map(|(day, rows)| Ok((Some(day), take_record_batch(all, &UInt32Array::from(rows))?)))
        .collect()
}

fn sorted(rows: &RecordBatch) -> Result<RecordBatch> {
    let columns: Vec<SortColumn> = SORTED_BY
        .iter()
        .filter_map(|name| rows.column_by_name(name))
        .map(|values| SortColumn {
            values: Arc::clone(values),
            options: None,
        })
        .collect();
    let order = lexsort_to_indices(&columns, None)?;
    Ok(take_record_batch(rows, &order)?)
}

fn encode_day(day: Option<i32>, rows: &RecordBatch, effort: Effort) -> Result<Encoded> {
    let stored = stored_columns(rows)?;
    let compression = match effort {
        Effort::Quick => Compression::SNAPPY,
        Effort::Lasting => Compression::ZSTD(ZstdLevel::default()),
    };
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut content = Vec::new();
    let written = ArrowWriter::try_new(&mut content, stored.schema(), Some(properties)).and_then(|mut writer| {
        writer.write(&stored)?;
        writer.close()
    });
    written.map_err(|error| Error::internal(format!("rows cannot be encoded: {error}")))?;
    let day = day.and_then(date32_to_datetime).map(|day| day.date().to_string());
    let name = format!("part-{}.parquet", random_name());
    let path = match &day {
        Some(day) => format!("{PARTITION}={day}/{name}"),
        None => name,
    };
    let partition_values = day.map(|day| HashMap::from([(PARTITION.to_string(), Some(day))]));
    Ok(Encoded {
        add: Add {
            path,
            partition_values: partition_values.unwrap_or_default(),
            size: i64::try_from(content.len()).unwrap_or(i64::MAX),
            modification_time: now_milliseconds(),
            data_change: true,
            stats: Some(stats(&stored).to_string()),
            deletion_vector: None,
        },
        content: content.into(),
    })
}

/// Without the day, which the folder names, and without columns that are NULL throughout; the time always stays.
fn stored_columns(rows: &RecordBatch) -> Result<RecordBatch> {
    let kept: Vec<usize> = rows
        .schema()
        .fields()
        .iter()
        .enumerate()
        .filter(|(index, field)| {
            let all_null = rows.column(*index).null_count() == rows.num_rows();
            field.name() != PARTITION && (!all_null || *index == 0)
        })
        .map(|(index, _)| index)
        .collect();
    Ok(rows.project(&kept)?)
}

/// What the log says of a file's columns, so that readers can pass over it.
fn stats(rows: &RecordBatch) -> Value {
    let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
    for (field, values) in rows.schema().fields().iter().zip(rows.columns()) {
        nulls.insert(field.name().clone(), json!(values.null_count()));
        if let Some((low, high)) = bounds(values) {
            least.insert(field.name().clone(), low);
            greatest.insert(field.name().clone(), high);
        }
    }
    json!({ "numRecords": rows.num_rows(), "minValues": least, "maxValues": greatest, "nullCount": nulls })
}

fn bounds(values: &ArrayRef) -> Option<(Value, Value)> {
    match values.data_type() {
        DataType::Utf8 => {
            let texts = values.as_string::<i32>();
            let (low, high) = (min_string(texts)?, max_string(texts)?);
            (low.len().max(high.len()) <= LONGEST_BOUND_BYTES).then(|| (json!(low), json!(high)))
        }
        DataType::Int64 => {
            let numbers = values.as_primitive::<Int64Type>();
            Some((json!(min(numbers)?), json!(max(numbers)?)))
        }
        DataType::Float64 => {
            let numbers = values.as_primitive::<Float64Type>();
            Some((json!(min(numbers)?), json!(max(numbers)?)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let times = values.as_primitive::<TimestampMicrosecondType>();
            Some((time_text(min(times)?, false)?, time_text(max(times)?, true)?))
        }
        _ => None,
    }
}

/// Readers take times in the log as milliseconds, so the greatest is rounded up.
fn time_text(microseconds: i64, up: bool) -> Option<Value> {
    let milliseconds = microseconds.div_euclid(1000) + i64::from(up && microseconds.rem_euclid(1000) != 0);
    let time = timestamp_us_to_datetime(milliseconds.checked_mul(1000)?)?;
    Some(json!(time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()))
}

/// Rows as the table has them: every column, in its order, those that a file lacks as NULL.
pub fn as_table_rows(rows: &RecordBatch, day: Option<i32>, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns: Result<Vec<ArrayRef>> = schema
        .fields()
        .iter()
        .map(|field| match (rows.column_by_name(field.name()), day) {
            (Some(values), _) => Ok(arrow::compute::cast(values, field.data_type())?),
            (None, Some(day)) if field.name() == PARTITION => {
                Ok(Arc::new(arrow::array::Date32Array::from(vec![day; rows.num_rows()])) as ArrayRef)
            }
            _ => Ok(arrow::array::new_null_array(field.data_type(), rows.num_rows())),
        })
        .collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), columns?)?)
}
