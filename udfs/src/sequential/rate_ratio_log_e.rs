//! `rate_ratio_log_e(count1, hours1, count0, hours0, null_ratio, dispersion [, direction])`: running evidence of a verdict.

use crate::FunctionError;
use crate::aggregate_function::{AggregateFunction, Constant, State};
use crate::arguments::{Parameter, Row};
use crate::ratios::{COUNT0, COUNT1, HOURS0, HOURS1};
use crate::statistics::eprocess::{Direction, NormalEProcess};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Anytime-valid evidence"),
    description = "Natural logarithm of the e-value with which the verdicts on releases are made: a normal mixture \
with estimated variance (Howard, Ramdas, McAuliffe and Sekhon 2021) over pairs of counts at equal age. Greater: against \
the hypothesis that the first rate is at most `null_ratio` times the second. Less: against the hypothesis that it is at \
least `null_ratio` times the second. With `OVER (ORDER BY age ROWS UNBOUNDED PRECEDING)` it gives the evidence so far; \
alarm where its running maximum reaches ln(m / alpha) for m comparisons. Rows in which one of both has 0 hours carry no \
evidence. The dispersion and the direction must be the same in every row of a group. For fewer than 20 expected events \
use `rate_ratio_eprocess`. NULL without any row; rows with a NULL argument are skipped; a NaN makes the result NaN. \
Errors: a negative or infinite count or exposure, a null_ratio or dispersion that is not above 0, an unknown direction.",
    syntax_example = "rate_ratio_log_e(count1, hours1, count0, hours0, null_ratio, dispersion [, direction])",
    sql_example = r#"```sql
> SELECT age, round(rate_ratio_log_e(k1, h1, k0, h0, 1.1, 2) OVER (ORDER BY age ROWS UNBOUNDED PRECEDING), 6) AS log_e FROM (VALUES (0, 60, 100.0, 70, 200.0), (1, 75, 100.0, 80, 200.0)) AS t(age, k1, h1, k0, h0) ORDER BY age;
+-----+----------+
| age | log_e    |
+-----+----------+
| 0   | 1.045589 |
| 1   | 3.119743 |
+-----+----------+
```"#,
    argument(name = "count1", description = "Number of events of the new release."),
    argument(name = "hours1", description = "Usage hours of the new release."),
    argument(
        name = "count0",
        description = "Number of events of the earlier releases at the same age."
    ),
    argument(
        name = "hours0",
        description = "Usage hours of the earlier releases at the same age."
    ),
    argument(
        name = "null_ratio",
        description = "Largest ratio (with `less` the smallest) under the hypothesis."
    ),
    argument(
        name = "dispersion",
        description = "Variance of the counts over their mean, such as `dispersion_aligned` gives; below 1 counts as 1."
    ),
    argument(name = "direction", description = "`'greater'` (default) or `'less'`.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateRatioLogE;

/// The names of the directions, in the order of `DIRECTIONS`.
const DIRECTION_NAMES: &[&str] = &["greater", "less"];
const DIRECTIONS: [Direction; 2] = [Direction::Greater, Direction::Less];

impl AggregateFunction for RateRatioLogE {
    const NAME: &'static str = "rate_ratio_log_e";
    const PARAMETERS: &'static [Parameter] = &[
        COUNT1,
        HOURS1,
        COUNT0,
        HOURS0,
        Parameter::number("null_ratio"),
        Parameter::number("dispersion"),
        Parameter::choice("direction", DIRECTION_NAMES),
    ];
    type State = RunningEvidence;
    type Output = f64;

    fn update(&self, state: &mut RunningEvidence, row: &Row) -> Result<(), FunctionError> {
        let [count1, hours1, count0, hours0, null_ratio, dispersion] = row.numbers();
        state.dispersion.set("dispersion", dispersion)?;
        state.direction.set("direction", row.choice(6) as f64)?;
        Ok(state.process.update(count1, hours1, count0, hours0, null_ratio)?)
    }

    fn evaluate(&self, state: &RunningEvidence) -> Result<Option<f64>, FunctionError> {
        let (Some(dispersion), Some(direction)) = (state.dispersion.value(), state.direction.value()) else {
            return Ok(None);
        };
        let direction = DIRECTIONS[usize::from(direction != 0.0)];
        Ok(Some(state.process.log_e(dispersion, direction)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// Both sums of the normal mixture, and what must be the same in every row.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunningEvidence {
    dispersion: Constant,
    direction: Constant,
    process: NormalEProcess,
}

impl State for RunningEvidence {
    fn merge(&mut self, other: Self) -> Result<(), FunctionError> {
        self.dispersion.merge("dispersion", other.dispersion)?;
        self.direction.merge("direction", other.direction)?;
        self.process.merge(&other.process);
        Ok(())
    }

    fn write(&self, values: &mut Vec<f64>) {
        values.extend([self.dispersion.stored(), self.direction.stored()]);
        values.extend(self.process.to_parts());
    }

    fn read(values: &[f64]) -> Self {
        let &[dispersion, direction, a, b, c, d] = values else {
            return Self::default();
        };
        Self {
            dispersion: Constant::from_stored(dispersion),
            direction: Constant::from_stored(direction),
            process: NormalEProcess::from_parts([a, b, c, d]),
        }
    }
}
