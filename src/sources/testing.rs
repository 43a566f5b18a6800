//! Files for the tests of sources and tables, written on the fly in every schema that error aggregates have had.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::{SessionConfig, SessionContext};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::{Source, SourceSettings, SourceSnapshot};
use crate::tables::error_aggregates::ErrorAggregatesTable;

/// 2018-06-04 00:00:00 UTC in microseconds: `date -ud '2018-06-04' +%s` × 10⁶.
pub const JUNE_4: i64 = 1_528_070_400_000_000;
pub const MINUTE: i64 = 60_000_000;
pub const DAY: i64 = 24 * 60 * MINUTE;

/// Writes one Parquet file, in row groups of at most `group_rows`.
pub fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, group_rows: usize) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder made");
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length");
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows))
        .build();
    let file = File::create(path).expect("file made");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("writer");
    writer.write(&batch).expect("rows written");
    writer.close().expect("footer written");
}

pub fn times(micros: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

pub fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

pub fn maybe_texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringArray>())
}

pub fn counts(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<Int64Array>())
}

pub fn small_counts(values: &[Option<i32>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<Int32Array>())
}

pub fn hours(values: impl IntoIterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

pub fn small_hours(values: impl IntoIterator<Item = f32>) -> ArrayRef {
    Arc::new(Float32Array::from_iter_values(values))
}

pub fn days(values: impl IntoIterator<Item = i32>) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(values))
}

pub fn flags(values: &[bool]) -> ArrayRef {
    Arc::new(BooleanArray::from(values.to_vec()))
}

/// One window per hour for one day, one row each, with the columns that every known schema has.
pub fn one_day(path: &Path, first_window: i64, group_rows: usize) {
    let windows: Vec<i64> = (0..24).map(|hour| first_window + hour * 60 * MINUTE).collect();
    write(
        path,
        vec![
            ("window_start", times(windows.clone())),
            ("channel", texts(windows.iter().map(|_| "release"))),
            ("os_name", texts(windows.iter().map(|_| "Windows_NT"))),
            ("usage_hours", hours(windows.iter().map(|_| 1.0))),
            ("main_crashes", counts(&vec![Some(1); windows.len()])),
        ],
        group_rows,
    );
}

/// A source over a folder or file, looked at once.
pub async fn opened(location: &Path) -> (Source, Arc<SourceSnapshot>) {
    opened_with(SourceSettings {
        location: location.display().to_string(),
        ..SourceSettings::default()
    })
    .await
}

pub async fn opened_with(settings: SourceSettings) -> (Source, Arc<SourceSnapshot>) {
    let source = super::open(&settings).await.expect("location opens");
    let snapshot = source.scan(None).await.expect("first look");
    (source, Arc::new(snapshot))
}

/// A bare session with `error_aggregates` over a snapshot.
pub fn session(source: &Source, snapshot: &Arc<SourceSnapshot>) -> SessionContext {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let store = source.object_store();
    context.register_object_store(source.object_store_url().as_ref(), store);
    let table = ErrorAggregatesTable::new(source, Arc::clone(snapshot));
    context
        .register_table("error_aggregates", Arc::new(table))
        .expect("table registered");
    context
}

/// Every row of a query's answer, its values separated by `|`.
pub async fn rows(context: &SessionContext, query: &str) -> Vec<String> {
    try_rows(context, query)
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"))
}

pub async fn try_rows(context: &SessionContext, query: &str) -> datafusion::error::Result<Vec<String>> {
    let batches = context.sql(query).await?.collect().await?;
    let options = FormatOptions::default().with_null("NULL");
    let mut lines = Vec::new();
    for batch in &batches {
        let columns: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            lines.push(values.join("|"));
        }
    }
    Ok(lines)
}

/// What the scan of a query did, from EXPLAIN ANALYZE.
pub async fn scan_line(context: &SessionContext, query: &str) -> String {
    let plan = rows(context, &format!("EXPLAIN ANALYZE {query}")).await.join("\n");
    plan.lines()
        .find(|line| line.contains("DataSourceExec"))
        .unwrap_or(&plan)
        .trim()
        .to_string()
}

/// `kept` and `total` of a pruning metric such as `row_groups_pruned_statistics=24 total → 1 matched`.
pub fn metric<'a>(scan: &'a str, name: &str) -> &'a str {
    let start = scan
        .find(&format!("{name}="))
        .unwrap_or_else(|| panic!("no {name} in {scan}"))
        + name.len()
        + 1;
    scan[start..].split([',', ']']).next().unwrap_or_default()
}
