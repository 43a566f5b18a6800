//! What a new release may count when it is no different from those before it.

mod predictive_lower;
mod predictive_upper;

use crate::arguments::Parameter;
use crate::row_function::scalar_functions;
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

const PARAMETERS: &[Parameter] = &[
    Parameter::number("expected"),
    Parameter::number("variance"),
    Parameter::number("previous_releases"),
];

pub(crate) fn scalars() -> Vec<Arc<ScalarUDF>> {
    [
        scalar_functions(predictive_lower::PredictiveLower),
        scalar_functions(predictive_upper::PredictiveUpper),
    ]
    .concat()
}
