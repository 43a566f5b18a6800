//! Rates: events per 1000 usage hours, of one window and of many, with their bounds.

mod bounds;
mod khour_rate;
mod khours;
mod rate_ci;
mod rate_lower;
mod rate_per_khour;
mod rate_upper;

use crate::aggregate_function::aggregate_function;
use crate::row_function::scalar_functions;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use std::sync::Arc;

pub(crate) fn scalars() -> Vec<Arc<ScalarUDF>> {
    [
        scalar_functions(rate_per_khour::RatePerKhour),
        scalar_functions(khours::Khours),
        scalar_functions(rate_lower::RateLower),
        scalar_functions(rate_upper::RateUpper),
        scalar_functions(rate_ci::RateCi),
    ]
    .concat()
}

pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    vec![aggregate_function(khour_rate::KhourRate)]
}
