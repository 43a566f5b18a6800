//! Rows that could not be taken, kept for people to look at: a Delta table of its own inside the managed table's folder,
//! where readers of that table do not see it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::Utc;
use serde_json::json;
use tokio::sync::RwLock;

use super::files::{self, Effort};
use super::ingest::{BadRow, IngestKey, Origin};
use super::metadata;
use crate::delta::{Action, CommitError, DeltaLog, Storage, Transaction, now_milliseconds};
use crate::error::{Error, ErrorKind, Result};
use crate::sources::COMMENT_KEY;

const MOST_ATTEMPTS: usize = 20;

/// The columns of `mission_control.quarantine`.
pub fn quarantine_schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let columns = [
        ("received_at", time, "When the row came, UTC."),
        (
            "origin",
            DataType::Utf8,
            "How it came: copy, insert, flight, or a file's name.",
        ),
        (
            "batch",
            DataType::Utf8,
            "The idempotency key of its batch, if it had one.",
        ),
        ("line", DataType::Int64, "The line or row of its batch, from 1."),
        (
            "column_name",
            DataType::Utf8,
            "The column that is wrong; NULL if the row as a whole is.",
        ),
        ("reason", DataType::Utf8, "What is wrong with it."),
        (
            "row",
            DataType::Utf8,
            "The row as JSON, or its text where it could not be read.",
        ),
    ];
    let fields = columns.map(|(name, data_type, comment)| {
        Field::new(name, data_type, true).with_metadata([(COMMENT_KEY.to_string(), comment.to_string())].into())
    });
    Arc::new(Schema::new(fields.to_vec()))
}

/// The quarantine, made when its first row comes.
#[derive(Debug)]
pub struct Quarantine {
    storage: Storage,
    log: RwLock<Option<Arc<DeltaLog>>>,
}

impl Quarantine {
    pub async fn open(storage: Storage) -> Result<Self> {
        let log = DeltaLog::open(storage.clone()).await?;
        Ok(Self {
            storage,
            log: RwLock::new(log.map(Arc::new)),
        })
    }

    /// The table, if there ever was a bad row.
    pub async fn log(&self) -> Option<Arc<DeltaLog>> {
        self.log.read().await.clone()
    }

    async fn made(&self) -> Result<Arc<DeltaLog>> {
        let mut log = self.log.write().await;
        if let Some(log) = log.as_ref() {
            return Ok(Arc::clone(log));
        }
        let metadata = metadata(&quarantine_schema(), None)?;
        let made = Arc::new(DeltaLog::create(self.storage.clone(), metadata).await?);
        *log = Some(Arc::clone(&made));
        Ok(made)
    }

    /// Adds the bad rows of a batch; when this returns they are durable. A batch that has a key is added once.
    pub async fn add(&self, rows: &[BadRow], origin: &Origin, key: &IngestKey) -> Result<()> {
        let log = self.made().await?;
        let mut adds = None;
        for _ in 0..MOST_ATTEMPTS {
            let state = log.state();
            let application = key.application();
            if application
                .as_ref()
                .is_some_and(|key| state.transactions.contains_key(key))
            {
                return Ok(());
            }
            let decided_on = state.version;
            drop(state);
            let files = match adds.take() {
                Some(files) => files,
                None => files::write(log.storage(), vec![batch(rows, origin, key)?], Effort::Quick).await?,
            };
            let transaction = application.map(|app_id| Transaction {
                app_id,
                version: 1,
                last_updated: Some(now_milliseconds()),
            });
            let actions = transaction
                .map(Action::from)
                .into_iter()
                .chain(files.iter().cloned().map(Action::from));
            let info =
                json!({ "operation": "WRITE", "operationParameters": { "mode": "Append" }, "isBlindAppend": true });
            match log.commit(decided_on, info, actions.collect()).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Failed(error)) => return Err(error),
                Err(CommitError::Overtaken) => {
                    log.refresh().await?;
                    adds = Some(files);
                }
            }
        }
        Err(Error::new(
            ErrorKind::Io,
            "the quarantine is being changed by others too often to be written",
        ))
    }
}

fn batch(rows: &[BadRow], origin: &Origin, key: &IngestKey) -> Result<RecordBatch> {
    let now = Utc::now().timestamp_micros();
    let lines = rows.iter().map(|row| i64::try_from(row.line).unwrap_or(i64::MAX));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampMicrosecondArray::from(vec![now; rows.len()]).with_timezone("UTC")),
        Arc::new(StringArray::from(vec![origin.name(); rows.len()])),
        Arc::new(StringArray::from(vec![key.name(); rows.len()])),
        Arc::new(lines.collect::<Int64Array>()),
        Arc::new(
            rows.iter()
                .map(|row| row.fault.column.as_deref())
                .collect::<StringArray>(),
        ),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.fault.reason))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.row))),
    ];
    Ok(RecordBatch::try_new(quarantine_schema(), columns)?)
}
