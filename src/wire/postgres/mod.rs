//! The PostgreSQL protocol, version 3: our own accept loop and state machine. Messages are measured before they are
//! decoded, rows are sent batch by batch, and whatever ends a statement drops its work.

mod connection;
mod copy;
mod decode;
mod encode;
mod extended;
mod frontend;
mod io;
mod registry;
mod rows;
mod simple;
mod startup;
mod transaction;
mod types;
mod utility;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{Metrics, Protocol};
use crate::session::{Engine, Session};
use crate::shutdown::Shutdown;
use connection::Connection;
use io::{Io, Outcome, Stop, Transport};
use registry::{Registration, Registry};
use startup::Request;

/// How many connections may be in their start-up, or bring cancel requests, beyond those that are let in.
const STARTING_CONNECTIONS: usize = 100;

/// What clients may ask of the protocol.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Connections at one time.
    pub max_connections: usize,
    /// The longest text of a query string.
    pub max_statement_bytes: usize,
    /// The longest message with parameters' values.
    pub max_message_bytes: usize,
    /// Prepared statements per connection.
    pub max_prepared_statements: usize,
    /// Portals and cursors per connection.
    pub max_portals: usize,
    /// How long a client may take until it has said who it is.
    pub startup_timeout: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            max_connections: 400,
            max_statement_bytes: 8 << 20,
            max_message_bytes: 16 << 20,
            max_prepared_statements: 1000,
            max_portals: 200,
            startup_timeout: Duration::from_secs(30),
        }
    }
}

/// Serves connections, wherever they come from.
#[derive(Clone)]
pub struct Postgres(Arc<Shared>);

/// What all connections of a listener share.
struct Shared {
    engine: Arc<Engine>,
    options: PostgresOptions,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
    registry: Arc<Registry>,
}

impl Postgres {
    pub fn new(engine: Arc<Engine>, options: PostgresOptions, metrics: Arc<Metrics>, shutdown: Shutdown) -> Self {
        Self(Arc::new(Shared {
            engine,
            options,
            metrics,
            shutdown,
            registry: Arc::default(),
        }))
    }

    /// Serves one client until it leaves or the server ends.
    pub async fn connection(&self, transport: impl Transport) {
        let shared = &self.0;
        let _counted = Counted::new(&shared.metrics);
        let mut io = Io::new(transport, shared.shutdown.clone(), Arc::clone(&shared.metrics));
        match start(&mut io, shared).await {
            Ok(Some((session, registration))) => Connection::new(io, shared, session, registration).run().await,
            Ok(None) | Err(Stop::Disconnected) => {}
            Err(Stop::Statement(error) | Stop::Fatal(error)) => connection::last_words(&mut io, error).await,
        }
    }
}

/// Serves clients until the server drains and the last connection has ended.
pub async fn serve(
    listener: TcpListener,
    engine: Arc<Engine>,
    options: PostgresOptions,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
) -> Result<()> {
    let postgres = Postgres::new(engine, options, metrics, shutdown.clone());
    let most_connections = postgres.0.options.max_connections.saturating_add(STARTING_CONNECTIONS);
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.drained() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, _)) => {
                if connections.len() < most_connections {
                    // Answers are sent in whole flushes; waiting for more would only delay them.
                    let _ = socket.set_nodelay(true);
                    let postgres = postgres.clone();
                    connections.spawn(async move { postgres.connection(socket).await });
                }
            }
            Err(error) => {
                // Out of file handles, or the client left already: neither may end the listener.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
    Ok(())
}

/// Counts an open connection for as long as it lives, however it ends.
struct Counted(Arc<Metrics>);

impl Counted {
    fn new(metrics: &Arc<Metrics>) -> Self {
        let counts = metrics.protocol(Protocol::Postgres);
        counts.connections_open.fetch_add(1, Relaxed);
        counts.connections_total.fetch_add(1, Relaxed);
        Self(Arc::clone(metrics))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0
            .protocol(Protocol::Postgres)
            .connections_open
            .fetch_sub(1, Relaxed);
    }
}

/// The start-up of a connection, within its time. `None` after a cancel request, which has no answer.
async fn start(io: &mut Io, shared: &Shared) -> Outcome<Option<(Session, Registration)>> {
    let negotiated = tokio::select! {
        biased;
        () = shared.shutdown.drained() => return Err(Stop::Fatal(Error::new(
            ErrorKind::CannotConnectNow,
            "the database system is shutting down",
        ))),
        () = tokio::time::sleep(shared.options.startup_timeout) => return Err(Stop::Disconnected),
        negotiated = startup::negotiate(io) => negotiated?,
    };
    match negotiated {
        Request::Cancel { pid, secret } => {
            shared.registry.cancel(pid, secret);
            Ok(None)
        }
        Request::Session(parameters) => {
            startup::check_database(&parameters.database)?;
            let registration = shared.registry.register(shared.options.max_connections)?;
            let registration = registration
                .ok_or_else(|| Error::new(ErrorKind::TooManyConnections, "sorry, too many clients already"))?;
            let mut session = shared.engine.session(&parameters.user);
            startup::apply_settings(&mut session, &parameters)?;
            Ok(Some((session, registration)))
        }
    }
}
