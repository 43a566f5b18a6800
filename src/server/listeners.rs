//! Binding the listeners: every address is resolved, judged and bound before anything is served.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, lookup_host};
use tokio::task::JoinSet;

use super::ServerSettings;
use crate::config::Listen;
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::session::Engine;
use crate::shutdown::Shutdown;
use crate::wire::flight_sql::{self, FlightOptions};
use crate::wire::postgres::{self, PostgresOptions};

/// The bound listeners with the addresses that they really got; none where the setting is off.
pub struct Bound {
    pub postgres: Option<TcpListener>,
    pub postgres_address: Option<SocketAddr>,
    pub flight: Option<TcpListener>,
    pub flight_address: Option<SocketAddr>,
    pub http: Option<TcpListener>,
    pub http_address: Option<SocketAddr>,
}

/// Binds all three or none.
pub async fn bind(settings: &ServerSettings) -> Result<Bound> {
    if settings.postgres == Listen::Off && settings.flight == Listen::Off {
        return Err(Error::configuration("both listeners for queries are off")
            .with_hint("give --postgres or --flight an address"));
    }
    let (postgres, postgres_address) = bind_one("postgres", &settings.postgres, settings.insecure).await?;
    let (flight, flight_address) = bind_one("flight", &settings.flight, settings.insecure).await?;
    let (http, http_address) = bind_one("http", &settings.http, settings.insecure).await?;
    Ok(Bound {
        postgres,
        postgres_address,
        flight,
        flight_address,
        http,
        http_address,
    })
}

async fn bind_one(name: &str, listen: &Listen, insecure: bool) -> Result<(Option<TcpListener>, Option<SocketAddr>)> {
    let Listen::At(wanted) = listen else {
        return Ok((None, None));
    };
    let addresses: Vec<SocketAddr> = lookup_host(wanted)
        .await
        .map_err(|_| cannot_listen(name, wanted, "the host's name is not known"))?
        .collect();
    if !insecure && addresses.iter().any(|address| !address.ip().is_loopback()) {
        return Err(Error::configuration(format!(
            "{name}: refusing to listen on {wanted}, which other machines can reach"
        ))
        .with_hint(
            "this version neither encrypts nor asks for passwords: listen on 127.0.0.1, or say --insecure to let \
             everybody read the data who can reach the address",
        ));
    }
    let listener = TcpListener::bind(addresses.as_slice())
        .await
        .map_err(|error| cannot_listen(name, wanted, &reason(&error)))?;
    let address = listener
        .local_addr()
        .map_err(|error| cannot_listen(name, wanted, &reason(&error)))?;
    Ok((Some(listener), Some(address)))
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

/// Starts the PostgreSQL protocol on its listener.
pub fn serve_postgres(
    tasks: &mut JoinSet<Result<()>>,
    listener: TcpListener,
    engine: &Arc<Engine>,
    settings: &ServerSettings,
    metrics: &Arc<Metrics>,
    shutdown: &Shutdown,
) {
    let default = PostgresOptions::default();
    let options = PostgresOptions {
        max_connections: settings.max_connections.unwrap_or(default.max_connections),
        max_statement_bytes: settings.max_statement_bytes.unwrap_or(default.max_statement_bytes),
        ..default
    };
    let (engine, metrics) = (Arc::clone(engine), Arc::clone(metrics));
    tasks.spawn(postgres::serve(listener, engine, options, metrics, shutdown.clone()));
}

/// Starts Flight SQL on its listener.
pub fn serve_flight(
    tasks: &mut JoinSet<Result<()>>,
    listener: TcpListener,
    engine: &Arc<Engine>,
    settings: &ServerSettings,
    metrics: &Arc<Metrics>,
    shutdown: &Shutdown,
) {
    let default = FlightOptions::default();
    let options = FlightOptions {
        max_statement_bytes: settings.max_statement_bytes.unwrap_or(default.max_statement_bytes),
        ..default
    };
    let (engine, metrics) = (Arc::clone(engine), Arc::clone(metrics));
    tasks.spawn(flight_sql::serve(listener, engine, options, metrics, shutdown.clone()));
}
