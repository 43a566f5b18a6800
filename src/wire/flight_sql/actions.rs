//! DoAction: prepared statements are made and closed, downloads cancelled; transactions are refused in clear words.

use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, ProstMessageExt,
};
use arrow_flight::{Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo};
use bytes::Bytes;
use prost::Message;

use super::infos::{check_no_transaction, no_substrait, no_transactions};
use super::results::StatementMeter;
use super::service::FlightSql;
use super::{parameters, statements, tickets};
use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;

const CREATE_PREPARED: &str = "CreatePreparedStatement";
const CLOSE_PREPARED: &str = "ClosePreparedStatement";
const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";
const CANCEL_QUERY: &str = "CancelQuery";

/// The actions that do something.
pub fn offered() -> Vec<ActionType> {
    [
        (
            CREATE_PREPARED,
            "Plans a statement with parameters $1, $2 … and keeps it.",
        ),
        (CLOSE_PREPARED, "Forgets a prepared statement."),
        (CANCEL_FLIGHT_INFO, "Stops the running downloads of a FlightInfo."),
        (
            CANCEL_QUERY,
            "Stops the running downloads of a FlightInfo (older form).",
        ),
    ]
    .into_iter()
    .map(|(name, description)| ActionType {
        r#type: name.to_string(),
        description: description.to_string(),
    })
    .collect()
}

impl FlightSql {
    /// The body of the action's one result; closing has none.
    pub async fn action(&self, mut session: Session, action: Action) -> Result<Option<Bytes>> {
        match action.r#type.as_str() {
            CREATE_PREPARED => self.create_prepared(&mut session, unpack(&action)?).await.map(Some),
            CLOSE_PREPARED => {
                let request: ActionClosePreparedStatementRequest = unpack(&action)?;
                let handle = request.prepared_statement_handle;
                self.prepared.close(session.user(), &handle).map(|()| None)
            }
            CANCEL_FLIGHT_INFO => {
                let request = CancelFlightInfoRequest::decode(action.body.clone());
                let info = request.ok().and_then(|request| request.info);
                let status = self.cancel(&session, info.ok_or_else(|| unreadable(&action))?)?;
                let result = CancelFlightInfoResult { status: status.into() };
                Ok(Some(result.encode_to_vec().into()))
            }
            CANCEL_QUERY => {
                let request: ActionCancelQueryRequest = unpack(&action)?;
                let info = FlightInfo::decode(request.info).map_err(|_| unreadable(&action))?;
                // Both enumerations number their states alike.
                let result = ActionCancelQueryResult {
                    result: self.cancel(&session, info)?.into(),
                };
                Ok(Some(result.as_any().encode_to_vec().into()))
            }
            "BeginTransaction" | "EndTransaction" | "BeginSavepoint" | "EndSavepoint" => Err(no_transactions()),
            "CreatePreparedSubstraitPlan" => Err(no_substrait()),
            "SetSessionOptions" | "GetSessionOptions" | "CloseSession" => {
                Err(Error::not_supported("session options are not supported")
                    .with_hint("each call has the default settings; times are in UTC"))
            }
            other => {
                let name: String = other.chars().take(100).collect();
                Err(Error::not_supported(format!("the action {name} is not known"))
                    .with_hint("list_actions names those that are"))
            }
        }
    }

    async fn create_prepared(
        &self,
        session: &mut Session,
        request: ActionCreatePreparedStatementRequest,
    ) -> Result<Bytes> {
        check_no_transaction(request.transaction_id.as_ref())?;
        let planned = statements::plan(session, &request.query, self.engine.limits().max_statement_bytes).await;
        let prepared =
            planned.map_err(|error| StatementMeter::start(&self.metrics, session, &request.query).failed(error))?;
        let dataset_schema = tickets::schema_bytes(&prepared.schema)?;
        let parameter_schema = tickets::schema_bytes(&parameters::schema(&prepared.parameter_types))?;
        let result = ActionCreatePreparedStatementResult {
            prepared_statement_handle: self.prepared.keep(
                session.user(),
                prepared,
                self.engine.limits().max_prepared_statements,
            )?,
            dataset_schema,
            parameter_schema,
        };
        Ok(result.as_any().encode_to_vec().into())
    }

    fn cancel(&self, session: &Session, info: FlightInfo) -> Result<CancelStatus> {
        let mut was_running = false;
        for ticket in info.endpoint.into_iter().filter_map(|endpoint| endpoint.ticket) {
            let id = tickets::download_id(&self.seal, session.user(), &ticket.ticket)?;
            was_running |= self.running.cancel(&id);
        }
        Ok(if was_running {
            CancelStatus::Cancelled
        } else {
            CancelStatus::NotCancellable
        })
    }
}

fn unpack<M: ProstMessageExt>(action: &Action) -> Result<M> {
    let message = Any::decode(action.body.clone()).map_err(|_| unreadable(action))?;
    match message.unpack() {
        Ok(Some(request)) => Ok(request),
        _ => Err(unreadable(action)),
    }
}

fn unreadable(action: &Action) -> Error {
    Error::new(
        ErrorKind::ProtocolViolation,
        format!("the body of the action {} cannot be read", action.r#type),
    )
}
