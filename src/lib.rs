//! Release health as SQL: errors per 1000 usage hours, served over the PostgreSQL wire protocol and Arrow Flight SQL.
//!
//! The modules stand in the order in which a query's answer is made; the empty lines keep the formatter from sorting
//! them.

/// What can go wrong, in words that no protocol owns.
pub mod error;

/// What the server counts about itself.
pub mod metrics;

/// Who may come in, and as what: users, roles, and what proves that somebody is one of them.
pub mod access;

/// Stopping in two steps, as an argument to every listener.
pub mod shutdown;

/// Data to look at without any of one's own.
pub mod demo;

/// Delta tables: the log that says which files of a folder count.
pub mod delta;

/// Where rows come from: Parquet in a folder, a file, an object store or a Delta table.
pub mod sources;

/// Raw pings to rows: what each counts, windows of five minutes, and a restart that counts nothing twice.
pub mod pings;

/// How rows come in: batches, the one durable table they become part of, and its upkeep.
pub mod managed;

/// What users see as a table.
pub mod tables;

/// PostgreSQL's catalog over the relations and functions of this server.
pub mod catalog;

/// Regressions said once: remembered, and told to a webhook.
pub mod alerts;
/// What PostgreSQL's language has and the query engine lacks, as rules that keep a query's meaning.
pub mod dialect;

/// The only place that builds a query session: catalog, functions, views, limits, the read-only gate.
pub mod session;

/// What may be configured, and in which order file, environment and flags have their say.
pub mod config;

/// The protocols: how clients speak to sessions.
pub mod wire;

/// Listeners, source and query threads as one value that starts and stops.
pub mod server;

/// The command line.
pub mod cli;
