//! The views of `sql/`: what they answer, and that nothing in the data breaks them.

pub mod alerts;
mod alignment;
mod bad_input;
mod descriptions;
mod mission_control_1;
mod other_product;
mod population;
mod pruning;
mod quality;
pub mod rows;
mod verdict_golden;
pub mod verdicts;
