//! One client's connection: its session, its transaction, its named statements and portals, and the loop over its
//! messages.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use futures::FutureExt;
use pgwire::messages::response::{ErrorResponse, NoticeResponse, ReadyForQuery};
use pgwire::messages::startup::{Authentication, BackendKeyData, ParameterStatus, SecretKey};

use super::frontend::{self, Message};
use super::io::{Frame, Io, MessageSizes, Outcome, Stop, Watch, shutting_down};
use super::rows::Rows;
use super::transaction::Transaction;
use super::types::Format;
use super::{PostgresOptions, Shared};
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{Metrics, Protocol};
use crate::session::{Entered, Limits, Phase, Prepared, Registration, Session, Settings, Slot, panic_text};
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

    /// PostgreSQL's name of a parameter's type, where the statement says one.
    pub fn parameter_name(&self, index: usize) -> Option<&str> {
        let query = self.cursor_query.as_ref().or(self.prepared.as_ref())?;
        query.parameter_names.get(index)?.as_deref()
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

impl Portal {
    pub fn is_at_end(&self) -> bool {
        matches!(self.state, PortalState::Finished)
    }
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
    registration: Arc<Registration>,
    /// What the present message's work is entered as.
    entered: Option<Entered>,
    shutdown: Shutdown,
    /// After an error in the extended protocol everything up to the next Sync is passed over.
    skipping: bool,
    reported: Vec<String>,
}

impl Connection {
    pub fn new(io: Io, shared: &Shared, session: Session, registration: Arc<Registration>) -> Self {
        let watch = Watch {
            running: Arc::default(),
            deadline: None,
            terminated: registration.terminated(),
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
            entered: None,
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
        let secret = SecretKey::I32(self.registration.secret());
        self.io.put(&BackendKeyData::new(self.registration.pid(), secret))?;
        self.ready_for_query().await
    }

    async fn serve_messages(&mut self) -> Stop {
        loop {
            let sizes = MessageSizes {
                statement_bytes: self.limits().max_statement_bytes,
                values_bytes: self.options.max_message_bytes,
            };
            let in_transaction = !self.transaction.is_idle();
            let idle_timeout = self.settings().idle_timeout(in_transaction);
            let frame = tokio::select! {
                biased;
                () = self.shutdown.drained() => return Stop::Fatal(shutting_down()),
                () = self.watch.terminated.cancelled() => return Stop::Fatal(shutting_down()),
                frame = self.io.frame(sizes) => frame,
                () = sleep_or_never(idle_timeout) => return Stop::Fatal(idled(in_transaction)),
            };
            let frame = match frame {
                Ok(frame) => frame,
                Err(stop) => return stop,
            };
            let entered = self.registration.begin();
            self.watch.running = Arc::clone(entered.running());
            self.watch.deadline = self.session.deadline();
            self.entered = Some(entered);
            // A bug in here ends the statement, and neither the connection nor the server.
            let handled = AssertUnwindSafe(self.on_frame(frame)).catch_unwind().await;
            let handled = match handled {
                Ok(handled) => handled,
                Err(panic) => self.after_panic(panic_text(panic.as_ref())).await,
            };
            if let Err(stop) = handled {
                self.end_statement(Some(&stop));
                return stop;
            }
            self.entered = None;
            self.registration.waits(self.phase());
        }
    }

    async fn after_panic(&mut self, words: &str) -> Outcome {
        self.fail(Error::internal(format!("panic: {words}")))?;
        // What was half done is not to be gone on with.
        self.portals.clear();
        self.ready_for_query().await
    }

    fn phase(&self) -> Phase {
        match (self.transaction.is_idle(), self.transaction.is_failed()) {
            (true, _) => Phase::Idle,
            (false, false) => Phase::IdleInTransaction,
            (false, true) => Phase::IdleInFailedTransaction,
        }
    }

    pub fn limits(&self) -> Arc<Limits> {
        self.session.engine().limits()
    }

    /// Waits until this statement may compute.
    pub async fn admit(&mut self) -> Outcome<Slot> {
        self.io.attend(&self.watch, self.session.admit()).await
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
                self.fail(error)?;
                if matches!(type_byte, b'Q' | b'F' | b'S') {
                    self.ready_for_query().await
                } else {
                    self.skipping = true;
                    // Flush would be passed over as well, and a client may wait for nothing but this answer. What
                    // ended the statement must not end the connection with it.
                    let watch = self.between_statements();
                    self.io.flush_watched(&watch).await
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

    /// Records that the statement failed, and tells the client.
    fn fail(&mut self, error: Error) -> Result<()> {
        let error = error_codes::for_client(error);
        self.end_statement(Some(&Stop::Statement(error.clone())));
        self.report_error(error)
    }

    /// Tells the client of an error and puts the transaction into its failed state.
    pub fn report_error(&mut self, error: Error) -> Result<()> {
        let counts = self.metrics.protocol(Protocol::Postgres);
        counts.statement_errors_total.fetch_add(1, Relaxed);
        self.metrics.note_error(error.kind);
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

    /// Something to know that is no error.
    pub fn notice(&mut self, message: &str) -> Result<()> {
        let mut fields = fields("NOTICE", Error::new(ErrorKind::Internal, ""));
        for (code, text) in &mut fields {
            match code {
                b'C' => *text = error_codes::SUCCESSFUL_COMPLETION.to_string(),
                b'M' => *text = message.to_string(),
                _ => {}
            }
        }
        self.io.put(&NoticeResponse::new(fields))
    }

    pub async fn ready_for_query(&mut self) -> Outcome {
        self.report_settings()?;
        self.io.put(&ReadyForQuery::new(self.transaction.status()))?;
        self.registration
            .set_application(self.session.settings().show("application_name")?);
        let watch = self.between_statements();
        self.io.flush_watched(&watch).await
    }

    /// While no statement runs, only the server's end and an administrator stop the sending of answers.
    fn between_statements(&self) -> Watch {
        Watch {
            running: Arc::default(),
            deadline: None,
            terminated: self.watch.terminated.clone(),
        }
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

    /// What is shown and recorded of this work from now on is this statement's.
    pub fn record_statement(&mut self, text: &str) {
        if let Some(entered) = &self.entered {
            entered.begin_statement(text);
            self.session.belongs_to(entered.running());
        }
    }

    /// Counts and records the statement, once, however it ended.
    pub fn end_statement(&self, stopped: Option<&Stop>) {
        let outcome = match stopped {
            None => error_codes::SUCCESSFUL_COMPLETION,
            Some(Stop::Statement(error) | Stop::Fatal(error)) => sqlstate(error.kind),
            Some(Stop::Disconnected) => sqlstate(ErrorKind::ConnectionException),
        };
        let entered = self.entered.as_ref();
        let Some(taken) = entered.and_then(|entered| self.session.engine().end_statement(entered, outcome)) else {
            return;
        };
        let counts = self.metrics.protocol(Protocol::Postgres);
        counts.statements_total.fetch_add(1, Relaxed);
        let microseconds = u64::try_from(taken.duration.as_micros()).unwrap_or(u64::MAX);
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
            self.limits().max_prepared_statements,
            "prepared statements",
        )
    }

    pub fn check_room_for_portal(&self) -> Result<()> {
        limit(self.portals.len(), self.limits().max_portals, "portals and cursors")
    }
}

async fn sleep_or_never(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

fn idled(in_transaction: bool) -> Error {
    if in_transaction {
        Error::new(
            ErrorKind::IdleInTransactionTimeout,
            "terminating connection due to idle-in-transaction timeout",
        )
    } else {
        Error::new(
            ErrorKind::IdleTimeout,
            "terminating connection due to idle-session timeout",
        )
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
    io.metrics().note_error(error.kind);
    if io.put(&ErrorResponse::new(fields("FATAL", error))).is_ok() {
        io.close().await;
    }
}
