//! Windows as rows of `error_aggregates`.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::sums::{Sum, Sums};
use super::windows::{GroupKey, WINDOW_SECONDS, Windows};
use crate::error::{Error, Result};

const SECONDS_PER_DAY: i64 = 86_400;
const MICROSECONDS_PER_SECOND: i64 = 1_000_000;
const ROWS_PER_BATCH: usize = 65_536;

/// In the order of a group's key.
const DIMENSIONS: [&str; 11] = [
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

/// Columns in hours, with how many of the sum's units an hour has.
const HOURS: [(&str, Sum, f64); 3] = [
    ("usage_hours", Sum::UsageSeconds, 3600.0),
    ("usage_delay_hours", Sum::UsageDelayMilliseconds, 3_600_000.0),
    ("crash_delay_hours", Sum::CrashDelayMilliseconds, 3_600_000.0),
];

const COUNTS: [(&str, Sum); 15] = [
    ("count", Sum::Count),
    ("main_crashes", Sum::MainCrashes),
    ("startup_crashes", Sum::StartupCrashes),
    ("content_crashes", Sum::ContentCrashes),
    ("gpu_crashes", Sum::GpuCrashes),
    ("plugin_crashes", Sum::PluginCrashes),
    ("gmplugin_crashes", Sum::GmpluginCrashes),
    ("content_shutdown_crashes", Sum::ContentShutdownCrashes),
    ("browser_shim_usage_blocked", Sum::BrowserShimUsageBlocked),
    ("permissions_sql_corrupted", Sum::PermissionsSqlCorrupted),
    ("defective_permissions_sql_removed", Sum::DefectivePermissionsSqlRemoved),
    ("slow_script_notice_count", Sum::SlowScriptNoticeCount),
    ("slow_script_page_count", Sum::SlowScriptPageCount),
    ("usage_delay_pings", Sum::UsageDelayPings),
    ("crash_delay_pings", Sum::CrashDelayPings),
];

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields = vec![
        Field::new("window_start", time.clone(), true),
        Field::new("window_end", time, true),
        Field::new("submission_date", DataType::Date32, true),
    ];
    fields.extend(DIMENSIONS.map(|name| Field::new(name, DataType::Utf8, true)));
    fields.extend(HOURS.map(|(name, _, _)| Field::new(name, DataType::Float64, true)));
    fields.extend(COUNTS.map(|(name, _)| Field::new(name, DataType::Int64, true)));
    Arc::new(Schema::new(fields))
});

/// The columns of the streaming job's second table, then the sums of delays with the number of pings that have one:
/// `usage_delay_…` of main pings, `crash_delay_…` of crash pings.
pub fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

type Row<'a> = (i64, &'a GroupKey, &'a Sums);

/// The rows of these windows by window and group, in batches that are each of one day.
pub fn of_windows(windows: &Windows, starts: &[i64]) -> Result<Vec<RecordBatch>> {
    let mut starts = starts.to_vec();
    starts.sort_unstable();
    let mut batches = Vec::new();
    for same_day in starts.chunk_by(|left, right| day(*left) == day(*right)) {
        let mut rows: Vec<Row> = Vec::new();
        for start in same_day {
            let from = rows.len();
            let groups = windows.get(*start).into_iter().flatten();
            rows.extend(groups.map(|(key, sums)| (*start, key, sums)));
            rows[from..].sort_unstable_by_key(|(_, key, _)| *key);
        }
        for rows in rows.chunks(ROWS_PER_BATCH) {
            batches.push(batch(rows)?);
        }
    }
    Ok(batches)
}

fn day(start_seconds: i64) -> i64 {
    start_seconds.div_euclid(SECONDS_PER_DAY)
}

fn batch(rows: &[Row]) -> Result<RecordBatch> {
    let times = |later_seconds: i64| -> ArrayRef {
        let times = rows
            .iter()
            .map(|(start, ..)| (start + later_seconds) * MICROSECONDS_PER_SECOND);
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
    };
    let days = rows
        .iter()
        .map(|(start, ..)| i32::try_from(day(*start)).unwrap_or(i32::MAX));
    let mut columns = vec![
        times(0),
        times(WINDOW_SECONDS),
        Arc::new(Date32Array::from_iter_values(days)),
    ];
    columns.extend(dimension_columns(rows));
    for (_, sum, units_per_hour) in HOURS {
        let hours = rows
            .iter()
            .map(|(_, _, sums)| sums.get(sum).map(|units| units as f64 / units_per_hour));
        columns.push(Arc::new(hours.collect::<Float64Array>()));
    }
    for (_, sum) in COUNTS {
        let counts = rows.iter().map(|(_, _, sums)| sums.get(sum));
        columns.push(Arc::new(counts.collect::<Int64Array>()));
    }
    RecordBatch::try_new(schema(), columns)
        .map_err(|error| Error::internal("windows do not make rows").with_detail(error.to_string()))
}

fn dimension_columns(rows: &[Row]) -> Vec<ArrayRef> {
    let mut builders: Vec<StringBuilder> = DIMENSIONS.iter().map(|_| StringBuilder::new()).collect();
    for (_, key, _) in rows {
        let mut dimensions = key.dimensions();
        for builder in &mut builders {
            builder.append_option(dimensions.next().flatten());
        }
    }
    builders
        .into_iter()
        .map(|mut builder| Arc::new(builder.finish()) as ArrayRef)
        .collect()
}
