//! `rate_ratio_eprocess(count1, hours1, count0, hours0 [, null_ratio [, dispersion [, method]]])`: evidence that a rate is larger than another.

use crate::FunctionError;
use crate::aggregate_function::{AggregateFunction, Constant, State};
use crate::arguments::{Parameter, Row};
use crate::ratios::{COUNT0, COUNT1, HOURS0, HOURS1};
use crate::statistics::eprocess::{Direction, GridEProcess, NormalEProcess};
use crate::statistics::method::EProcessMethod;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Anytime-valid evidence"),
    description = "Natural logarithm of the e-value against the hypothesis that the first rate is at most \
`null_ratio` times the second. It may be looked at continuously: alarm at ln(1 / alpha), or take \
`always_valid_p` of its running maximum. Windows in which one of both has 0 hours carry no \
evidence. Methods: grid (mixture over 24 ratios from 1.05 to 5; Lindon and Malek 2022), normal \
(mixture with estimated variance; Howard, Ramdas, McAuliffe and Sekhon 2021; for 20 expected \
events or more). The evidence is divided by the dispersion, which makes it robust against crash \
loops. The dispersion and the method must be the same \
in every row of a group. Rows with a NULL argument are skipped; a NaN makes the result NaN. NULL without any \
row. Errors: a negative or infinite count or exposure, a null_ratio or dispersion that is not \
above 0, an unknown method. With `OVER (ORDER BY window_start)` it gives the evidence so far.",
    syntax_example = "rate_ratio_eprocess(count1, hours1, count0, hours0 [, null_ratio [, dispersion [, method]]])",
    sql_example = r#"```sql
> SELECT round(rate_ratio_eprocess(k1, h1, k0, h0), 6) AS log_e, round(rate_ratio_eprocess(k1, h1, k0, h0, 1, 1, 'normal'), 6) AS normal FROM (VALUES (30, 100.0, 10, 100.0), (25, 100.0, 12, 100.0)) AS t(k1, h1, k0, h0);
+----------+----------+
| log_e    | normal   |
+----------+----------+
| 6.360025 | 3.199849 |
+----------+----------+
```"#,
    argument(
        name = "count1",
        description = "Number of events of the first, such as the new release."
    ),
    argument(name = "hours1", description = "Usage hours of the first."),
    argument(
        name = "count0",
        description = "Number of events of the second, which it is compared with."
    ),
    argument(name = "hours0", description = "Usage hours of the second."),
    argument(name = "null_ratio", description = "Largest ratio under the hypothesis, default 1."),
    argument(
        name = "dispersion",
        description = "Variance of the counts over their mean, default 1; below 1 counts as 1."
    ),
    argument(name = "method", description = "`'grid'` (default) or `'normal'`.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateRatioEprocess;

impl AggregateFunction for RateRatioEprocess {
    const NAME: &'static str = "rate_ratio_eprocess";
    const PARAMETERS: &'static [Parameter] = &[
        COUNT1,
        HOURS1,
        COUNT0,
        HOURS0,
        Parameter::number_or("null_ratio", 1.0),
        Parameter::number_or("dispersion", 1.0),
        Parameter::choice("method", EProcessMethod::NAMES),
    ];
    type State = Evidence;
    type Output = f64;

    fn update(&self, state: &mut Evidence, row: &Row) -> Result<(), FunctionError> {
        let [count1, hours1, count0, hours0, null_ratio, dispersion] = row.numbers();
        state.dispersion.set("dispersion", dispersion)?;
        state.method.set("method", row.choice(6) as f64)?;
        match EProcessMethod::ALL[row.choice(6)] {
            EProcessMethod::Grid => state
                .grid
                .get_or_insert_default()
                .update(count1, hours1, count0, hours0, null_ratio)?,
            EProcessMethod::Normal => state.normal.update(count1, hours1, count0, hours0, null_ratio)?,
        }
        Ok(())
    }

    fn evaluate(&self, state: &Evidence) -> Result<Option<f64>, FunctionError> {
        let Some(dispersion) = state.dispersion.value() else {
            return Ok(None);
        };
        Ok(Some(match &state.grid {
            Some(grid) => grid.log_e(dispersion)?,
            None => state.normal.log_e(dispersion, Direction::Greater)?,
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The evidence of a group, by the method that its rows name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    dispersion: Constant,
    method: Constant,
    /// Of the grid method only, being large.
    grid: Option<Box<GridEProcess>>,
    normal: NormalEProcess,
}

/// Doubles before the grid: two constants and the normal mixture.
const HEAD_LENGTH: usize = 6;

impl State for Evidence {
    const HOLDS_HEAP: bool = true;

    fn merge(&mut self, other: Self) -> Result<(), FunctionError> {
        self.dispersion.merge("dispersion", other.dispersion)?;
        self.method.merge("method", other.method)?;
        self.normal.merge(&other.normal);
        if let Some(grid) = other.grid {
            self.grid.get_or_insert_default().merge(&grid);
        }
        Ok(())
    }

    fn write(&self, values: &mut Vec<f64>) {
        values.extend([self.dispersion.stored(), self.method.stored()]);
        values.extend(self.normal.to_parts());
        values.extend(self.grid.iter().flat_map(|grid| grid.to_parts()));
    }

    fn read(values: &[f64]) -> Self {
        let Some((head, grid)) = values.split_at_checked(HEAD_LENGTH) else {
            return Self::default();
        };
        Self {
            dispersion: Constant::from_stored(head[0]),
            method: Constant::from_stored(head[1]),
            normal: NormalEProcess::from_parts([head[2], head[3], head[4], head[5]]),
            grid: (!grid.is_empty()).then(|| Box::new(GridEProcess::from_parts(grid))),
        }
    }

    fn heap_size(&self) -> usize {
        self.grid.as_ref().map_or(0, |_| size_of::<GridEProcess>())
    }
}
