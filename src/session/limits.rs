//! What an administrator allows clients, one by one and together. A session can ask for less, never for more.

use std::time::Duration;

use super::settings::Settings;
use crate::metrics::process_memory::allowed_bytes;

/// The limits in force. All of them can be changed while the server runs; a session keeps those of its time limits that
/// it began with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections over all protocols at one time.
    pub max_connections: usize,
    /// Connections of one user at one time.
    pub max_connections_per_user: usize,
    /// The longest that a statement may run, its time in the queue included.
    pub statement_timeout: Option<Duration>,
    /// How long a connection may wait for its next statement outside a transaction.
    pub idle_timeout: Option<Duration>,
    /// How long a connection may wait for its next statement inside a transaction.
    pub idle_in_transaction_timeout: Option<Duration>,
    /// Rows that one statement may return.
    pub max_result_rows: Option<u64>,
    /// Bytes that the rows of one statement may hold.
    pub max_result_bytes: Option<u64>,
    /// Memory for the sorts, joins and aggregations of one query; beyond it they spill or fail.
    pub memory_per_query_bytes: Option<usize>,
    /// Memory of the whole process, accounted for or not; beyond it the largest query ends.
    pub max_resident_bytes: Option<u64>,
    /// The longest text of a statement.
    pub max_statement_bytes: usize,
    /// How deep brackets may nest in a statement.
    pub max_nesting: usize,
    /// Parameters of one statement.
    pub max_parameters: usize,
    /// Prepared statements per connection.
    pub max_prepared_statements: usize,
    /// Portals and cursors per connection.
    pub max_portals: usize,
    /// Queries that compute at one time …
    pub max_concurrent_queries: usize,
    /// … those that may wait for one of them to end …
    pub max_queued_queries: usize,
    /// … and how long each may wait.
    pub queue_timeout: Duration,
}

/// Deeper brackets would cost the parser more than they can be worth to anybody.
pub const MOST_NESTING: usize = 64;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 400,
            max_connections_per_user: 400,
            statement_timeout: None,
            idle_timeout: None,
            idle_in_transaction_timeout: None,
            max_result_rows: None,
            max_result_bytes: None,
            memory_per_query_bytes: None,
            // Three quarters: the rest is for what comes between two looks.
            max_resident_bytes: allowed_bytes().map(|allowed| allowed / 4 * 3),
            max_statement_bytes: 8 << 20,
            max_nesting: MOST_NESTING,
            max_parameters: usize::from(u16::MAX),
            max_prepared_statements: 1000,
            max_portals: 200,
            max_concurrent_queries: 16 * std::thread::available_parallelism().map_or(2, usize::from),
            max_queued_queries: 1000,
            queue_timeout: Duration::from_secs(60),
        }
    }
}

impl Limits {
    /// Settings of a new session, whose time limits go as far as these.
    pub(super) fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        for (name, most) in [
            ("statement_timeout", self.statement_timeout),
            ("idle_session_timeout", self.idle_timeout),
            ("idle_in_transaction_session_timeout", self.idle_in_transaction_timeout),
        ] {
            if let Some(most) = most {
                settings.limit(name, most);
            }
        }
        settings
    }
}
