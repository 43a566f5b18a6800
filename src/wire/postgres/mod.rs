//! The PostgreSQL protocol, version 3: our own accept loop and state machine. Messages are measured before they are
//! decoded, rows are sent batch by batch, and whatever ends a statement drops its work.

mod authenticate;
mod connection;
mod copy;
mod copy_in;
mod copy_options;
mod copy_records;
mod decode;
mod encode;
mod extended;
mod frontend;
mod io;
mod rows;
mod scram;
mod simple;
mod startup;
mod transaction;
mod types;
mod utility;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures::FutureExt;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{Metrics, Protocol};
use crate::session::{Client, Engine, Registration, Session, panic_text};
use crate::shutdown::Shutdown;
use crate::wire::auth::{Access, Peer};
use crate::wire::error_codes::for_client;
use crate::wire::tls::{Certificate, Security};
use authenticate::Origin;
use connection::Connection;
use io::{Io, Outcome, Stop, Transport};
use startup::{Asked, Request};

/// What may wait in the kernel for its turn to be sent: two flushes, so that it is never idle.
const UNSENT_BYTES: u32 = 2 * io::FLUSH_BYTES as u32;
/// How many connections may be in their start-up, or bring cancel requests, beyond those that are let in.
const STARTING_CONNECTIONS: usize = 100;

/// What clients may ask of the protocol.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// The longest message with parameters' values.
    pub max_message_bytes: usize,
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
            max_message_bytes: 16 << 20,
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
}

impl Postgres {
    pub fn new(engine: Arc<Engine>, options: PostgresOptions, metrics: Arc<Metrics>, shutdown: Shutdown) -> Self {
        Self(Arc::new(Shared {
            engine,
            options,
            metrics,
            shutdown,
        }))
    }

    /// Serves one client of this machine until it leaves or the server ends.
    pub async fn connection(&self, transport: impl Transport) {
        self.connection_from(transport, Peer::Local).await;
    }

    /// A bug in here ends this connection and no other.
    async fn connection_from(&self, transport: impl Transport, peer: Peer) {
        let served = AssertUnwindSafe(self.serve_connection(transport, peer)).catch_unwind();
        if let Err(panic) = served.await {
            let words = panic_text(panic.as_ref());
            for_client(Error::internal(format!("panic in a connection: {words}")));
            self.0.metrics.note_error(ErrorKind::Internal);
        }
    }

    async fn serve_connection(&self, transport: impl Transport, peer: Peer) {
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
                keep_short(&socket);
                Ok((Box::new(socket), Peer::Network(address.ip())))
            }
            Self::Local(listener) => {
                let (socket, _) = listener.accept().await?;
                Ok((Box::new(socket), Peer::Local))
            }
        }
    }
}

/// Keeps what waits in the kernel to be sent short: rows that the kernel has taken cannot be called back, so that with
/// the megabytes that it takes by default the error of a cancelled query would come long after the cancel. What is on
/// its way and not yet acknowledged is not bounded by this, so that distance costs no speed.
fn keep_short(socket: &TcpStream) {
    #[cfg(any(target_os = "android", target_os = "linux"))]
    let _ = socket2::SockRef::from(socket).set_tcp_notsent_lowat(UNSENT_BYTES);
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    let _ = socket;
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
                    let most = self.0.engine.limits().max_connections;
                    if connections.len() < most.saturating_add(STARTING_CONNECTIONS) {
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
    Session(Session, Arc<Registration>),
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
            shared.engine.sessions().cancel_with_secret(pid, secret);
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
    let client = Client {
        user: identity.user.clone(),
        protocol: "postgres",
        address: origin.peer.address(),
    };
    let sessions = shared.engine.sessions();
    let registration = Arc::new(sessions.register(client, &shared.engine.limits())?);
    let mut session = shared.engine.session_of(identity);
    session.attach(Arc::clone(&registration));
    startup::apply_settings(&mut session, &parameters)?;
    Ok(Started::Session(session, registration))
}
