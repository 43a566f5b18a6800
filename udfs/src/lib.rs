//! SQL functions for release health.

mod error;

pub use error::{FunctionError, FunctionErrorKind};
