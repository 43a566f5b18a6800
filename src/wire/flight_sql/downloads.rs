//! DoGet: a checked ticket's rows.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use super::infos::flight_sql_command;
use super::results::{self, Messages, StatementMeter};
use super::service::FlightSql;
use super::tickets::{self, Errand, OpenTicket, PreparedErrand};
use super::{catalog, parameters, statements};
use crate::error::{Error, Result};
use crate::session::{Prepared, Session};

impl FlightSql {
    pub async fn download(&self, mut session: Session, ticket: &[u8]) -> Result<Messages> {
        let ticket = tickets::open(&self.seal, session.user(), ticket)?;
        match &ticket.errand {
            Errand::Catalog(command) => self.catalog_answer(command),
            Errand::Statement(sql) => {
                let meter = StatementMeter::start(&self.metrics, &mut session, sql);
                let planned = statements::plan(&mut session, sql, self.engine.limits().max_statement_bytes).await;
                let prepared = planned.map_err(|error| meter.failed(error))?;
                self.run(session, prepared, None, &ticket, meter).await
            }
            Errand::Prepared(errand) => {
                let found = self.prepared_with_parameters(session.user(), errand);
                let text = found.as_ref().map_or("", |(prepared, _)| &prepared.statement.text);
                let meter = StatementMeter::start(&self.metrics, &mut session, text);
                let (prepared, bound) = found.map_err(|error| meter.failed(error))?;
                self.run(session, prepared, bound, &ticket, meter).await
            }
        }
    }

    fn catalog_answer(&self, command: &[u8]) -> Result<Messages> {
        let command = flight_sql_command(command)?.ok_or_else(|| Error::internal("a ticket without a command"))?;
        let answer = catalog::answer(command, &self.engine.relations(), &self.sql_info)?;
        answer
            .map(results::ready)
            .ok_or_else(|| Error::internal("a ticket for a command that gives no rows"))
    }

    fn prepared_with_parameters(&self, user: &str, errand: &PreparedErrand) -> Result<(Prepared, Option<RecordBatch>)> {
        let (prepared, _) = self.prepared.get(user, &errand.handle)?;
        let bound = self.prepared.binding(user, &errand.handle, errand.binding)?;
        if bound.is_none() {
            parameters::check_count(0, prepared.parameter_types.len())?;
        }
        Ok((prepared, bound))
    }

    async fn run(
        &self,
        session: Session,
        prepared: Prepared,
        bound: Option<RecordBatch>,
        ticket: &OpenTicket,
        meter: StatementMeter,
    ) -> Result<Messages> {
        ticket
            .check_schema(&prepared.schema)
            .map_err(|error| meter.failed(error))?;
        let schema = Arc::clone(&prepared.schema);
        let entered = self.running.enter(&ticket.id);
        let rows = rows(session, prepared, bound);
        results::stream(rows, schema, entered, self.shutdown.clone(), meter).await
    }
}

/// The rows of a statement: once, or once for every row of bound parameters, one after the other.
pub fn rows(
    session: Session,
    prepared: Prepared,
    bound: Option<RecordBatch>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let runs = bound.as_ref().map_or(1, RecordBatch::num_rows);
    let shared = Arc::new((session, prepared, bound, OnceCell::new()));
    futures::stream::iter(0..runs)
        .then(move |index| {
            let shared = Arc::clone(&shared);
            async move {
                let (session, prepared, bound, slot) = shared.as_ref();
                slot.get_or_try_init(|| session.admit()).await?;
                let values = match bound {
                    Some(bound) => parameters::row(bound, index)?,
                    None => vec![],
                };
                session.run(prepared, values).await
            }
        })
        .try_flatten()
        .boxed()
}
