//! `[limits]`: what all clients together, or each of them, may use. What is not set has the default of the part that
//! keeps the limit.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::session::{EngineOptions, Limits, MOST_NESTING};

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// Memory for sorts, joins and aggregations of all queries; beyond it they spill.
    pub memory_bytes: Option<NonZeroUsize>,
    /// The same for each query.
    pub memory_per_query_bytes: Option<NonZeroUsize>,
    /// Memory of the whole process; beyond it the largest query ends.
    pub max_resident_bytes: Option<NonZeroU64>,
    /// Where queries spill; the system's temporary folder when absent.
    pub spill_folder: Option<PathBuf>,
    /// How much may lie spilled at one time.
    pub spill_bytes: Option<NonZeroU64>,
    /// Threads that one query may use.
    pub threads_per_query: Option<NonZeroUsize>,
    /// Connections over all protocols at one time.
    pub max_connections: Option<NonZeroUsize>,
    /// Connections of each user at one time.
    pub max_connections_per_user: Option<NonZeroUsize>,
    /// The longest that any statement may run, whatever the client sets.
    pub statement_timeout_ms: Option<NonZeroU64>,
    /// How long a connection may idle outside a transaction.
    pub idle_timeout_ms: Option<NonZeroU64>,
    /// How long a connection may idle inside a transaction.
    pub idle_in_transaction_timeout_ms: Option<NonZeroU64>,
    /// Rows that one statement may return.
    pub max_result_rows: Option<NonZeroU64>,
    /// Bytes that the rows of one statement may hold.
    pub max_result_bytes: Option<NonZeroU64>,
    /// The longest text of a statement.
    pub max_statement_bytes: Option<NonZeroUsize>,
    /// How deep brackets may nest in a statement, at most 64.
    #[serde(deserialize_with = "nesting")]
    pub max_nesting: Option<NonZeroUsize>,
    /// Parameters of one statement.
    pub max_parameters: Option<NonZeroUsize>,
    /// Prepared statements of each connection.
    pub max_prepared_statements: Option<NonZeroUsize>,
    /// Portals and cursors of each connection.
    pub max_portals: Option<NonZeroUsize>,
    /// Queries that compute at one time.
    pub max_concurrent_queries: Option<NonZeroUsize>,
    /// Queries that wait for one of those to end.
    pub max_queued_queries: Option<usize>,
    /// How long each of them may wait.
    pub queue_timeout_ms: Option<NonZeroU64>,
}

fn nesting<'de, D: Deserializer<'de>>(given: D) -> Result<Option<NonZeroUsize>, D::Error> {
    let levels = Option::<NonZeroUsize>::deserialize(given)?;
    match levels {
        Some(levels) if levels.get() > MOST_NESTING => {
            let message = format!("{levels} is more than the {MOST_NESTING} levels that can be read safely");
            Err(D::Error::custom(message))
        }
        _ => Ok(levels),
    }
}

impl LimitsSection {
    /// The limits that the query engine keeps.
    pub fn engine_options(&self) -> EngineOptions {
        let default = EngineOptions::default();
        EngineOptions {
            memory_bytes: self.memory_bytes.map_or(default.memory_bytes, NonZeroUsize::get),
            spill_folder: self.spill_folder.clone(),
            spill_bytes: self.spill_bytes.map_or(default.spill_bytes, NonZeroU64::get),
            threads_per_query: self
                .threads_per_query
                .map_or(default.threads_per_query, NonZeroUsize::get),
            limits: self.client_limits(),
            ..default
        }
    }

    /// The limits that can be changed while the server runs.
    pub fn client_limits(&self) -> Limits {
        let default = Limits::default();
        let count = |set: Option<NonZeroUsize>, otherwise: usize| set.map_or(otherwise, NonZeroUsize::get);
        let duration = |set: Option<NonZeroU64>| set.map(|count| Duration::from_millis(count.get()));
        let max_connections = count(self.max_connections, default.max_connections);
        Limits {
            max_connections,
            max_connections_per_user: count(self.max_connections_per_user, max_connections),
            statement_timeout: duration(self.statement_timeout_ms),
            idle_timeout: duration(self.idle_timeout_ms),
            idle_in_transaction_timeout: duration(self.idle_in_transaction_timeout_ms),
            max_result_rows: self.max_result_rows.map(NonZeroU64::get),
            max_result_bytes: self.max_result_bytes.map(NonZeroU64::get),
            memory_per_query_bytes: self.memory_per_query_bytes.map(NonZeroUsize::get),
            max_resident_bytes: self
                .max_resident_bytes
                .map_or(default.max_resident_bytes, |bytes| Some(bytes.get())),
            max_statement_bytes: count(self.max_statement_bytes, default.max_statement_bytes),
            max_nesting: count(self.max_nesting, default.max_nesting),
            max_parameters: count(self.max_parameters, default.max_parameters),
            max_prepared_statements: count(self.max_prepared_statements, default.max_prepared_statements),
            max_portals: count(self.max_portals, default.max_portals),
            max_concurrent_queries: count(self.max_concurrent_queries, default.max_concurrent_queries),
            max_queued_queries: self.max_queued_queries.unwrap_or(default.max_queued_queries),
            queue_timeout: duration(self.queue_timeout_ms).unwrap_or(default.queue_timeout),
        }
    }
}
