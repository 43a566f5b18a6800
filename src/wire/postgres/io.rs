//! A connection's two directions: messages are framed and measured before anything decodes them, answers are gathered
//! and flushed, and while a statement works the socket is watched for the client's leaving.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::{Buf, Bytes, BytesMut};
use pgwire::messages::Message as Encode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::frontend::{self, SMALL_MESSAGE_BYTES, Size};
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{Metrics, Protocol};
use crate::session::Running;
use crate::shutdown::Shutdown;
use crate::wire::tls::{Certificate, Inside};

/// How much is read ahead while a statement runs; more waits in the kernel and slows the client down.
const READ_AHEAD_BYTES: usize = 256 * 1024;
const READ_STEP_BYTES: usize = 16 * 1024;
/// Answers beyond this are sent without waiting for Sync or Flush.
pub const FLUSH_BYTES: usize = 64 * 1024;

/// Why a statement or a connection does not go on.
#[derive(Debug)]
pub enum Stop {
    /// The statement failed; the connection lives on.
    Statement(Error),
    /// The connection ends with this last word.
    Fatal(Error),
    /// The client is gone.
    Disconnected,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Statement(error)
    }
}

impl From<std::io::Error> for Stop {
    fn from(_: std::io::Error) -> Self {
        Self::Disconnected
    }
}

/// The result of work that a client's leaving or the server's end can stop.
pub type Outcome<T = ()> = std::result::Result<T, Stop>;

/// A framed message: its type and its body, or the notice that the body was longer than allowed and was thrown away.
pub enum Frame {
    Message(u8, Bytes),
    TooLong { type_byte: u8, allowed_bytes: usize },
}

/// What carries a connection's bytes: a socket, or a test's pair of buffers.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for T {}

/// How long messages may be.
#[derive(Debug, Clone, Copy)]
pub struct MessageSizes {
    pub statement_bytes: usize,
    pub values_bytes: usize,
}

pub struct Io {
    reader: ReadHalf<Box<dyn Transport>>,
    writer: WriteHalf<Box<dyn Transport>>,
    inbox: BytesMut,
    outbox: BytesMut,
    /// Bytes of an oversized message that are still to be thrown away, and what to say then.
    discarding: Option<(usize, Frame)>,
    shutdown: Shutdown,
    metrics: Arc<Metrics>,
}

impl Io {
    pub fn new(transport: impl Transport, shutdown: Shutdown, metrics: Arc<Metrics>) -> Self {
        let (reader, writer) = tokio::io::split(Box::new(transport) as Box<dyn Transport>);
        Self {
            reader,
            writer,
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            discarding: None,
            shutdown,
            metrics,
        }
    }

    /// Reads more. Keeps what it has when it is dropped half-way.
    async fn fill(&mut self) -> Outcome {
        self.inbox.reserve(READ_STEP_BYTES);
        match self.reader.read_buf(&mut self.inbox).await? {
            0 => Err(Stop::Disconnected),
            _ => Ok(()),
        }
    }

    /// A packet of the start-up phase, which has a length and no type.
    pub async fn startup_packet(&mut self) -> Outcome<Bytes> {
        while self.inbox.len() < 4 {
            self.fill().await?;
        }
        let length = i32::from_be_bytes([self.inbox[0], self.inbox[1], self.inbox[2], self.inbox[3]]);
        let length = usize::try_from(length).unwrap_or(0);
        if !(8..=SMALL_MESSAGE_BYTES).contains(&length) {
            return Err(Stop::Fatal(frontend::violation("invalid length of startup packet")));
        }
        while self.inbox.len() < length {
            self.fill().await?;
        }
        let mut packet = self.inbox.split_to(length).freeze();
        packet.advance(4);
        Ok(packet)
    }

    /// The body of the next message, which has to be one with authentication data.
    pub async fn password_message(&mut self) -> Outcome<Bytes> {
        while self.inbox.len() < 5 {
            self.fill().await?;
        }
        let type_byte = self.inbox[0];
        if type_byte != b'p' {
            let error = frontend::violation(format!("expected SASL response, got message type {type_byte}"));
            return Err(Stop::Fatal(error));
        }
        let length = i32::from_be_bytes([self.inbox[1], self.inbox[2], self.inbox[3], self.inbox[4]]);
        let length = usize::try_from(length).unwrap_or(0);
        if !(4..=SMALL_MESSAGE_BYTES).contains(&length) {
            return Err(Stop::Fatal(frontend::violation("invalid message length")));
        }
        while self.inbox.len() < 1 + length {
            self.fill().await?;
        }
        self.inbox.advance(5);
        Ok(self.inbox.split_to(length - 4).freeze())
    }

    /// The same connection inside TLS. Nothing that was read before may get inside with it: see `has_unread`.
    pub async fn encrypt(self, certificate: &Certificate) -> std::io::Result<Self> {
        let transport = self.reader.unsplit(self.writer);
        let encrypted = certificate.accept(Inside::Postgres, transport).await?;
        Ok(Self::new(encrypted, self.shutdown, self.metrics))
    }

    /// Whether the client sent more than was asked for.
    pub fn has_unread(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// The next message. Can be dropped while it waits without losing a byte.
    pub async fn frame(&mut self, most: MessageSizes) -> Outcome<Frame> {
        loop {
            if let Some(frame) = self.buffered_frame(most)? {
                return Ok(frame);
            }
            self.fill().await?;
        }
    }

    /// The next message while a statement waits for it; see [`Watch`].
    pub async fn frame_watched(&mut self, most: MessageSizes, watch: &Watch) -> Outcome<Frame> {
        let shutdown = self.shutdown.clone();
        tokio::select! {
            biased;
            stop = watch.stopped(&shutdown) => Err(stop),
            frame = self.frame(most) => frame,
        }
    }

    fn buffered_frame(&mut self, most: MessageSizes) -> Outcome<Option<Frame>> {
        if let Some((left, _)) = &mut self.discarding {
            let now = self.inbox.len().min(*left);
            self.inbox.advance(now);
            *left -= now;
            if *left > 0 {
                return Ok(None);
            }
            return Ok(self.discarding.take().map(|(_, frame)| frame));
        }
        let Some(&type_byte) = self.inbox.first() else {
            return Ok(None);
        };
        let Some(class) = frontend::size_class(type_byte) else {
            let error = frontend::violation(format!("invalid frontend message type {type_byte}"));
            return Err(Stop::Fatal(error));
        };
        let Some(length) = self.inbox.get(1..5) else {
            return Ok(None);
        };
        let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
        let body_bytes = match usize::try_from(length).ok().and_then(|length| length.checked_sub(4)) {
            Some(bytes) if class != Size::Small || bytes <= SMALL_MESSAGE_BYTES => bytes,
            _ => return Err(Stop::Fatal(frontend::violation("invalid message length"))),
        };
        let allowed_bytes = match class {
            Size::Small => SMALL_MESSAGE_BYTES,
            // A statement comes with its NUL, and in Parse with a name and the types of its parameters.
            Size::Statement => most.statement_bytes.saturating_add(SMALL_MESSAGE_BYTES),
            Size::Values => most.values_bytes,
        };
        if body_bytes > allowed_bytes {
            self.inbox.advance(5);
            let allowed_bytes = match class {
                Size::Statement => most.statement_bytes,
                _ => most.values_bytes,
            };
            let frame = Frame::TooLong {
                type_byte,
                allowed_bytes,
            };
            self.discarding = Some((body_bytes, frame));
            return self.buffered_frame(most);
        }
        if self.inbox.len() < 5 + body_bytes {
            return Ok(None);
        }
        self.inbox.advance(5);
        Ok(Some(Frame::Message(
            type_byte,
            self.inbox.split_to(body_bytes).freeze(),
        )))
    }

    /// Adds a message to the answers.
    pub fn put(&mut self, message: &impl Encode) -> Result<()> {
        message
            .encode(&mut self.outbox)
            .map_err(|error| Error::internal(format!("a message does not encode: {error}")))
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Where rows are written to.
    pub fn outbox(&mut self) -> &mut BytesMut {
        &mut self.outbox
    }

    /// Sends all answers, not watched by anybody: for the start-up and for last words.
    pub async fn flush(&mut self) -> Outcome {
        self.metrics
            .protocol(Protocol::Postgres)
            .bytes_sent_total
            .fetch_add(self.outbox.len() as u64, Relaxed);
        while self.outbox.has_remaining() {
            self.writer.write_buf(&mut self.outbox).await?;
        }
        self.give_back_room();
        Ok(())
    }

    fn give_back_room(&mut self) {
        if self.outbox.is_empty() && self.outbox.capacity() > 16 * FLUSH_BYTES {
            self.outbox = BytesMut::new();
        }
    }

    /// Sends all answers while a statement runs; see [`Watch`].
    pub async fn flush_watched(&mut self, watch: &Watch) -> Outcome {
        watch.running.sent_bytes(self.outbox.len() as u64);
        self.metrics
            .protocol(Protocol::Postgres)
            .bytes_sent_total
            .fetch_add(self.outbox.len() as u64, Relaxed);
        while self.outbox.has_remaining() {
            let read_ahead = self.inbox.len() < READ_AHEAD_BYTES;
            self.inbox.reserve(READ_STEP_BYTES);
            tokio::select! {
                biased;
                stop = watch.stopped(&self.shutdown) => return Err(stop),
                written = self.writer.write_buf(&mut self.outbox) => { written?; }
                read = self.reader.read_buf(&mut self.inbox), if read_ahead => {
                    if read? == 0 {
                        return Err(Stop::Disconnected);
                    }
                }
            }
        }
        self.give_back_room();
        Ok(())
    }

    /// Does a statement's work until it is done or something ends it: a cancel request, its deadline, the client's
    /// leaving, the server's end. What is ended is dropped, and dropping it stops it.
    pub async fn attend<T>(&mut self, watch: &Watch, work: impl Future<Output = Result<T>>) -> Outcome<T> {
        let mut work = std::pin::pin!(work);
        loop {
            let read_ahead = self.inbox.len() < READ_AHEAD_BYTES;
            self.inbox.reserve(READ_STEP_BYTES);
            tokio::select! {
                biased;
                stop = watch.stopped(&self.shutdown) => return Err(stop),
                done = &mut work => return done.map_err(Stop::Statement),
                read = self.reader.read_buf(&mut self.inbox), if read_ahead => {
                    if read? == 0 {
                        return Err(Stop::Disconnected);
                    }
                }
            }
        }
    }

    /// Says goodbye: everything out, then the end of the stream.
    pub async fn close(&mut self) {
        let last_words = async {
            if self.flush().await.is_ok() {
                let _ = self.writer.shutdown().await;
            }
        };
        // A client that does not read cannot hold the connection open.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), last_words).await;
    }
}

/// What can end a running statement from outside.
#[derive(Debug, Clone)]
pub struct Watch {
    pub running: Arc<Running>,
    pub deadline: Option<Instant>,
    /// An administrator ends the connection.
    pub terminated: CancellationToken,
}

impl Watch {
    async fn stopped(&self, shutdown: &Shutdown) -> Stop {
        let deadline = async {
            match self.deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shutdown.ended() => Stop::Fatal(shutting_down()),
            () = self.terminated.cancelled() => Stop::Fatal(shutting_down()),
            cause = self.running.cancelled() => Stop::Statement(cause),
            () = deadline => Stop::Statement(Error::new(
                ErrorKind::StatementTimeout,
                "canceling statement due to statement timeout",
            )),
        }
    }
}

pub fn shutting_down() -> Error {
    Error::new(
        ErrorKind::AdminShutdown,
        "terminating connection due to administrator command",
    )
}
