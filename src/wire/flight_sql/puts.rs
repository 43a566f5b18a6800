//! DoPut: binding parameters, uploads, and statements that are run for the number of their rows.

use arrow::array::RecordBatch;
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::sql::{Command, DoPutPreparedStatementResult, DoPutUpdateResult};
use arrow_flight::{FlightData, FlightDescriptor, PutResult};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use prost::Message;
use tonic::Status;

use super::infos::{check_no_transaction, flight_sql_command, no_substrait};
use super::ingest::{IngestOptions, command_options, ingest_target, shutting_down};
use super::results::StatementMeter;
use super::service::FlightSql;
use super::{downloads, parameters, statements};
use crate::error::{Error, ErrorKind, Result};
use crate::session::{Prepared, Session};

impl FlightSql {
    pub async fn put<S>(&self, mut session: Session, options: IngestOptions, messages: S) -> Result<PutResult>
    where
        S: Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static,
    {
        let mut messages = messages.peekable();
        let descriptor = match std::pin::Pin::new(&mut messages).peek().await {
            Some(Ok(first)) => first.flight_descriptor.clone(),
            _ => None,
        };
        if let Some(path) = upload_path(descriptor.as_ref()) {
            let record_count = self.ingest(session, &path, &options, messages).await?;
            return Ok(put_result(DoPutUpdateResult { record_count }.encode_to_vec()));
        }
        match command(descriptor)? {
            Command::CommandPreparedStatementQuery(query) => {
                let handle = query.prepared_statement_handle;
                self.bind(&session, &handle, messages).await
            }
            Command::CommandPreparedStatementUpdate(update) => {
                let handle = update.prepared_statement_handle;
                self.update_prepared(session, &handle, messages).await
            }
            Command::CommandStatementUpdate(update) => {
                check_no_transaction(update.transaction_id.as_ref())?;
                let most_bytes = self.engine.limits().max_statement_bytes;
                let prepared = statements::plan(&mut session, &update.query, most_bytes).await;
                let prepared = prepared
                    .map_err(|error| StatementMeter::start(&self.metrics, &mut session, &update.query).failed(error))?;
                parameters::check_count(0, prepared.parameter_types.len())?;
                self.run_for_count(session, prepared, None).await
            }
            Command::CommandStatementIngest(ingestion) => {
                let relation = ingest_target(&ingestion)?;
                let options = command_options(&ingestion, options)?;
                let record_count = self.ingest(session, &relation, &options, messages).await?;
                Ok(put_result(DoPutUpdateResult { record_count }.encode_to_vec()))
            }
            Command::CommandStatementSubstraitPlan(_) => Err(no_substrait()),
            other => Err(Error::new(
                ErrorKind::ProtocolViolation,
                format!(
                    "the command {} takes no data",
                    other.type_url().rsplit('.').next().unwrap_or_default()
                ),
            )),
        }
    }

    async fn bind<S>(&self, session: &Session, handle: &Bytes, messages: S) -> Result<PutResult>
    where
        S: Stream<Item = Result<FlightData, Status>> + Send + 'static,
    {
        let (prepared, _) = self.prepared.get(session.user(), handle)?;
        let rows = self.read_parameters(&prepared, messages).await?;
        self.prepared.bind(session.user(), handle, rows)?;
        let result = DoPutPreparedStatementResult {
            prepared_statement_handle: Some(handle.clone()),
        };
        Ok(put_result(result.encode_to_vec()))
    }

    /// Runs a prepared query for its row count. The parameters come with the call, or were bound before.
    async fn update_prepared<S>(&self, session: Session, handle: &Bytes, messages: S) -> Result<PutResult>
    where
        S: Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static,
    {
        let (prepared, newest) = self.prepared.get(session.user(), handle)?;
        if prepared.parameter_types.is_empty() {
            return self.run_for_count(session, prepared, None).await;
        }
        let mut messages = messages.peekable();
        let brings_rows = match std::pin::Pin::new(&mut messages).peek().await {
            Some(Ok(first)) => !first.data_header.is_empty(),
            _ => false,
        };
        let bound = if brings_rows {
            Some(self.read_parameters(&prepared, messages).await?)
        } else {
            self.prepared.binding(session.user(), handle, newest)?
        };
        if bound.is_none() {
            parameters::check_count(0, prepared.parameter_types.len())?;
        }
        self.run_for_count(session, prepared, bound).await
    }

    async fn read_parameters<S>(&self, prepared: &Prepared, messages: S) -> Result<RecordBatch>
    where
        S: Stream<Item = Result<FlightData, Status>> + Send + 'static,
    {
        let most_bytes = self.options.max_message_bytes;
        parameters::read(messages, &prepared.parameter_types, most_bytes).await
    }

    /// As PostgreSQL does for a query that is run as if it were an update: all rows are made, and counted.
    async fn run_for_count(
        &self,
        mut session: Session,
        prepared: Prepared,
        bound: Option<RecordBatch>,
    ) -> Result<PutResult> {
        let meter = StatementMeter::start(&self.metrics, &mut session, &prepared.statement.text);
        if let Some(plan) = prepared.insert() {
            let inserted = tokio::select! {
                inserted = self.insert(&session, plan, bound) => inserted,
                cause = meter.ended_by_others() => Err(cause),
                () = self.shutdown.ended() => Err(shutting_down()),
            };
            let record_count = inserted.map_err(|error| meter.failed(error))?;
            meter.succeeded();
            return Ok(put_result(DoPutUpdateResult { record_count }.encode_to_vec()));
        }
        let counted = downloads::rows(session, prepared, bound).try_fold(0, |count: i64, batch| async move {
            Ok(count + i64::try_from(batch.num_rows()).unwrap_or(0))
        });
        let counted = tokio::select! {
            counted = counted => counted,
            cause = meter.ended_by_others() => Err(cause),
            () = self.shutdown.ended() => Err(shutting_down()),
        };
        let record_count = counted.map_err(|error| meter.failed(error))?;
        meter.succeeded();
        Ok(put_result(DoPutUpdateResult { record_count }.encode_to_vec()))
    }
}

fn command(descriptor: Option<FlightDescriptor>) -> Result<Command> {
    let descriptor = descriptor.ok_or_else(|| {
        Error::new(
            ErrorKind::ProtocolViolation,
            "the first message has no descriptor that says what the data are for",
        )
    })?;
    flight_sql_command(&descriptor.cmd)?.ok_or_else(|| {
        Error::new(
            ErrorKind::ProtocolViolation,
            "the descriptor's command is not a flight sql command",
        )
    })
}

/// The relation that a plain upload names.
fn upload_path(descriptor: Option<&FlightDescriptor>) -> Option<Vec<String>> {
    let descriptor = descriptor?;
    (descriptor.r#type() == DescriptorType::Path).then(|| descriptor.path.clone())
}

fn put_result(app_metadata: Vec<u8>) -> PutResult {
    PutResult {
        app_metadata: app_metadata.into(),
    }
}
