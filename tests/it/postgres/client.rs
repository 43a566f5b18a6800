//! A server on a free port and a client that sends exactly what a test wants.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use mission_control::metrics::Metrics;
use mission_control::server::QueryRuntime;
use mission_control::session::{Engine, EngineOptions, Limits};
use mission_control::shutdown::Shutdown;
use mission_control::wire::postgres::{PostgresOptions, serve};
use tokio::runtime::Runtime;

/// A server with an empty catalog; it ends with the value.
pub struct Server {
    pub port: u16,
    pub shutdown: Shutdown,
    pub metrics: Arc<Metrics>,
    pub engine: Arc<Engine>,
    runtime: Option<Runtime>,
    queries: QueryRuntime,
    served: Option<tokio::task::JoinHandle<mission_control::error::Result<()>>>,
}

impl Server {
    pub fn start() -> Self {
        Self::with(PostgresOptions::default())
    }

    pub fn with(options: PostgresOptions) -> Self {
        Self::with_limits(options, Limits::default())
    }

    pub fn with_limits(options: PostgresOptions, limits: Limits) -> Self {
        let engine_options = EngineOptions {
            limits,
            ..EngineOptions::default()
        };
        Self::with_engine(options, engine_options)
    }

    pub fn with_engine(options: PostgresOptions, engine_options: EngineOptions) -> Self {
        // As in the program, queries have a runtime of their own: a busy one must not keep the listener from its work.
        let queries = QueryRuntime::new().unwrap();
        let runtime = {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let stack_bytes = mission_control::server::THREAD_STACK_BYTES;
            builder
                .worker_threads(2)
                .thread_stack_size(stack_bytes)
                .enable_all()
                .build()
                .unwrap()
        };
        let engine = Engine::new(engine_options, queries.handle()).unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (shutdown, metrics) = (Shutdown::new(), Arc::new(Metrics::default()));
        let serving = serve(
            listener,
            Arc::clone(&engine),
            options,
            Arc::clone(&metrics),
            shutdown.clone(),
        );
        let served = Some(runtime.spawn(serving));
        Self {
            port,
            shutdown,
            metrics,
            engine,
            runtime: Some(runtime),
            queries,
            served,
        }
    }

    /// A raw connection that has sent nothing yet.
    pub fn connect(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client { stream, key: None }
    }

    /// A connection that has been greeted.
    pub fn session(&self) -> Client {
        let mut client = self.connect();
        client.startup(196_608, &[("user", "me"), ("database", "mission_control")]);
        let greeting = client.until_ready();
        assert_eq!(greeting.first().map(|message| message.kind), Some('R'), "{greeting:?}");
        let key = greeting.iter().find(|message| message.kind == 'K').unwrap();
        client.key = Some(key.body.clone());
        client
    }

    /// How many tasks of queries there are.
    pub fn tasks_alive(&self) -> usize {
        self.queries.handle().metrics().num_alive_tasks()
    }

    pub fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.runtime.as_ref().unwrap().block_on(work)
    }

    /// Waits until the listener and all its connections have ended.
    pub fn wait_until_ended(&mut self) {
        let (runtime, served) = (self.runtime.as_ref().unwrap(), self.served.take().unwrap());
        let ended = async { tokio::time::timeout(Duration::from_secs(10), served).await };
        runtime.block_on(ended).expect("the server ends").unwrap().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.end();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A message from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub kind: char,
    pub body: Vec<u8>,
}

impl Message {
    /// A field of an error or notice.
    pub fn field(&self, code: u8) -> Option<String> {
        self.body
            .split(|byte| *byte == 0)
            .find(|field| field.first() == Some(&code))
            .map(|field| String::from_utf8_lossy(&field[1..]).into_owned())
    }

    pub fn sqlstate(&self) -> String {
        assert_eq!(self.kind, 'E', "{self:?}");
        self.field(b'C').unwrap()
    }

    /// The text of the only or first column of a DataRow.
    pub fn value(&self) -> String {
        assert_eq!(self.kind, 'D', "{self:?}");
        String::from_utf8_lossy(&self.body[6..]).into_owned()
    }

    /// A command tag.
    pub fn tag(&self) -> String {
        assert_eq!(self.kind, 'C', "{self:?}");
        String::from_utf8_lossy(&self.body[..self.body.len() - 1]).into_owned()
    }
}

/// The types of messages, one letter each.
pub fn kinds(messages: &[Message]) -> String {
    messages.iter().map(|message| message.kind).collect()
}

pub struct Client {
    stream: TcpStream,
    pub key: Option<Vec<u8>>,
}

impl Client {
    /// A raw connection to an address that has sent nothing yet.
    pub fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream, key: None }
    }

    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.stream.write_all(bytes).unwrap();
        self
    }

    /// Sends what the server may refuse to read to its end.
    pub fn try_raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    pub fn startup(&mut self, version: i32, parameters: &[(&str, &str)]) -> &mut Self {
        let mut body = version.to_be_bytes().to_vec();
        for (name, value) in parameters {
            for text in [name, value] {
                body.extend_from_slice(text.as_bytes());
                body.push(0);
            }
        }
        body.push(0);
        let mut packet = (body.len() as i32 + 4).to_be_bytes().to_vec();
        packet.extend_from_slice(&body);
        self.raw(&packet)
    }

    pub fn message(&mut self, kind: u8, body: &[u8]) -> &mut Self {
        let mut message = vec![kind];
        message.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
        message.extend_from_slice(body);
        self.raw(&message)
    }

    pub fn query(&mut self, sql: &str) -> Vec<Message> {
        self.message(b'Q', &[sql.as_bytes(), b"\0"].concat());
        self.until_ready()
    }

    pub fn parse(&mut self, name: &str, sql: &str, oids: &[u32]) -> &mut Self {
        let mut body = [name.as_bytes(), b"\0", sql.as_bytes(), b"\0"].concat();
        body.extend_from_slice(&(oids.len() as u16).to_be_bytes());
        for oid in oids {
            body.extend_from_slice(&oid.to_be_bytes());
        }
        self.message(b'P', &body)
    }

    /// Binds text parameters.
    pub fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        values: &[Option<&str>],
        result_formats: &[i16],
    ) -> &mut Self {
        let mut body = [portal.as_bytes(), b"\0", statement.as_bytes(), b"\0\0\0"].concat();
        body.extend_from_slice(&(values.len() as u16).to_be_bytes());
        for value in values {
            match value {
                Some(text) => {
                    body.extend_from_slice(&(text.len() as i32).to_be_bytes());
                    body.extend_from_slice(text.as_bytes());
                }
                None => body.extend_from_slice(&(-1i32).to_be_bytes()),
            }
        }
        body.extend_from_slice(&(result_formats.len() as u16).to_be_bytes());
        for format in result_formats {
            body.extend_from_slice(&format.to_be_bytes());
        }
        self.message(b'B', &body)
    }

    pub fn describe(&mut self, kind: u8, name: &str) -> &mut Self {
        self.message(b'D', &[&[kind], name.as_bytes(), b"\0"].concat())
    }

    pub fn execute(&mut self, portal: &str, max_rows: i32) -> &mut Self {
        self.message(b'E', &[portal.as_bytes(), b"\0", &max_rows.to_be_bytes()].concat())
    }

    pub fn sync(&mut self) -> Vec<Message> {
        self.message(b'S', b"");
        self.until_ready()
    }

    /// The next message; `None` at the end of the connection.
    pub fn next(&mut self) -> Option<Message> {
        let mut head = [0u8; 5];
        self.stream.read_exact(&mut head).ok()?;
        let length = i32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0u8; length as usize - 4];
        self.stream.read_exact(&mut body).ok()?;
        Some(Message {
            kind: head[0] as char,
            body,
        })
    }

    pub fn byte(&mut self) -> u8 {
        let mut one = [0u8];
        self.stream.read_exact(&mut one).unwrap();
        one[0]
    }

    /// All messages up to ReadyForQuery, or to the connection's end.
    pub fn until_ready(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.next() {
            let ready = message.kind == 'Z';
            messages.push(message);
            if ready {
                break;
            }
        }
        messages
    }

    /// The connection's last word: an error, then the end.
    pub fn fatal(&mut self) -> Message {
        let mut last = self.next().expect("an error before the end");
        while last.kind != 'E' {
            last = self.next().expect("an error before the end");
        }
        assert_eq!(last.field(b'S').as_deref(), Some("FATAL"), "{last:?}");
        assert_eq!(self.next(), None, "nothing follows a fatal error");
        last
    }
}
