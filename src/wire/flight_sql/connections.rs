//! Accepting connections and counting those that are open.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use crate::error::Result;
use crate::metrics::{Metrics, Protocol};
use crate::session::{Client, Engine, Registration};
use crate::wire::auth::Peer;
use crate::wire::stream;
use crate::wire::tls::{Inside, Security};

/// How long to wait when the system gives no more connections, so that trying again does not take a whole core.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
/// How many clients may be shaking hands at one time.
const MOST_HANDSHAKES: usize = 200;

/// Every connection that comes in and, where the listener asks for it, shakes hands, for ever. Handshakes go on beside
/// each other, so that a slow client keeps nobody waiting.
pub fn incoming(
    listener: TcpListener,
    security: Security,
    metrics: Arc<Metrics>,
) -> impl Stream<Item = io::Result<Connection>> {
    let (ready, connections) = mpsc::channel(1);
    tokio::spawn(accept_all(listener, security, metrics, ready));
    ReceiverStream::new(connections)
}

/// Ends when nobody takes connections any more.
async fn accept_all(
    listener: TcpListener,
    security: Security,
    metrics: Arc<Metrics>,
    ready: mpsc::Sender<io::Result<Connection>>,
) {
    let handshakes = Arc::new(Semaphore::new(MOST_HANDSHAKES));
    loop {
        let accepted = tokio::select! {
            () = ready.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "a flight connection was not accepted");
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                continue;
            }
        };
        // Beyond the limit the connection is closed without an answer.
        let Ok(slot) = Arc::clone(&handshakes).try_acquire_owned() else {
            continue;
        };
        let (security, metrics, ready) = (security.clone(), Arc::clone(&metrics), ready.clone());
        tokio::spawn(async move {
            // Without it small answers wait for the client's acknowledgement; a socket that refuses still works.
            let _ = socket.set_nodelay(true);
            match security.accept(Inside::Flight, socket).await {
                Ok(stream) => {
                    let connection = Connection::open(stream, &metrics);
                    drop(slot);
                    let _ = ready.send(Ok(connection)).await;
                }
                Err(error) => tracing::debug!(%error, "a flight connection did not come about"),
            }
        });
    }
}

/// Where a connection's calls come from. Each user among them has a place among the server's sessions as long as the
/// connection lives.
#[derive(Debug, Clone)]
pub struct Origin {
    pub peer: Peer,
    places: Arc<Mutex<HashMap<String, Arc<Registration>>>>,
}

impl Origin {
    /// The user's place, taken at the user's first call, if there is room for one more.
    pub fn place(&self, engine: &Engine, user: &str) -> Result<Arc<Registration>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(user)
            && !place.terminated().is_cancelled()
        {
            return Ok(Arc::clone(place));
        }
        places.remove(user);
        let client = Client {
            user: user.to_string(),
            protocol: "flight",
            address: self.peer.address(),
        };
        let place = Arc::new(engine.sessions().register(client, &engine.limits())?);
        places.insert(user.to_string(), Arc::clone(&place));
        Ok(place)
    }
}

/// A socket that counts as an open connection as long as it lives.
pub struct Connection {
    socket: stream::Stream,
    origin: Origin,
    metrics: Arc<Metrics>,
}

impl Connection {
    fn open(socket: stream::Stream, metrics: &Arc<Metrics>) -> Self {
        let counts = metrics.protocol(Protocol::Flight);
        counts.connections_open.fetch_add(1, Relaxed);
        counts.connections_total.fetch_add(1, Relaxed);
        let address = socket.socket().peer_addr();
        let origin = Origin {
            // Who cannot be placed is taken for a stranger.
            peer: Peer::Network(address.map_or(Ipv4Addr::UNSPECIFIED.into(), |address| address.ip())),
            places: Arc::default(),
        };
        Self {
            socket,
            origin,
            metrics: Arc::clone(metrics),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.metrics
            .protocol(Protocol::Flight)
            .connections_open
            .fetch_sub(1, Relaxed);
    }
}

impl Connected for Connection {
    type ConnectInfo = Origin;

    fn connect_info(&self) -> Origin {
        self.origin.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}
