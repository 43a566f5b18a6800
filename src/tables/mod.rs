//! What users see as a table: one file per table.

pub mod error_aggregates;
pub mod source_problems;

#[cfg(test)]
mod tests;
