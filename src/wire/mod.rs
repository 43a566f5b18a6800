//! The protocols: how clients speak to sessions. Nothing below this module knows that a protocol exists.

/// Letting clients in, by the same rules for every protocol.
pub mod auth;
/// Error kind to PostgreSQL's SQLSTATE and to a gRPC code.
pub mod error_codes;
/// Arrow Flight SQL, and plain Arrow Flight over the same relations.
pub mod flight_sql;
/// `/health`, `/ready` and `/metrics`.
pub mod http;
/// The PostgreSQL protocol.
pub mod postgres;
mod stream;
/// Certificates, and which connections may do without.
pub mod tls;
