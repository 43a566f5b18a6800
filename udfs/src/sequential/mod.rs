//! Evidence that stays valid however often one looks: confidence sequences, e-values, change detection.

mod always_valid_p;
mod e_combine;
mod poisson_cusum;
mod poisson_glr;
mod rate_cs;
mod rate_ratio_eprocess;
mod rate_ratio_log_e;

use crate::aggregate_function::aggregate_function;
use crate::row_function::scalar_functions;
use crate::window_function::window_function;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use std::sync::Arc;

pub(crate) fn scalars() -> Vec<Arc<ScalarUDF>> {
    [
        scalar_functions(rate_cs::RateCs),
        scalar_functions(always_valid_p::AlwaysValidP),
    ]
    .concat()
}

pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    vec![
        aggregate_function(rate_ratio_eprocess::RateRatioEprocess),
        aggregate_function(rate_ratio_log_e::RateRatioLogE),
        aggregate_function(e_combine::ECombine),
    ]
}

pub(crate) fn windows() -> Vec<Arc<WindowUDF>> {
    vec![
        window_function(poisson_cusum::RunningCusum),
        window_function(poisson_glr::RunningGlr),
    ]
}
