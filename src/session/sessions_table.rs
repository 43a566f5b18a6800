//! `mission_control.sessions` and `pg_catalog.pg_stat_activity`: who is connected and what runs, as of the moment in
//! which a statement looks.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session as PlannerSession, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::activity::{SessionRow, Sessions};
use crate::catalog::{Backend, Backends};

/// Who asks: only administrators read what others run.
#[derive(Debug, Clone)]
pub struct Viewer {
    pub user: String,
    pub sees_all: bool,
}

/// What stands for a statement that the viewer may not read, as in PostgreSQL.
const HIDDEN: &str = "<insufficient privilege>";

/// `mission_control.sessions`: the rows of the register.
#[derive(Debug)]
pub struct SessionsTable {
    sessions: Arc<Sessions>,
    schema: SchemaRef,
}

impl SessionsTable {
    pub fn new(sessions: Arc<Sessions>) -> Self {
        let fields = columns(&[]).into_iter();
        let fields: Vec<Field> = fields
            .map(|(name, values)| Field::new(name, values.data_type().clone(), true))
            .collect();
        Self {
            sessions,
            schema: Arc::new(Schema::new(fields)),
        }
    }

    fn rows(&self, viewer: Option<&Viewer>) -> Result<RecordBatch> {
        let rows = seen_by(viewer, self.sessions.rows());
        let arrays = columns(&rows).into_iter().map(|(_, values)| values);
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), arrays.collect())?)
    }
}

/// The rows without the statements that the viewer may not read.
fn seen_by(viewer: Option<&Viewer>, mut rows: Vec<SessionRow>) -> Vec<SessionRow> {
    for row in &mut rows {
        let readable = viewer.is_some_and(|viewer| viewer.sees_all || viewer.user == row.client.user);
        if let Some(statement) = row.statement.as_mut().filter(|_| !readable) {
            statement.text = HIDDEN.to_string();
        }
    }
    rows
}

#[async_trait]
impl TableProvider for SessionsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn PlannerSession,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let viewer = state.config().get_extension::<Viewer>();
        let rows = self.rows(viewer.as_deref())?;
        let plan = MemorySourceConfig::try_new_exec(&[vec![rows]], self.schema(), projection.cloned())?;
        Ok(plan)
    }
}

type Column = (&'static str, ArrayRef);

fn columns(rows: &[SessionRow]) -> Vec<Column> {
    let count = |read: fn(&SessionRow) -> Option<u64>| -> ArrayRef {
        let numbers = rows
            .iter()
            .map(|row| read(row).and_then(|number| i64::try_from(number).ok()));
        Arc::new(numbers.collect::<Int64Array>())
    };
    vec![
        ("pid", integers(rows, |row| Some(row.pid))),
        ("user_name", texts(rows, |row| Some(row.client.user.clone()))),
        ("protocol", texts(rows, |row| Some(row.client.protocol.to_string()))),
        ("client_address", texts(rows, address)),
        ("application_name", texts(rows, |row| Some(row.application.clone()))),
        ("connected_at", times(rows, |row| Some(row.since))),
        ("state", texts(rows, |row| Some(row.phase.words().to_string()))),
        ("state_since", times(rows, |row| Some(row.phase_since))),
        ("transaction_started_at", times(rows, |row| row.transaction_since)),
        ("statement_started_at", times(rows, statement_since)),
        ("statement", texts(rows, statement_text)),
        ("rows_sent", count(|row| row.statement.as_ref().map(|one| one.rows))),
        ("bytes_sent", count(|row| row.statement.as_ref().map(|one| one.bytes))),
        (
            "peak_memory_bytes",
            count(|row| row.statement.as_ref().map(|one| one.peak_memory_bytes)),
        ),
    ]
}

/// The connections as `pg_stat_activity` shows them to the viewer, each time anew.
pub fn backends(sessions: &Arc<Sessions>, viewer: &Viewer) -> Backends {
    let (sessions, viewer) = (Arc::clone(sessions), viewer.clone());
    Backends::new(move || {
        let rows = seen_by(Some(&viewer), sessions.rows());
        rows.into_iter().map(backend).collect()
    })
}

fn backend(row: SessionRow) -> Backend {
    Backend {
        pid: row.pid,
        address: address(&row),
        started: unix_micros(row.since),
        transaction_started: row.transaction_since.and_then(unix_micros),
        statement_started: row.statement.as_ref().and_then(|one| unix_micros(one.since)),
        state_changed: unix_micros(row.phase_since),
        state: row.phase.words(),
        statement: row.statement.map(|one| one.text).unwrap_or_default(),
        user: row.client.user,
        application: row.application,
    }
}

fn texts(rows: &[SessionRow], read: fn(&SessionRow) -> Option<String>) -> ArrayRef {
    Arc::new(rows.iter().map(read).collect::<StringArray>())
}

fn integers(rows: &[SessionRow], read: fn(&SessionRow) -> Option<i32>) -> ArrayRef {
    Arc::new(rows.iter().map(read).collect::<Int32Array>())
}

fn times(rows: &[SessionRow], read: fn(&SessionRow) -> Option<SystemTime>) -> ArrayRef {
    let micros = rows.iter().map(|row| read(row).and_then(unix_micros));
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(micros.collect::<TimestampMicrosecondArray>().with_data_type(utc))
}

fn unix_micros(time: SystemTime) -> Option<i64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}

fn address(row: &SessionRow) -> Option<String> {
    row.client.address.map(|address| address.to_string())
}

fn statement_since(row: &SessionRow) -> Option<SystemTime> {
    row.statement.as_ref().map(|statement| statement.since)
}

fn statement_text(row: &SessionRow) -> Option<String> {
    row.statement.as_ref().map(|statement| statement.text.clone())
}
