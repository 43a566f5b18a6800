//! Release health as SQL functions: events per 1000 usage hours, exact bounds, ratios, release age.
//!
//! Works in any DataFusion session through one call:
//!
//! ```
//! # async fn example() -> datafusion::error::Result<()> {
//! let mut session = datafusion::prelude::SessionContext::new();
//! mission_control_udfs::register_all(&mut session)?;
//! session.sql("SELECT rate_per_khour(40, 400)").await?.show().await?;
//! # Ok(())
//! # }
//! ```
//!
//! A function is found under the name that its user types: `rates/rate_lower.rs`. Each file holds a documented thin
//! wrapper; the mathematics is in [`statistics`], where nothing knows of Arrow. FUNCTIONS.md is written from the
//! documentation on the functions.

mod aggregate_function;
mod arguments;
mod dispersion;
mod error;
mod interrupt;
mod many;
mod planning;
mod predictive;
mod rates;
mod ratios;
mod reference;
mod releases;
mod results;
mod row_function;
mod sequential;
mod shrinkage;
mod sliding;
mod standardized;
pub mod statistics;
mod text_function;
mod window_function;

pub use error::{FunctionError, FunctionErrorKind};
pub use interrupt::Interrupt;
pub use reference::functions_page;
pub use releases::{Stage, Version, build_micros, platform_of};

use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use std::sync::Arc;

/// Makes every function known to a session.
pub fn register_all(registry: &mut dyn FunctionRegistry) -> Result<()> {
    for function in all_scalar_functions() {
        registry.register_udf(function)?;
    }
    for function in all_aggregate_functions() {
        registry.register_udaf(function)?;
    }
    for function in all_window_functions() {
        registry.register_udwf(function)?;
    }
    Ok(())
}

/// Every scalar function, with the `try_` twins.
pub fn all_scalar_functions() -> Vec<Arc<ScalarUDF>> {
    [
        rates::scalars(),
        ratios::scalars(),
        planning::scalars(),
        predictive::scalars(),
        sequential::scalars(),
        releases::scalars(),
    ]
    .concat()
}

/// Every aggregate; each also works as a window aggregate.
pub fn all_aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    [
        rates::aggregates(),
        dispersion::aggregates(),
        standardized::aggregates(),
        shrinkage::aggregates(),
        sequential::aggregates(),
    ]
    .concat()
}

/// Every function that works in a window only.
pub fn all_window_functions() -> Vec<Arc<WindowUDF>> {
    [shrinkage::windows(), many::windows(), sequential::windows()].concat()
}
