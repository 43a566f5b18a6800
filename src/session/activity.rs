//! Who is connected and what runs: the one register over all protocols. Limits on connections are kept here, cancel
//! requests find their statement here, and `mission_control.sessions` and `pg_stat_activity` show it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use ring::rand::{SecureRandom, SystemRandom};
use tokio_util::sync::CancellationToken;

use super::limits::Limits;
use super::memory::MemoryUse;
use crate::error::{Error, ErrorKind, Result};

/// As much of a statement's text is kept for those who look.
const KEPT_TEXT_BYTES: usize = 8192;

/// All connections.
#[derive(Debug, Default)]
pub struct Sessions {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last_pid: i32,
    connected: BTreeMap<i32, Arc<Connected>>,
}

/// Who connects.
#[derive(Debug, Clone)]
pub struct Client {
    pub user: String,
    /// How, in a word for `mission_control.sessions`.
    pub protocol: &'static str,
    /// From where; nothing where there is no network.
    pub address: Option<IpAddr>,
}

/// What a connection does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Idle,
    Active,
    IdleInTransaction,
    IdleInFailedTransaction,
}

impl Phase {
    /// As PostgreSQL words it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Active => "active",
            Self::IdleInTransaction => "idle in transaction",
            Self::IdleInFailedTransaction => "idle in transaction (aborted)",
        }
    }
}

/// A connection as everybody sees it.
#[derive(Debug)]
pub struct Connected {
    pub pid: i32,
    secret: i32,
    pub client: Client,
    pub since: SystemTime,
    terminated: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    application: String,
    phase: Phase,
    phase_since: SystemTime,
    transaction_since: Option<SystemTime>,
    newest: Option<Arc<Running>>,
    running: BTreeMap<u64, Arc<Running>>,
    last_number: u64,
}

/// What one line of `mission_control.sessions` is made of.
#[derive(Debug, Clone)]
pub struct SessionRow {
    pub pid: i32,
    pub client: Client,
    pub since: SystemTime,
    pub application: String,
    pub phase: Phase,
    pub phase_since: SystemTime,
    pub transaction_since: Option<SystemTime>,
    pub statement: Option<StatementRow>,
}

/// The statement that runs, or the last one that ran.
#[derive(Debug, Clone)]
pub struct StatementRow {
    pub text: String,
    pub since: SystemTime,
    pub rows: u64,
    pub bytes: u64,
    pub peak_memory_bytes: u64,
}

/// A connection's place among the others; dropping it frees the place.
#[derive(Debug)]
pub struct Registration {
    sessions: Arc<Sessions>,
    connected: Arc<Connected>,
}

impl Sessions {
    /// Adds a connection, unless there are as many as allowed.
    pub fn register(self: &Arc<Self>, client: Client, limits: &Limits) -> Result<Registration> {
        let secret = random_i32()?;
        let mut inner = locked(&self.inner);
        if inner.connected.len() >= limits.max_connections {
            return Err(Error::new(
                ErrorKind::TooManyConnections,
                "sorry, too many clients already",
            ));
        }
        let of_user = inner.connected.values().filter(|one| one.client.user == client.user);
        if of_user.count() >= limits.max_connections_per_user {
            let message = format!("too many connections for role \"{}\"", client.user);
            return Err(Error::new(ErrorKind::TooManyConnections, message));
        }
        let pid = inner.free_pid();
        inner.last_pid = pid;
        let now = SystemTime::now();
        let connected = Arc::new(Connected {
            pid,
            secret,
            client,
            since: now,
            terminated: CancellationToken::new(),
            state: Mutex::new(State {
                application: String::new(),
                phase: Phase::Idle,
                phase_since: now,
                transaction_since: None,
                newest: None,
                running: BTreeMap::new(),
                last_number: 0,
            }),
        });
        inner.connected.insert(pid, Arc::clone(&connected));
        Ok(Registration {
            sessions: Arc::clone(self),
            connected,
        })
    }

    /// Cancels what a connection runs, if the secret is its own. Nobody is told whether it was.
    pub fn cancel_with_secret(&self, pid: i32, secret: i32) {
        if let Some(one) = self.find(pid)
            && one.secret == secret
        {
            one.cancel();
        }
    }

    pub fn find(&self, pid: i32) -> Option<Arc<Connected>> {
        locked(&self.inner).connected.get(&pid).map(Arc::clone)
    }

    /// All connections in the order of their numbers.
    pub fn rows(&self) -> Vec<SessionRow> {
        let connected: Vec<_> = locked(&self.inner).connected.values().map(Arc::clone).collect();
        connected.iter().map(|one| one.row()).collect()
    }

    /// Everything that runs now.
    pub fn running(&self) -> Vec<Arc<Running>> {
        let connected: Vec<_> = locked(&self.inner).connected.values().map(Arc::clone).collect();
        let running = |one: &Arc<Connected>| locked(&one.state).running.values().map(Arc::clone).collect::<Vec<_>>();
        connected.iter().flat_map(running).collect()
    }
}

impl Inner {
    fn free_pid(&self) -> i32 {
        let mut pid = self.last_pid;
        loop {
            pid = if pid == i32::MAX { 1 } else { pid + 1 };
            if !self.connected.contains_key(&pid) {
                return pid;
            }
        }
    }
}

impl Connected {
    /// Cancels everything that the connection runs.
    pub fn cancel(&self) {
        for one in locked(&self.state).running.values() {
            one.cancel(user_request());
        }
    }

    /// Ends the connection.
    pub fn terminate(&self) {
        self.terminated.cancel();
    }

    fn row(&self) -> SessionRow {
        let state = locked(&self.state);
        SessionRow {
            pid: self.pid,
            client: self.client.clone(),
            since: self.since,
            application: state.application.clone(),
            phase: state.phase,
            phase_since: state.phase_since,
            transaction_since: state.transaction_since,
            statement: state.newest.as_ref().and_then(|running| running.row()),
        }
    }
}

/// The reason of a cancel request.
pub fn user_request() -> Error {
    Error::new(ErrorKind::QueryCanceled, "canceling statement due to user request")
}

impl Registration {
    pub fn pid(&self) -> i32 {
        self.connected.pid
    }

    /// What a cancel request has to know.
    pub fn secret(&self) -> i32 {
        self.connected.secret
    }

    /// Cancelled when an administrator ends the connection.
    pub fn terminated(&self) -> CancellationToken {
        self.connected.terminated.clone()
    }

    pub fn set_application(&self, name: &str) {
        let mut state = locked(&self.connected.state);
        if state.application != name {
            state.application = name.to_string();
        }
    }

    /// Work begins: from now on a cancel request ends what watches the result.
    pub fn begin(&self) -> Entered {
        let mut state = locked(&self.connected.state);
        state.last_number += 1;
        let running = Arc::new(Running::default());
        let number = state.last_number;
        state.running.insert(number, Arc::clone(&running));
        state.set_phase(Phase::Active);
        Entered {
            connected: Arc::clone(&self.connected),
            running,
            number,
        }
    }

    /// The connection waits for its next statement, inside a transaction or not.
    pub fn waits(&self, phase: Phase) {
        let mut state = locked(&self.connected.state);
        match phase {
            Phase::Idle => state.transaction_since = None,
            _ if state.transaction_since.is_none() => {
                state.transaction_since = state.newest.as_ref().and_then(|newest| newest.since());
            }
            _ => {}
        }
        state.set_phase(phase);
    }
}

impl State {
    fn set_phase(&mut self, phase: Phase) {
        if self.phase != phase {
            (self.phase, self.phase_since) = (phase, SystemTime::now());
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        locked(&self.sessions.inner).connected.remove(&self.connected.pid);
    }
}

/// Work's place among what the connection runs; dropping it takes it out.
#[derive(Debug)]
pub struct Entered {
    connected: Arc<Connected>,
    running: Arc<Running>,
    number: u64,
}

impl Entered {
    pub fn running(&self) -> &Arc<Running> {
        &self.running
    }

    /// Resolves when somebody cancels the work or ends the connection, with the reason.
    pub async fn ended_by_others(&self) -> Error {
        tokio::select! {
            cause = self.running.cancelled() => cause,
            () = self.connected.terminated.cancelled() => Error::new(
                ErrorKind::AdminShutdown,
                "terminating connection due to administrator command",
            ),
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.connected.client
    }

    pub(super) fn pid(&self) -> i32 {
        self.connected.pid
    }

    /// A statement begins: its text and counts are shown as the connection's.
    pub fn begin_statement(&self, text: &str) {
        self.running.begin_statement(text);
        let mut state = locked(&self.connected.state);
        state.newest = Some(Arc::clone(&self.running));
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut state = locked(&self.connected.state);
        state.running.remove(&self.number);
        if state.running.is_empty() && state.phase == Phase::Active {
            state.set_phase(Phase::Idle);
        }
    }
}

/// Work under way: what can end it from outside, and what its statement has taken so far.
#[derive(Debug, Default)]
pub struct Running {
    cancelled: CancellationToken,
    cause: OnceLock<Error>,
    statement: Mutex<Option<Statement>>,
    rows: AtomicU64,
    bytes: AtomicU64,
}

#[derive(Debug)]
struct Statement {
    text: String,
    since: SystemTime,
    begun: Instant,
    memory: Arc<MemoryUse>,
    ended: bool,
}

/// What a statement took, for whoever records it.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    pub text: String,
    pub duration: Duration,
    pub rows: u64,
    pub bytes: u64,
    pub peak_memory_bytes: u64,
}

impl Running {
    /// Ends the work with an error, unless it is being ended already.
    pub fn cancel(&self, cause: Error) {
        let _ = self.cause.set(cause);
        self.cancelled.cancel();
    }

    /// Resolves when somebody ends the work, with the reason.
    pub async fn cancelled(&self) -> Error {
        self.cancelled.cancelled().await;
        self.cause.get().cloned().unwrap_or_else(user_request)
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }

    /// When the statement began, if one did.
    pub fn begun(&self) -> Option<Instant> {
        locked(&self.statement).as_ref().map(|one| one.begun)
    }

    /// Rows went to the client.
    pub fn sent_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Relaxed);
    }

    /// Bytes went to the client.
    pub fn sent_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Where the statement's queries count their memory.
    pub fn memory(&self) -> Arc<MemoryUse> {
        let statement = locked(&self.statement);
        statement
            .as_ref()
            .map(|one| Arc::clone(&one.memory))
            .unwrap_or_default()
    }

    /// The statement ends: what it took, the first time that this is asked.
    pub fn end_statement(&self) -> Option<Taken> {
        let mut statement = locked(&self.statement);
        let ended = statement.as_mut().filter(|one| !one.ended)?;
        ended.ended = true;
        Some(Taken {
            text: ended.text.clone(),
            duration: ended.begun.elapsed(),
            rows: self.rows.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            peak_memory_bytes: ended.memory.peak_bytes() as u64,
        })
    }

    fn begin_statement(&self, text: &str) {
        self.rows.store(0, Relaxed);
        self.bytes.store(0, Relaxed);
        let kept = text.floor_char_boundary(KEPT_TEXT_BYTES);
        *locked(&self.statement) = Some(Statement {
            text: text[..kept].to_string(),
            since: SystemTime::now(),
            begun: Instant::now(),
            memory: Arc::default(),
            ended: false,
        });
    }

    fn since(&self) -> Option<SystemTime> {
        locked(&self.statement).as_ref().map(|one| one.since)
    }

    fn row(&self) -> Option<StatementRow> {
        let statement = locked(&self.statement);
        statement.as_ref().map(|one| StatementRow {
            text: one.text.clone(),
            since: one.since,
            rows: self.rows.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            peak_memory_bytes: one.memory.peak_bytes() as u64,
        })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn random_i32() -> Result<i32> {
    let mut bytes = [0u8; 4];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(i32::from_be_bytes(bytes))
}
