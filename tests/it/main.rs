//! Everything that is tested through a running server, in one program, so that the engine is linked once.

// Helpers outside the test functions may stop a test as well.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod flight_sql;
#[path = "../fuzz/mod.rs"]
mod fuzz;
mod gate;
mod layers;
mod postgres;
mod program;
mod promises;
mod slt;
mod support;
mod views;
