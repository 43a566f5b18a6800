//! Counts that vary more than by chance: how much, and how it is summed.

#[allow(clippy::module_inception, reason = "a function lies in the file of its name")]
mod dispersion;
mod dispersion_aligned;
mod dispersion_aligned_fit;
mod nb_size_mom;

use crate::FunctionError;
use crate::aggregate_function::{State, aggregate_function};
use crate::statistics::dispersion::{DISPERSION_PARTS, DispersionState};
use datafusion::logical_expr::AggregateUDF;
use std::sync::Arc;

pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    vec![
        aggregate_function(dispersion::Dispersion),
        aggregate_function(dispersion_aligned::DispersionAligned),
        aggregate_function(dispersion_aligned_fit::DispersionAlignedFit),
        aggregate_function(nb_size_mom::NbSizeMom),
    ]
}

impl State for DispersionState {
    fn merge(&mut self, other: Self) -> Result<(), FunctionError> {
        DispersionState::merge(self, &other);
        Ok(())
    }

    fn write(&self, values: &mut Vec<f64>) {
        values.push(self.rows as f64);
        values.extend(self.to_parts());
    }

    fn read(values: &[f64]) -> Self {
        let part = |index: usize| values.get(index).copied().unwrap_or_default();
        let parts: [f64; DISPERSION_PARTS] = std::array::from_fn(|index| part(index + 1));
        DispersionState::from_parts(part(0) as u64, parts)
    }
}

/// A double holds half of a hash exactly.
fn halves(hash: u64) -> [f64; 2] {
    [(hash >> 32) as f64, (hash & u64::from(u32::MAX)) as f64]
}

fn whole([high, low]: [f64; 2]) -> u64 {
    ((high as u64) << 32) | low as u64
}
