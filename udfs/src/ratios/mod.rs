//! Two rates compared: ratio, difference, tests.

mod rate_diff_ci;
mod rate_equivalent;
mod rate_noninferior;
mod rate_ratio;
mod rate_ratio_ci;
mod rate_ratio_lower;
mod rate_ratio_test;
mod rate_ratio_upper;
mod samples;

pub(crate) use samples::{COUNT0, COUNT1, HOURS0, HOURS1};

use crate::row_function::scalar_functions;
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

pub(crate) fn scalars() -> Vec<Arc<ScalarUDF>> {
    [
        scalar_functions(rate_ratio::RateRatio),
        scalar_functions(rate_ratio_lower::RateRatioLower),
        scalar_functions(rate_ratio_upper::RateRatioUpper),
        scalar_functions(rate_ratio_ci::RateRatioCi),
        scalar_functions(rate_ratio_test::RateRatioTest),
        scalar_functions(rate_diff_ci::RateDiffCi),
        scalar_functions(rate_noninferior::RateNoninferior),
        scalar_functions(rate_equivalent::RateEquivalent),
    ]
    .concat()
}
