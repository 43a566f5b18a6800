//! Binding the listeners: every address is resolved, judged and bound before anything is served.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, UnixListener, lookup_host};
use tokio::task::JoinSet;

use super::ServerSettings;
use super::guards::Guards;
use super::socket::{self, SocketFile};
use crate::config::Listen;
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::session::Engine;
use crate::shutdown::Shutdown;
use crate::wire::auth::Access;
use crate::wire::flight_sql::{self, FlightOptions};
use crate::wire::postgres::{Listener, Postgres, PostgresOptions};
use crate::wire::tls::Security;

/// Names the socket's file where no address is listened on.
const DEFAULT_POSTGRES_PORT: u16 = 7432;

/// The bound listeners; none where the setting is off.
pub struct Bound {
    pub postgres: Option<Door>,
    pub postgres_socket: Option<(UnixListener, SocketFile)>,
    pub flight: Option<Door>,
    pub http: Option<Door>,
}

/// A bound listener with the address that it really got, and what it offers and asks for.
pub struct Door {
    pub listener: TcpListener,
    pub address: SocketAddr,
    pub security: Security,
}

/// Binds all or none.
pub async fn bind(settings: &ServerSettings, guards: &Guards) -> Result<Bound> {
    if settings.postgres == Listen::Off && settings.flight == Listen::Off && settings.postgres_socket.is_none() {
        return Err(Error::configuration("both listeners for queries are off")
            .with_hint("give --postgres or --flight an address"));
    }
    let postgres = bind_one("postgres", &settings.postgres, guards).await?;
    let flight = bind_one("flight", &settings.flight, guards).await?;
    let http = bind_one("http", &settings.http, guards).await?;
    let port = postgres
        .as_ref()
        .map_or(DEFAULT_POSTGRES_PORT, |door| door.address.port());
    let postgres_socket = match &settings.postgres_socket {
        Some(folder) => Some(socket::bind(folder, port)?),
        None => None,
    };
    Ok(Bound {
        postgres,
        postgres_socket,
        flight,
        http,
    })
}

async fn bind_one(name: &str, listen: &Listen, guards: &Guards) -> Result<Option<Door>> {
    let Listen::At(wanted) = listen else {
        return Ok(None);
    };
    let addresses: Vec<SocketAddr> = lookup_host(wanted)
        .await
        .map_err(|_| cannot_listen(name, wanted, "the host's name is not known"))?
        .collect();
    let is_loopback = addresses.iter().all(|address| address.ip().is_loopback());
    if !is_loopback {
        guards.check_address(name, wanted)?;
    }
    let listener = TcpListener::bind(addresses.as_slice())
        .await
        .map_err(|error| cannot_listen(name, wanted, &reason(&error)))?;
    let address = listener
        .local_addr()
        .map_err(|error| cannot_listen(name, wanted, &reason(&error)))?;
    Ok(Some(Door {
        listener,
        address,
        security: guards.security(is_loopback),
    }))
}

fn cannot_listen(name: &str, wanted: &str, reason: &str) -> Error {
    Error::configuration(format!("{name}: cannot listen on {wanted}: {reason}")).with_hint(format!(
        "choose another address with --{name} HOST:PORT (port 0 picks a free one) or turn it off with --{name} off"
    ))
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there".to_string(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_string(),
        io::ErrorKind::PermissionDenied => "this user may not use that port".to_string(),
        _ => error.to_string(),
    }
}

/// Starts the PostgreSQL protocol on its listeners.
pub fn serve_postgres(
    tasks: &mut JoinSet<Result<()>>,
    bound: (Option<Door>, Option<UnixListener>),
    engine: &Arc<Engine>,
    access: &Arc<Access>,
    metrics: &Arc<Metrics>,
    shutdown: &Shutdown,
) {
    let (door, socket) = bound;
    let options = PostgresOptions {
        access: Arc::clone(access),
        security: door.as_ref().map(|door| door.security.clone()).unwrap_or_default(),
        ..PostgresOptions::default()
    };
    let postgres = Postgres::new(Arc::clone(engine), options, Arc::clone(metrics), shutdown.clone());
    if let Some(door) = door {
        tasks.spawn(postgres.clone().serve(Listener::Network(door.listener)));
    }
    if let Some(listener) = socket {
        tasks.spawn(postgres.serve(Listener::Local(listener)));
    }
}

/// Starts Flight SQL on its listener.
pub fn serve_flight(
    tasks: &mut JoinSet<Result<()>>,
    door: Door,
    engine: &Arc<Engine>,
    settings: &ServerSettings,
    access: &Arc<Access>,
    metrics: &Arc<Metrics>,
    shutdown: &Shutdown,
) {
    let options = FlightOptions {
        access: Arc::clone(access),
        security: door.security,
        token_lifetime: settings.access.token_lifetime,
        ..FlightOptions::default()
    };
    let (engine, metrics) = (Arc::clone(engine), Arc::clone(metrics));
    tasks.spawn(flight_sql::serve(
        door.listener,
        engine,
        options,
        metrics,
        shutdown.clone(),
    ));
}
