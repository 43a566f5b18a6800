//! One client's connection: its session, its transaction, its named statements and portals, and the loop over its
//! messages.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use pgwire::messages::response::{ErrorResponse, NoticeResponse, ReadyForQuery};
use pgwire::messages::startup::{Authentication, BackendKeyData, ParameterStatus, SecretKey};
use tokio_util::sync::CancellationToken;

use super::frontend::{self, Message};
use super::io::{Frame, Io, Outcome, Stop, Watch, shutting_down};
use super::registry::Registration;
use super::rows::Rows;
use super::transaction::Transaction;
use super::types::Format;
use super::{PostgresOptions, Shared};
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{Metrics, Protocol};
use crate::session::{Prepared, Session, Settings};
use crate::shutdown::Shutdown;
use crate::wire::error_codes::{self, sqlstate};

/// The settings whose values clients are told at the start and at every change.
const REPORTED: [&str; 13] = [
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

/// A statement with a name (the empty one included) that Bind and EXECUTE refer to.
#[derive(Debug)]
pub struct NamedStatement {
    /// `None` for an empty query string.
    pub prepared: Option<Prepared>,
    /// The types of the parameters, as the client declared them or as they were inferred.
    pub parameter_oids: Vec<u32>,
    /// For DECLARE, whose query may have parameters: that query.
    pub cursor_query: Option<Prepared>,
}

impl NamedStatement {
    /// A query string without a statement.
    pub fn empty(parameter_oids: Vec<u32>) -> Self {
        Self {
            prepared: None,
            parameter_oids,
            cursor_query: None,
        }
    }

    pub fn parameter_types(&self) -> &[DataType] {
        let query = self.cursor_query.as_ref().or(self.prepared.as_ref());
        query.map_or(&[], |prepared| &prepared.parameter_types)
    }
}

/// A statement with its parameters' values, running or ready to: what Execute and FETCH take rows from.
pub struct Portal {
    pub statement: Arc<NamedStatement>,
    pub parameters: Vec<ScalarValue>,
    pub formats: Vec<Format>,
    pub state: PortalState,
    /// Survives the end of its transaction (WITH HOLD).
    pub hold: bool,
    /// The transaction that made it has ended, so a ROLLBACK does not take it away any more.
    pub committed: bool,
}

pub enum PortalState {
    Ready,
    Running(Rows),
    /// FETCH in a portal of its own: how many of the cursor's rows are still to come.
    Fetching(Option<u64>),
    Finished,
}

pub struct Connection {
    pub io: Io,
    pub session: Session,
    pub options: PostgresOptions,
    pub metrics: Arc<Metrics>,
    pub transaction: Transaction,
    pub statements: HashMap<String, Arc<NamedStatement>>,
    pub portals: HashMap<String, Portal>,
    pub watch: Watch,
    registration: Registration,
    shutdown: Shutdown,
    /// After an error in the extended protocol everything up to the next Sync is passed over.
    skipping: bool,
    reported: Vec<String>,
}

impl Connection {
    pub fn new(io: Io, shared: &Shared, session: Session, registration: Registration) -> Self {
        let watch = Watch {
            cancel: CancellationToken::new(),
            deadline: None,
        };
        Self {
            io,
            session,
            options: shared.options.clone(),
            metrics: Arc::clone(&shared.metrics),
            transaction: Transaction::default(),
            statements: HashMap::new(),
            portals: HashMap::new(),
            watch,
            registration,
            shutdown: shared.shutdown.clone(),
            skipping: false,
            reported: Vec::new(),
        }
    }

    /// Greets the client and serves it until it leaves or the server ends.
    pub async fn run(mut self) {
        let ended = match self.greet().await {
            Ok(()) => self.serve_messages().await,
            Err(stop) => stop,
        };
        // What runs stops before the client hears of it.
        self.portals.clear();
        if let Stop::Fatal(error) | Stop::Statement(error) = ended {
            last_words(&mut self.io, error).await;
        }
    }

    async fn greet(&mut self) -> Outcome {
        self.io.put(&Authentication::Ok)?;
        self.report_settings()?;
        let secret = SecretKey::I32(self.registration.secret);
        self.io.put(&BackendKeyData::new(self.registration.pid, secret))?;
        self.ready_for_query().await
    }

    async fn serve_messages(&mut self) -> Stop {
        loop {
            let frame = tokio::select! {
                biased;
                () = self.shutdown.drained() => return Stop::Fatal(shutting_down()),
                frame = self.io.frame(&self.options) => frame,
            };
            let frame = match frame {
                Ok(frame) => frame,
                Err(stop) => return stop,
            };
            self.watch = Watch {
                cancel: self.registration.begin(),
                deadline: self.session.deadline(),
            };
            let handled = self.on_frame(frame).await;
            self.registration.idle();
            if let Err(stop) = handled {
                return stop;
            }
        }
    }

    async fn on_frame(&mut self, frame: Frame) -> Outcome {
        let (type_byte, message) = match frame {
            // While errors are passed over only Sync and Terminate matter.
            Frame::Message(type_byte, _) | Frame::TooLong { type_byte, .. }
                if self.skipping && !matches!(type_byte, b'S' | b'X') =>
            {
                return Ok(());
            }
            Frame::Message(type_byte, body) => (type_byte, frontend::decode(type_byte, body)),
            Frame::TooLong {
                type_byte,
                allowed_bytes,
            } => (type_byte, Err(too_long(type_byte, allowed_bytes))),
        };
        let handled = match message {
            Ok(message) => self.on_message(message).await,
            Err(error) => Err(Stop::Statement(error)),
        };
        match handled {
            Err(Stop::Statement(error)) => {
                self.report_error(error)?;
                if matches!(type_byte, b'Q' | b'F' | b'S') {
                    self.ready_for_query().await
                } else {
                    self.skipping = true;
                    // Flush would be passed over as well, and a client may wait for nothing but this answer.
                    self.io.flush_watched(&self.watch).await
                }
            }
            other => other,
        }
    }

    async fn on_message(&mut self, message: Message) -> Outcome {
        match message {
            Message::Query(sql) => self.simple_query(&sql).await,
            Message::Parse { name, query, type_oids } => self.parse_statement(name, &query, type_oids).await,
            Message::Bind(bind) => self.bind(bind),
            Message::Describe(target) => self.describe(&target),
            Message::Execute { portal, max_rows } => self.execute_portal(&portal, max_rows).await,
            Message::Close(target) => self.close(&target),
            Message::Flush => self.io.flush_watched(&self.watch).await,
            Message::Sync => {
                self.skipping = false;
                self.end_implicit_transaction();
                self.ready_for_query().await
            }
            Message::Terminate => Err(Stop::Disconnected),
            Message::FunctionCall => Err(Error::not_supported("function calls by oid are not supported").into()),
            Message::StrayCopy => Ok(()),
            Message::Password => Err(Stop::Fatal(frontend::violation(
                "a password message came although no password was asked for",
            ))),
        }
    }

    /// Tells the client of an error and puts the transaction into its failed state.
    pub fn report_error(&mut self, error: Error) -> Result<()> {
        let counts = self.metrics.protocol(Protocol::Postgres);
        counts.statement_errors_total.fetch_add(1, Relaxed);
        self.transaction.fail(self.session.settings_mut());
        if self.transaction.is_idle() {
            self.portals.retain(|_, portal| portal.committed);
        }
        self.io.put(&ErrorResponse::new(fields("ERROR", error)))
    }

    /// A warning, by the kind of error it would be if it were one.
    pub fn warn(&mut self, kind: ErrorKind, message: &str) -> Result<()> {
        self.io
            .put(&NoticeResponse::new(fields("WARNING", Error::new(kind, message))))
    }

    pub async fn ready_for_query(&mut self) -> Outcome {
        self.report_settings()?;
        self.io.put(&ReadyForQuery::new(self.transaction.status()))?;
        let watch = Watch {
            cancel: CancellationToken::new(),
            deadline: None,
        };
        self.io.flush_watched(&watch).await
    }

    fn report_settings(&mut self) -> Result<()> {
        let first = self.reported.is_empty();
        for (index, name) in REPORTED.into_iter().enumerate() {
            let value = self.session.settings().show(name)?.to_string();
            if !first && self.reported[index] == value {
                continue;
            }
            self.io.put(&ParameterStatus::new(name.to_string(), value.clone()))?;
            match self.reported.get_mut(index) {
                Some(known) => *known = value,
                None => self.reported.push(value),
            }
        }
        Ok(())
    }

    /// A statement begins: it has its own deadline.
    pub fn begin_statement(&mut self) {
        self.watch.deadline = self.session.deadline();
        let settings = self.session.settings();
        self.transaction.touch(settings);
    }

    /// Counts a statement that has ended.
    pub fn count_statement(&self, started: Instant) {
        let counts = self.metrics.protocol(Protocol::Postgres);
        counts.statements_total.fetch_add(1, Relaxed);
        let microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        counts.statement_microseconds_total.fetch_add(microseconds, Relaxed);
    }

    /// Outside a block, the end of a query string and Sync end the transaction that nobody began.
    pub fn end_implicit_transaction(&mut self) {
        if self.transaction.is_idle() {
            self.commit();
        }
    }

    pub fn commit(&mut self) {
        self.transaction.commit(self.session.settings_mut());
        self.portals.retain(|_, portal| portal.hold);
        for portal in self.portals.values_mut() {
            portal.committed = true;
        }
    }

    pub fn rollback(&mut self) {
        self.transaction.rollback(self.session.settings_mut());
        self.portals.retain(|_, portal| portal.committed);
    }

    pub fn settings(&self) -> &Settings {
        self.session.settings()
    }

    pub fn check_room_for_statement(&self) -> Result<()> {
        limit(
            self.statements.len(),
            self.options.max_prepared_statements,
            "prepared statements",
        )
    }

    pub fn check_room_for_portal(&self) -> Result<()> {
        limit(self.portals.len(), self.options.max_portals, "portals and cursors")
    }
}

fn limit(count: usize, most: usize, what: &str) -> Result<()> {
    if count < most {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::ConfigurationLimitExceeded,
        format!("a connection may have at most {most} {what}"),
    )
    .with_hint("close those that are no longer needed"))
}

fn too_long(type_byte: u8, allowed_bytes: usize) -> Error {
    let what = if matches!(type_byte, b'Q' | b'P') {
        "statement"
    } else {
        "message"
    };
    Error::new(
        ErrorKind::ProgramLimitExceeded,
        format!("{what} is longer than {allowed_bytes} bytes"),
    )
}

/// Text for every column.
pub fn all_text(schema: &Schema) -> Vec<Format> {
    vec![Format::Text; schema.fields().len()]
}

/// The fields of an error or notice message.
fn fields(severity: &str, error: Error) -> Vec<(u8, String)> {
    let error = error_codes::for_client(error);
    // A NUL would end a field early.
    let clean = |text: String| text.replace('\0', "");
    let mut fields = vec![
        (b'S', severity.to_string()),
        (b'V', severity.to_string()),
        (b'C', sqlstate(error.kind).to_string()),
        (b'M', clean(error.message)),
    ];
    fields.extend(error.detail.map(|detail| (b'D', clean(detail))));
    fields.extend(error.hint.map(|hint| (b'H', clean(hint))));
    fields.extend(error.position.map(|position| (b'P', position.to_string())));
    fields
}

/// Ends a connection with an error that nothing follows.
pub async fn last_words(io: &mut Io, error: Error) {
    if io.put(&ErrorResponse::new(fields("FATAL", error))).is_ok() {
        io.close().await;
    }
}
