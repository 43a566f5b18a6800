//! Rates and ratios within strata: what the new release would show to everybody, not to those who came first.

mod standardized_rate;
mod standardized_ratio;

use crate::aggregate_function::aggregate_function;
use datafusion::logical_expr::AggregateUDF;
use std::sync::Arc;

pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    vec![
        aggregate_function(standardized_rate::StandardizedRateOfStrata),
        aggregate_function(standardized_ratio::StandardizedRatio),
    ]
}
