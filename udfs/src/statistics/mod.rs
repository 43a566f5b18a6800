//! Statistics of counts with exposure, as plain functions of `f64`: no Arrow, no query engine.
//!
//! Counts are events and exposures are usage hours everywhere; rates that come out are events per khour, that is
//! per 1000 usage hours. NULL is the caller's business; every other edge (NaN, infinities, zero exposure, negative
//! numbers) is settled here. NaN in gives NaN out; what is outside the domain is an error that names the argument.

pub mod arguments;
pub mod change;
pub mod confidence_sequence;
mod digamma;
pub mod dispersion;
pub mod dispersion_aligned;
pub mod empirical_bayes;
pub mod eprocess;
pub mod error;
pub mod group_sequential;
pub mod many;
pub mod method;
pub mod planning;
pub mod posterior;
pub mod predictive;
pub mod quasi;
pub mod rate_intervals;
pub mod ratios;
pub mod special;
pub mod standardized;
pub mod sums;

pub use error::{Result, StatisticsError};

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod known_values_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod reference_tests;
