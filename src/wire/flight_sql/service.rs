//! The calls of the Flight protocol, each handed to the file that knows it. Here are the service's shared state and
//! what every call begins with: who calls, and until when.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::metadata::SqlInfoData;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse,
    PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Response, Status, Streaming};

use super::connections::Origin;
use super::errors::to_status;
use super::identity::Claim;
use super::ingest::IngestOptions;
use super::prepared::{PreparedLimits, PreparedStatements};
use super::results::Messages;
use super::running::Running;
use super::seal::Seal;
use super::{FlightOptions, identity, sql_info};
use crate::access::Identity;
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::session::{Engine, Session};
use crate::shutdown::Shutdown;
use crate::wire::auth::Peer;

/// Everything that the calls share.
pub struct FlightSql {
    pub engine: Arc<Engine>,
    pub options: FlightOptions,
    pub metrics: Arc<Metrics>,
    pub shutdown: Shutdown,
    pub seal: Arc<Seal>,
    pub sql_info: SqlInfoData,
    pub prepared: PreparedStatements,
    pub running: Running,
}

impl FlightSql {
    pub fn new(engine: Arc<Engine>, options: FlightOptions, metrics: Arc<Metrics>, shutdown: Shutdown) -> Result<Self> {
        let limits = PreparedLimits {
            most_statements: options.max_prepared_statements,
            most_parameter_bytes: options.max_parameter_bytes,
            idle_lifetime: options.prepared_idle_lifetime,
        };
        Ok(Self {
            sql_info: sql_info::data(&options, &engine.limits(), engine.managed().is_some())?,
            engine,
            options,
            metrics,
            shutdown,
            seal: Arc::new(Seal::new()?),
            prepared: PreparedStatements::new(limits),
            running: Running::default(),
        })
    }

    /// A session for whoever a call's metadata names and proves, with the call's deadline.
    pub fn session<T>(&self, request: &Request<T>) -> impl Future<Output = Result<Session>> + use<'_, T> {
        let (claim, peer) = (identity::claim(request.metadata()), peer(request));
        let timeout = call_timeout(request.metadata());
        let origin = request.extensions().get::<Origin>().cloned();
        async move {
            let mut session = self.engine.session_of(self.identify(claim?, peer).await?);
            if let Some(origin) = origin {
                let place = origin.place(&self.engine, session.user());
                session.attach(place.inspect_err(|error| self.metrics.note_error(error.kind))?);
            }
            if let Some(timeout) = timeout {
                let timeout_ms = timeout.as_millis().clamp(1, i32::MAX as u128).to_string();
                session.settings_mut().set("statement_timeout", Some(&timeout_ms))?;
            }
            Ok(session)
        }
    }

    /// Who makes a claim, once it is proved. Failures are answered late; a call that says nothing was no attempt.
    async fn identify(&self, claim: Claim, peer: Peer) -> Result<Identity> {
        let policy = self.options.access.policy();
        if let Some(identity) = identity::trusted(&policy, &self.seal, &claim, peer) {
            return Ok(identity);
        }
        let user = match &claim {
            Claim::Basic(name, _) => name.clone(),
            Claim::Nothing | Claim::Bearer(_) => String::new(),
        };
        let says_nothing = claim == Claim::Nothing;
        let seal = Arc::clone(&self.seal);
        // Passwords are made to take long to check, and other connections wait for this thread.
        let proved = tokio::task::spawn_blocking(move || identity::proved(&policy, &seal, &claim)).await;
        let proved = proved.map_err(|_| Error::internal("checking a password stopped unexpectedly"))?;
        if let Err(error) = &proved
            && !says_nothing
        {
            self.options.access.failed("flight", peer, &user, &error.message).await;
        }
        proved
    }
}

/// Where a call comes from; one that came over no socket was made in this process.
fn peer<T>(request: &Request<T>) -> Peer {
    request
        .extensions()
        .get::<Origin>()
        .map_or(Peer::Local, |origin| origin.peer)
}

/// The time that the client gives a call, less a little: the transport ends the call at the full time by itself, as
/// cancelled, and the client should read that its deadline has passed.
fn call_timeout(metadata: &MetadataMap) -> Option<Duration> {
    let header = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = header.split_at_checked(header.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok()?;
    let timeout = match unit {
        "H" => Duration::from_secs(number.checked_mul(3600)?),
        "M" => Duration::from_secs(number.checked_mul(60)?),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    };
    Some(timeout - (timeout / 20).min(Duration::from_millis(50)))
}

#[tonic::async_trait]
impl FlightService for FlightSql {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = Messages;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoActionStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;
    type DoExchangeStream = Messages;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let peer = peer(&request);
        let (metadata, _, mut messages) = request.into_parts();
        let payload = messages.message().await?.map(|message| message.payload);
        let claim = identity::handshake_claim(&metadata, &payload.unwrap_or_default()).map_err(to_status)?;
        let identity = self.identify(claim, peer).await.map_err(to_status)?;
        let users = &self.options.access.policy().users;
        let token = identity::token(&self.seal, users, &identity.user, self.options.token_lifetime);
        let header = MetadataValue::try_from(format!("Bearer {token}"))
            .map_err(|_| to_status(Error::internal("a token that no header can hold")))?;
        let answer = HandshakeResponse {
            protocol_version: 0,
            payload: token.into_bytes().into(),
        };
        let mut response = Response::new(futures::stream::iter([Ok(answer)]).boxed());
        response.metadata_mut().insert("authorization", header);
        Ok(response)
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        let session = self.session(&request).await.map_err(to_status)?;
        let infos = self.list(&session, request.get_ref()).map_err(to_status)?;
        Ok(Response::new(futures::stream::iter(infos.into_iter().map(Ok)).boxed()))
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<FlightInfo>, Status> {
        let session = self.session(&request).await.map_err(to_status)?;
        let info = self.info(session, request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(info))
    }

    async fn poll_flight_info(&self, _request: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        Err(to_status(
            Error::not_supported("polling is not supported").with_hint("get_flight_info answers at once"),
        ))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let session = self.session(&request).await.map_err(to_status)?;
        let schema = self.schema(session, request.get_ref()).await.map_err(to_status)?;
        Ok(Response::new(SchemaResult { schema }))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        let session = self.session(&request).await.map_err(to_status)?;
        let messages = self.download(session, &request.get_ref().ticket).await;
        Ok(Response::new(messages.map_err(to_status)?))
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        let session = self.session(&request).await.map_err(to_status)?;
        let options = IngestOptions::of_headers(request.metadata());
        let result = self
            .put(session, options, request.into_inner())
            .await
            .map_err(to_status)?;
        Ok(Response::new(futures::stream::iter([Ok(result)]).boxed()))
    }

    async fn do_exchange(
        &self,
        _request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(to_status(Error::not_supported("exchanging data is not supported")))
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        let session = self.session(&request).await.map_err(to_status)?;
        let body = self.action(session, request.into_inner()).await.map_err(to_status)?;
        let results = body.map(|body| Ok(arrow_flight::Result { body }));
        Ok(Response::new(futures::stream::iter(results).boxed()))
    }

    async fn list_actions(&self, _request: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        let actions = super::actions::offered().into_iter().map(Ok);
        Ok(Response::new(futures::stream::iter(actions).boxed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(header: &str) -> Option<Duration> {
        let mut metadata = MetadataMap::new();
        metadata.insert("grpc-timeout", header.parse().unwrap());
        call_timeout(&metadata)
    }

    #[test]
    fn timeouts_are_read_in_every_unit() {
        assert_eq!(parsed("2S"), Some(Duration::from_millis(1950)));
        assert_eq!(parsed("100m"), Some(Duration::from_millis(95)));
        assert_eq!(parsed("100u"), Some(Duration::from_micros(95)));
        assert_eq!(
            parsed("1H"),
            Some(Duration::from_secs(3600) - Duration::from_millis(50))
        );
        for unreadable in ["", "S", "5", "-1S", "5x", "99999999999999999999S"] {
            assert_eq!(parsed(unreadable), None, "{unreadable}");
        }
    }
}
