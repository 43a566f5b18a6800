//! Any aggregate over a sliding window frame: rows enter at the end, and the oldest leave first.
//!
//! Nothing is ever subtracted, so a rate over quiet hours after a storm is as exact as without the storm. The frame is
//! held as two stacks: the young rows with their sum, and the old rows, each with the sum of itself and all younger old
//! rows. A row enters the one, moves to the other once, and leaves it: merging costs the same however long the frame is.

use crate::aggregate_function::{AggregateFunction, Group, State, evaluate_group, single_groups};
use crate::results::Output;
use arrow::array::{Array, ArrayRef};
use datafusion::common::{Result, ScalarValue, not_impl_err};
use datafusion::logical_expr::Accumulator;

/// The rows of one frame.
#[derive(Debug)]
pub(crate) struct SlidingFrame<F: AggregateFunction> {
    function: F,
    /// The youngest rows, oldest first, and what they add up to.
    young: Vec<Group<F::State>>,
    young_sum: Group<F::State>,
    /// The rows that leave next, oldest last. Each is a running sum, unless states are large: those are added up at
    /// every evaluation instead, since a large state for each row of a long frame would fill the memory.
    old: Vec<Group<F::State>>,
}

impl<F: AggregateFunction> SlidingFrame<F> {
    pub fn new(function: F) -> Self {
        Self {
            function,
            young: vec![],
            young_sum: Group::default(),
            old: vec![],
        }
    }

    fn remove_oldest(&mut self) -> Result<()> {
        if self.old.is_empty() {
            self.young_sum = Group::default();
            for mut row in std::mem::take(&mut self.young).into_iter().rev() {
                if let (false, Some(younger)) = (F::State::HOLDS_HEAP, self.old.last()) {
                    row.merge(younger.clone())?;
                }
                self.old.push(row);
            }
        }
        self.old.pop();
        Ok(())
    }

    fn sum(&self) -> Result<Group<F::State>> {
        let mut sum = self.young_sum.clone();
        let parts = if F::State::HOLDS_HEAP { self.old.len() } else { 1 };
        for part in self.old.iter().rev().take(parts) {
            sum.merge(part.clone())?;
        }
        Ok(sum)
    }
}

impl<F: AggregateFunction> Accumulator for SlidingFrame<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for row in single_groups(&self.function, values, None)? {
            self.young_sum.merge(row.clone())?;
            self.young.push(row);
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let leaving = values.first().map_or(0, |column| column.len());
        (0..leaving).try_for_each(|_| self.remove_oldest())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        crate::Interrupt::check()?;
        let result = evaluate_group(&self.function, &self.sum()?)?;
        ScalarValue::try_from_array(&F::Output::into_array(vec![result]), 0)
    }

    fn size(&self) -> usize {
        let groups = self.young.iter().chain(&self.old).chain([&self.young_sum]);
        let heap: usize = groups.map(Group::heap_size).sum();
        size_of_val(self) + heap + (self.young.capacity() + self.old.capacity()) * size_of::<Group<F::State>>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        not_impl_err!("a window frame of {} has no partial state", F::NAME)
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        not_impl_err!("a window frame of {} has no partial state", F::NAME)
    }
}
