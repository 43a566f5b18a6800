//! Accepting connections and counting those that are open.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::metrics::{Metrics, Protocol};

/// How long to wait when the system gives no more connections, so that trying again does not take a whole core.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Every connection that comes in, for ever.
pub fn incoming(listener: TcpListener, metrics: Arc<Metrics>) -> impl Stream<Item = io::Result<Connection>> {
    futures::stream::unfold((listener, metrics), |(listener, metrics)| async move {
        loop {
            match listener.accept().await {
                Ok((socket, _)) => {
                    // Without it small answers wait for the client's acknowledgement; a socket that refuses still works.
                    let _ = socket.set_nodelay(true);
                    let connection = Connection::open(socket, &metrics);
                    return Some((Ok(connection), (listener, metrics)));
                }
                Err(error) => {
                    tracing::warn!(%error, "a flight connection was not accepted");
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    })
}

/// A socket that counts as an open connection as long as it lives.
pub struct Connection {
    socket: TcpStream,
    metrics: Arc<Metrics>,
}

impl Connection {
    fn open(socket: TcpStream, metrics: &Arc<Metrics>) -> Self {
        let counts = metrics.protocol(Protocol::Flight);
        counts.connections_open.fetch_add(1, Relaxed);
        counts.connections_total.fetch_add(1, Relaxed);
        Self {
            socket,
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
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.socket.connect_info()
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
