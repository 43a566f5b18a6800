//! Rates of many cells that lend each other strength.

mod eb_rate;
mod gamma_poisson_fit;

use crate::aggregate_function::aggregate_function;
use crate::window_function::window_function;
use datafusion::logical_expr::{AggregateUDF, WindowUDF};
use std::sync::Arc;

pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    vec![aggregate_function(gamma_poisson_fit::FitGammaPoisson)]
}

pub(crate) fn windows() -> Vec<Arc<WindowUDF>> {
    vec![window_function(eb_rate::EbRate)]
}
