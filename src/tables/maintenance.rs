//! `mission_control.maintenance`: what the upkeep of the managed table has done since the start, as of the moment in
//! which a statement looks.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::managed::{MaintenanceEvent, ManagedTable};
use crate::sources::COMMENT_KEY;

/// One row for each thing that was done.
#[derive(Debug)]
pub struct MaintenanceTable {
    managed: Arc<ManagedTable>,
    schema: SchemaRef,
}

impl MaintenanceTable {
    pub fn new(managed: Arc<ManagedTable>) -> Self {
        Self {
            managed,
            schema: schema(),
        }
    }
}

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let columns = [
        ("started_at", time.clone(), "When it began, UTC."),
        ("finished_at", time, "When it ended, UTC."),
        (
            "task",
            DataType::Utf8,
            "compact (small files merged), retention (old days dropped), vacuum (unneeded files deleted) or checkpoint.",
        ),
        ("outcome", DataType::Utf8, "ok, or why it failed."),
        (
            "files_before",
            DataType::Int64,
            "Files that it replaced, dropped or deleted.",
        ),
        ("files_after", DataType::Int64, "Files that stand in their place."),
        ("bytes_before", DataType::Int64, "Bytes of the files before."),
        ("bytes_after", DataType::Int64, "Bytes of the files after."),
        (
            "table_version",
            DataType::Int64,
            "Version of the managed table afterwards.",
        ),
    ];
    let fields = columns.map(|(name, data_type, comment)| {
        Field::new(name, data_type, true).with_metadata([(COMMENT_KEY.to_string(), comment.to_string())].into())
    });
    Arc::new(Schema::new(fields.to_vec()))
}

fn batch(events: &[MaintenanceEvent], schema: SchemaRef) -> Result<RecordBatch> {
    let times = |read: fn(&MaintenanceEvent) -> DateTime<Utc>| -> ArrayRef {
        let times = events.iter().map(|event| read(event).timestamp_micros());
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
    };
    let counts = |read: fn(&MaintenanceEvent) -> u64| -> ArrayRef {
        let counts = events.iter().map(|event| i64::try_from(read(event)).ok());
        Arc::new(counts.collect::<Int64Array>())
    };
    let columns: Vec<ArrayRef> = vec![
        times(|event| event.started_at),
        times(|event| event.finished_at),
        Arc::new(StringArray::from_iter_values(
            events.iter().map(|event| event.task.name()),
        )),
        Arc::new(StringArray::from_iter_values(
            events.iter().map(|event| event.error.as_deref().unwrap_or("ok")),
        )),
        counts(|event| event.files_before),
        counts(|event| event.files_after),
        counts(|event| event.bytes_before),
        counts(|event| event.bytes_after),
        Arc::new(Int64Array::from_iter_values(events.iter().map(|event| event.version))),
    ];
    Ok(RecordBatch::try_new(schema, columns)?)
}

#[async_trait]
impl TableProvider for MaintenanceTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = batch(&self.managed.maintenance(), self.schema())?;
        let plan = MemorySourceConfig::try_new_exec(&[vec![rows]], self.schema(), projection.cloned())?;
        Ok(plan)
    }
}
