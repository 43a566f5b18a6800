//! The protocols: how clients speak to sessions. Nothing below this module knows that a protocol exists.

/// Error kind to PostgreSQL's SQLSTATE and to a gRPC code.
pub mod error_codes;
/// The PostgreSQL protocol.
pub mod postgres;
