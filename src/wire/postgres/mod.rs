//! The PostgreSQL protocol, version 3: our own accept loop and state machine. Messages are measured before they are
//! decoded, rows are sent batch by batch, and whatever ends a statement drops its work.

mod authenticate;
mod connection;
mod copy;
mod decode;
mod encode;
mod extended;
mod frontend;
mod io;
mod registry;
mod rows;
mod scram;
mod simple;
mod startup;
mod transaction;
mod types;
mod utility;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{Metrics, Protocol};
use crate::session::{Engine, Session};
use crate::shutdown::Shutdown;
use crate::wire::auth::{Access, Peer};
use crate::wire::tls::{Certificate, Security};
use authenticate::Origin;
use connection::Connection;
use io::{Io, Outcome, Stop, Transport};
use registry::{Registration, Registry};
use startup::{Asked, Request};

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
    /// How long a client may take until it has said who it is and proved it.
    pub startup_timeout: Duration,
    /// Who is let in.
    pub access: Arc<Access>,
    /// What encryption the listener offers and asks for.
    pub security: Security,
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
            access: Access::without_users(),
            security: Security::default(),
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

    /// Serves one client of this machine until it leaves or the server ends.
    pub async fn connection(&self, transport: impl Transport) {
        self.connection_from(transport, Peer::Local).await;
    }

    async fn connection_from(&self, transport: impl Transport, peer: Peer) {
        let shared = &self.0;
        let _counted = Counted::new(&shared.metrics);
        let deadline = Instant::now() + shared.options.startup_timeout;
        let mut io = Io::new(transport, shared.shutdown.clone(), Arc::clone(&shared.metrics));
        let mut origin = Origin::plain(peer);
        let mut asked = Asked::default();
        loop {
            let starting = start(&mut io, shared, &origin, &mut asked);
            match until(deadline, &shared.shutdown, starting).await {
                Ok(Started::Session(session, registration)) => {
                    return Connection::new(io, shared, session, registration).run().await;
                }
                Ok(Started::Encryption(certificate)) => {
                    // A failed handshake has said all there is to say.
                    let Ok(encrypted) = io.encrypt(&certificate).await else {
                        return;
                    };
                    io = encrypted;
                    origin.encrypted = true;
                    origin.end_point = certificate.end_point.clone();
                    asked = Asked::everything();
                }
                Ok(Started::Cancelled) | Err(Stop::Disconnected) => return,
                Err(Stop::Statement(error) | Stop::Fatal(error)) => {
                    return connection::last_words(&mut io, error).await;
                }
            }
        }
    }
}

/// Where clients come from.
pub enum Listener {
    Network(TcpListener),
    /// A socket in the file system.
    Local(UnixListener),
}

impl Listener {
    async fn accept(&self) -> std::io::Result<(Box<dyn Transport>, Peer)> {
        match self {
            Self::Network(listener) => {
                let (socket, address) = listener.accept().await?;
                // Answers are sent in whole flushes; waiting for more would only delay them.
                let _ = socket.set_nodelay(true);
                Ok((Box::new(socket), Peer::Network(address.ip())))
            }
            Self::Local(listener) => {
                let (socket, _) = listener.accept().await?;
                Ok((Box::new(socket), Peer::Local))
            }
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
    let postgres = Postgres::new(engine, options, metrics, shutdown);
    postgres.serve(Listener::Network(listener)).await
}

impl Postgres {
    /// Serves the clients of a listener until the server drains and the last connection has ended.
    pub async fn serve(self, listener: Listener) -> Result<()> {
        let most_connections = self.0.options.max_connections.saturating_add(STARTING_CONNECTIONS);
        let shutdown = self.0.shutdown.clone();
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.drained() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((transport, peer)) => {
                    if connections.len() < most_connections {
                        let postgres = self.clone();
                        connections.spawn(async move { postgres.connection_from(transport, peer).await });
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

/// How far a connection has come.
enum Started {
    Session(Session, Registration),
    /// The client was told to begin TLS.
    Encryption(Arc<Certificate>),
    /// The connection brought a cancel request, which has no answer.
    Cancelled,
}

/// A client that takes too long is not waited for, and a server that stops begins nothing new.
async fn until<T>(deadline: Instant, shutdown: &Shutdown, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::select! {
        biased;
        () = shutdown.drained() => Err(Stop::Fatal(Error::new(
            ErrorKind::CannotConnectNow,
            "the database system is shutting down",
        ))),
        () = tokio::time::sleep_until(deadline) => Err(Stop::Disconnected),
        done = work => done,
    }
}

async fn start(io: &mut Io, shared: &Shared, origin: &Origin, asked: &mut Asked) -> Outcome<Started> {
    let security = &shared.options.security;
    let parameters = match startup::negotiate(io, asked, security.tls.is_some()).await? {
        Request::Cancel { pid, secret } => {
            shared.registry.cancel(pid, secret);
            return Ok(Started::Cancelled);
        }
        Request::Encryption => {
            let tls = security.tls.as_ref().ok_or(Stop::Disconnected)?;
            return Ok(Started::Encryption(tls.current()));
        }
        Request::Session(parameters) => parameters,
    };
    if security.tls_required && !origin.encrypted && origin.peer != Peer::Local {
        return Err(Stop::Fatal(authenticate::not_encrypted(&parameters, origin.peer)));
    }
    let access = &shared.options.access;
    let identity = authenticate::authenticate(io, access, origin, &parameters).await?;
    startup::check_database(&parameters.database)?;
    let registration = shared.registry.register(shared.options.max_connections)?;
    let registration =
        registration.ok_or_else(|| Error::new(ErrorKind::TooManyConnections, "sorry, too many clients already"))?;
    let mut session = shared.engine.session_of(identity);
    startup::apply_settings(&mut session, &parameters)?;
    Ok(Started::Session(session, registration))
}
