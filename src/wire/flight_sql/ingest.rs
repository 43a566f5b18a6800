//! Rows that clients upload: Flight SQL's bulk ingestion, a plain upload to the relation's path, and INSERT.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

use arrow::array::RecordBatch;
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{CommandStatementIngest, TableExistsOption, TableNotExistOption};
use datafusion::sql::sqlparser::ast::{Ident, ObjectName};
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::parameters;
use super::results::StatementMeter;
use super::service::FlightSql;
use crate::error::{Error, ErrorKind, Result};
use crate::managed::{Ingest, IngestKey, OnError, Origin};
use crate::session::{InsertPlan, Session};

/// The header and the option that name a batch.
const KEY_HEADER: &str = "idempotency-key";
const KEY_OPTION: &str = "idempotency_key";
/// The header and the option that say what becomes of bad rows.
const ON_ERROR_HEADER: &str = "on-error";
const ON_ERROR_OPTION: &str = "on_error";

/// How a client wants its rows to be taken.
#[derive(Debug, Clone, Default)]
pub struct IngestOptions {
    key: Option<String>,
    on_error: Option<String>,
}

impl IngestOptions {
    pub fn of_headers(headers: &MetadataMap) -> Self {
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_string)
        };
        Self {
            key: text(KEY_HEADER),
            on_error: text(ON_ERROR_HEADER),
        }
    }

    /// The command's own options go before the headers.
    fn or(mut self, options: &HashMap<String, String>) -> Result<Self> {
        for (name, value) in options {
            match name.as_str() {
                KEY_OPTION => self.key = Some(value.clone()),
                ON_ERROR_OPTION => self.on_error = Some(value.clone()),
                other => {
                    return Err(Error::new(
                        ErrorKind::InvalidParameterValue,
                        format!("the ingestion option \"{other}\" is not known"),
                    )
                    .with_hint("idempotency_key and on_error are allowed"));
                }
            }
        }
        Ok(self)
    }

    fn key(&self) -> Result<IngestKey> {
        self.key.clone().map_or_else(|| Ok(IngestKey::none()), IngestKey::named)
    }

    fn on_error(&self) -> Result<Option<OnError>> {
        match self.on_error.as_deref() {
            None => Ok(None),
            Some("refuse") => Ok(Some(OnError::Refuse)),
            Some("quarantine") => Ok(Some(OnError::Quarantine)),
            Some(other) => Err(Error::new(
                ErrorKind::InvalidParameterValue,
                format!("on_error cannot be \"{other}\""),
            )
            .with_hint("refuse and quarantine are allowed")),
        }
    }
}

/// The relation that a bulk ingestion names, if it wants rows appended to one that exists.
pub fn ingest_target(command: &CommandStatementIngest) -> Result<Vec<String>> {
    if command.transaction_id.is_some() {
        return Err(Error::not_supported("ingestion inside a transaction is not supported"));
    }
    if command.temporary {
        return Err(Error::not_supported("temporary tables are not supported"));
    }
    if let Some(options) = &command.table_definition_options {
        if options.if_exists() == TableExistsOption::Replace {
            return Err(Error::not_supported("replacing a relation is not supported").with_hint("append to it"));
        }
        let creates = options.if_not_exist() == TableNotExistOption::Create;
        if options.if_exists() == TableExistsOption::Fail
            || (creates && options.if_exists() != TableExistsOption::Append)
        {
            return Err(Error::new(
                ErrorKind::DuplicateTable,
                format!("relation \"{}\" already exists", command.table),
            )
            .with_hint("append to it; relations cannot be made"));
        }
    }
    let parts = [command.catalog.as_ref(), command.schema.as_ref(), Some(&command.table)];
    Ok(parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .cloned()
        .collect())
}

/// The options that stand in a bulk ingestion's command.
pub fn command_options(command: &CommandStatementIngest, headers: IngestOptions) -> Result<IngestOptions> {
    headers.or(&command.options)
}

impl FlightSql {
    /// Appends uploaded rows as one batch; returns how many there are.
    pub async fn ingest<S>(
        &self,
        mut session: Session,
        relation: &[String],
        options: &IngestOptions,
        messages: S,
    ) -> Result<i64>
    where
        S: Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static,
    {
        let text = format!("INGEST INTO {}", relation.join("."));
        let meter = StatementMeter::start(&self.metrics, &mut session, &text);
        let taken = tokio::select! {
            taken = self.take_upload(&session, relation, options, messages) => taken,
            cause = meter.ended_by_others() => Err(cause),
            () = self.shutdown.ended() => Err(shutting_down()),
        };
        let rows = taken.map_err(|error| meter.failed(error))?;
        meter.succeeded();
        Ok(rows)
    }

    async fn take_upload<S>(
        &self,
        session: &Session,
        relation: &[String],
        options: &IngestOptions,
        messages: S,
    ) -> Result<i64>
    where
        S: Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static,
    {
        let name: Vec<Ident> = relation.iter().map(|part| Ident::with_quote('"', part)).collect();
        let managed = session.writable(&ObjectName::from(name), "bulk ingestion")?;
        let mut ingest = managed.ingest(Origin::Flight, options.key()?)?;
        if let Some(on_error) = options.on_error()? {
            ingest.set_on_error(on_error);
        }
        let messages = messages.map_err(|status| FlightError::Tonic(Box::new(status)));
        let mut batches = FlightRecordBatchStream::new_from_flight_data(messages);
        // The decoder trusts the offsets inside a message; a message that lies ends in a panic, not in wrong memory.
        while let Some(batch) = AssertUnwindSafe(batches.next())
            .catch_unwind()
            .await
            .map_err(|_| unreadable())?
        {
            let batch = batch.map_err(|error| match error {
                FlightError::Tonic(_) => Error::new(
                    ErrorKind::ConnectionException,
                    "the upload broke off; nothing of it was kept",
                ),
                _ => unreadable(),
            })?;
            ingest.push(&batch).await?;
        }
        let done = ingest.finish().await?;
        Ok(i64::try_from(done.rows).unwrap_or(i64::MAX))
    }

    /// Runs an INSERT once, or once for every row of bound parameters, as one batch.
    pub async fn insert(&self, session: &Session, plan: &InsertPlan, bound: Option<RecordBatch>) -> Result<i64> {
        let managed = session
            .engine()
            .managed()
            .ok_or_else(|| Error::internal("an insert without a table"))?;
        let _slot = session.admit().await?;
        let mut ingest: Ingest = managed.ingest(Origin::Insert, IngestKey::none())?;
        match bound {
            None => drop(session.insert(plan, vec![], &mut ingest).await?),
            Some(bound) => {
                for row in 0..bound.num_rows() {
                    session.insert(plan, parameters::row(&bound, row)?, &mut ingest).await?;
                }
            }
        }
        let done = ingest.finish().await?;
        Ok(i64::try_from(done.rows).unwrap_or(i64::MAX))
    }
}

pub fn shutting_down() -> Error {
    Error::new(
        ErrorKind::AdminShutdown,
        "terminating connection due to administrator command",
    )
}

fn unreadable() -> Error {
    Error::new(
        ErrorKind::ProtocolViolation,
        "the uploaded rows are not readable arrow data",
    )
}
