//! Rates: events per 1000 usage hours, of one window and of many, with their bounds.

mod bounds;
mod events_expected;
mod khour_rate;
mod khours;
mod rate_ci;
mod rate_ci_quasi;
mod rate_lower;
mod rate_per;
mod rate_per_khour;
mod rate_posterior;
mod rate_se;
mod rate_upper;
mod rate_upper_bound;

use crate::aggregate_function::aggregate_function;
use crate::row_function::scalar_functions;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use std::sync::Arc;

pub(crate) fn scalars() -> Vec<Arc<ScalarUDF>> {
    [
        scalar_functions(rate_per_khour::RatePerKhour),
        scalar_functions(rate_per::RatePer),
        scalar_functions(events_expected::EventsExpected),
        scalar_functions(khours::Khours),
        scalar_functions(rate_se::RateSe),
        scalar_functions(rate_lower::RateLower),
        scalar_functions(rate_upper::RateUpper),
        scalar_functions(rate_ci::RateCi),
        scalar_functions(rate_upper_bound::RateUpperBound),
        scalar_functions(rate_posterior::RatePosterior),
        scalar_functions(rate_ci_quasi::RateCiQuasi),
    ]
    .concat()
}

pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    vec![aggregate_function(khour_rate::KhourRate)]
}
