//! Enough data: what a rate needs to be known, and what a change needs to be found.

mod group_sequential_boundary;
mod khours_to_detect;
mod min_events;
mod rate_enough;

use crate::row_function::scalar_functions;
use datafusion::logical_expr::ScalarUDF;
use group_sequential_boundary::GroupSequentialBoundary;
use std::sync::Arc;

pub(crate) fn scalars() -> Vec<Arc<ScalarUDF>> {
    let mut functions = vec![
        Arc::new(ScalarUDF::from(GroupSequentialBoundary::new())),
        Arc::new(ScalarUDF::from(GroupSequentialBoundary::twin())),
    ];
    functions.extend(scalar_functions(rate_enough::RateEnough));
    functions.extend(scalar_functions(min_events::MinEvents));
    functions.extend(scalar_functions(khours_to_detect::KhoursToDetect));
    functions
}
