//! The functions through SQL, in a plain DataFusion session.

mod examples;
mod golden;
mod names;
mod properties;
mod session;
mod slt;
