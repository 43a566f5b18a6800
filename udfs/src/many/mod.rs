//! Many cells at once: which of many findings stand.

mod bh_adjust;
mod ebh_reject;

use crate::window_function::window_function;
use datafusion::logical_expr::WindowUDF;
use std::sync::Arc;

pub(crate) fn windows() -> Vec<Arc<WindowUDF>> {
    vec![
        window_function(bh_adjust::BhAdjust),
        window_function(ebh_reject::EbhReject),
    ]
}
