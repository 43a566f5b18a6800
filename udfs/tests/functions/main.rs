//! The functions through SQL, in a plain DataFusion session.

mod examples;
mod names;
mod session;
mod slt;
