//! Release health as SQL: errors per 1000 usage hours, served over the PostgreSQL wire protocol and Arrow Flight SQL.
//!
//! The modules stand in the order in which a query's answer is made.

/// Data to look at without any of one's own.
pub mod demo;
/// What can go wrong, in words that no protocol owns.
pub mod error;
/// What the server counts about itself.
pub mod metrics;
/// The only place that builds a query session: catalog, functions, views, limits, the read-only gate.
pub mod session;
/// Stopping in two steps, as an argument to every listener.
pub mod shutdown;
/// Where rows come from: Parquet in a folder, a file or an object store.
pub mod sources;
/// What users see as a table.
pub mod tables;
/// The protocols: how clients speak to sessions.
pub mod wire;
