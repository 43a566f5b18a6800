//! Evidence that stays valid however often one looks: confidence sequences, e-values, change detection.

mod always_valid_p;
mod rate_cs;

use crate::row_function::scalar_functions;
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

pub(crate) fn scalars() -> Vec<Arc<ScalarUDF>> {
    [
        scalar_functions(rate_cs::RateCs),
        scalar_functions(always_valid_p::AlwaysValidP),
    ]
    .concat()
}
