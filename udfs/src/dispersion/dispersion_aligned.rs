//! `dispersion_aligned(release, age_block, count, hours)`: dispersion between releases at equal age.

use crate::FunctionError;
use crate::aggregate_function::AggregateFunction;
use crate::aggregate_function::State;
use crate::arguments::{COUNT, HOURS, Parameter, Row};
use crate::statistics::dispersion_aligned::AlignedState;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Overdispersion"),
    description = "Dispersion factor from earlier releases compared at equal age, at least 1: Pearson residuals \
around the block's rate times the release's factor, with (releases - 1) * (blocks - 1) degrees \
of freedom; of three or more releases one that lies far from the others is left out. Use age \
blocks of 6 to 24 hours. NULL with fewer than two releases or two blocks. Rows with a NULL \
argument are skipped; a NaN makes the result NaN. Errors: a negative or infinite count or \
usage_hours.",
    syntax_example = "dispersion_aligned(release, age_block, count, hours)",
    sql_example = r#"```sql
> SELECT round(dispersion_aligned(v, b, k, h), 6) AS phi FROM (VALUES ('57', 0, 40, 10.0), ('57', 12, 70, 30.0), ('58', 0, 20, 10.0), ('58', 12, 95, 30.0)) AS t(v, b, k, h);
+-----------+
| phi       |
+-----------+
| 10.348545 |
+-----------+
```"#,
    argument(name = "release", description = "Name of the release."),
    argument(
        name = "age_block",
        description = "Block of release age, such as `age_block_hours` gives."
    ),
    argument(
        name = "count",
        description = "Number of events of a row, such as a 5-minute window or an hour."
    ),
    argument(name = "hours", description = "Usage hours of the row.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DispersionAligned;

impl AggregateFunction for DispersionAligned {
    const NAME: &'static str = "dispersion_aligned";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::label("release"), Parameter::label("age_block"), COUNT, HOURS];
    type State = Cells;
    type Output = f64;

    fn update(&self, state: &mut Cells, row: &Row) -> Result<(), FunctionError> {
        Ok(state.update(row.label(0), row.label(1), row.number(2), row.number(3))?)
    }

    fn evaluate(&self, state: &Cells) -> Result<Option<f64>, FunctionError> {
        Ok(state.fit().map(|fit| fit.dispersion))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// Releases and blocks by the hashes of their labels.
type Cells = AlignedState<u64, u64>;

/// Doubles in a stored cell: both labels in two halves each, then the parts of both sums.
const CELL_LENGTH: usize = 8;

impl State for Cells {
    const HOLDS_HEAP: bool = true;

    fn merge(&mut self, other: Self) -> Result<(), FunctionError> {
        AlignedState::merge(self, &other);
        Ok(())
    }

    fn write(&self, values: &mut Vec<f64>) {
        for (release, block, parts) in self.cells() {
            let ([release_high, release_low], [block_high, block_low]) =
                (super::halves(*release), super::halves(*block));
            values.extend([release_high, release_low, block_high, block_low]);
            values.extend(parts);
        }
    }

    fn read(values: &[f64]) -> Self {
        let mut cells = Self::default();
        for cell in values.chunks_exact(CELL_LENGTH) {
            let (release, block) = (super::whole([cell[0], cell[1]]), super::whole([cell[2], cell[3]]));
            cells.insert_parts(release, block, [cell[4], cell[5], cell[6], cell[7]]);
        }
        cells
    }

    fn heap_size(&self) -> usize {
        self.cells().count() * CELL_LENGTH * size_of::<f64>()
    }
}
