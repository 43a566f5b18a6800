//! Arrow Flight SQL, and plain Arrow Flight over the same relations.
//!
//! The service stands on `arrow-flight`'s messages and metadata builders and answers every call of the protocol itself:
//! the crate's own Flight SQL trait has no place for the plain Flight calls (listing, schemas, paths) and reports
//! unreadable commands as bugs of the server.

mod actions;
mod catalog;
mod connections;
mod downloads;
mod errors;
mod identity;
mod infos;
mod ingest;
mod parameters;
mod prepared;
mod puts;
mod results;
mod running;
mod seal;
mod service;
mod sql_info;
mod statements;
mod tickets;
mod type_info;

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use tokio::net::TcpListener;
use tonic::transport::Server;

use crate::error::{Error, ErrorKind, Result};
use crate::metrics::Metrics;
use crate::session::Engine;
use crate::shutdown::Shutdown;
use crate::wire::auth::Access;
use crate::wire::tls::Security;

/// How long connections may take to close after running statements were ended.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// A peer that has not answered for this long is asked whether it is still there …
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
/// … and has this long to say so.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Limits that an administrator sets.
#[derive(Debug, Clone)]
pub struct FlightOptions {
    /// The largest message that a client may send.
    pub max_message_bytes: usize,
    /// How long a FlightInfo's ticket can be read.
    pub ticket_lifetime: Duration,
    /// How long the token of a handshake is good.
    pub token_lifetime: Duration,
    /// How many prepared statements all clients together may keep.
    pub max_prepared_statements: usize,
    /// A prepared statement that is not used for this long is forgotten.
    pub prepared_idle_lifetime: Duration,
    /// How much the bound parameters of all prepared statements may take.
    pub max_parameter_bytes: usize,
    /// Who is let in.
    pub access: Arc<Access>,
    /// What encryption the listener offers and asks for.
    pub security: Security,
}

impl Default for FlightOptions {
    fn default() -> Self {
        Self {
            max_message_bytes: 16 << 20,
            ticket_lifetime: Duration::from_secs(3600),
            token_lifetime: Duration::from_secs(24 * 3600),
            max_prepared_statements: 1000,
            prepared_idle_lifetime: Duration::from_secs(3600),
            max_parameter_bytes: 256 << 20,
            access: Access::without_users(),
            security: Security::default(),
        }
    }
}

/// The calls of the protocol, not bound to any listener.
pub fn service(
    engine: Arc<Engine>,
    options: FlightOptions,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
) -> Result<FlightServiceServer<impl FlightService>> {
    let max_message_bytes = options.max_message_bytes;
    let service = service::FlightSql::new(engine, options, metrics, shutdown)?;
    Ok(FlightServiceServer::new(service).max_decoding_message_size(max_message_bytes))
}

/// Serves until the shutdown has drained every connection, or has ended those that did not drain.
pub async fn serve(
    listener: TcpListener,
    engine: Arc<Engine>,
    options: FlightOptions,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
) -> Result<()> {
    let incoming = connections::incoming(listener, options.security.clone(), Arc::clone(&metrics));
    let service = service(engine, options, metrics, shutdown.clone())?;
    let draining = shutdown.clone();
    let serving = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, async move { draining.drained().await });
    let out_of_time = async {
        shutdown.ended().await;
        tokio::time::sleep(LAST_MOMENT).await;
    };
    tokio::select! {
        served = serving => served.map_err(|error| {
            Error::new(ErrorKind::Io, "the flight listener has stopped").with_detail(error.to_string())
        }),
        () = out_of_time => Ok(()),
    }
}
