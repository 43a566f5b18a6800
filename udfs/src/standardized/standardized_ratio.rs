//! `standardized_ratio(count1, hours1, count0, hours0 [, confidence])`: a rate ratio within strata.

use crate::FunctionError;
use crate::aggregate_function::{AggregateFunction, Constant, State};
use crate::arguments::{CONFIDENCE, Parameter, Row};
use crate::ratios::{COUNT0, COUNT1, HOURS0, HOURS1};
use crate::statistics::rate_intervals::TwoSidedLevel;
use crate::statistics::ratios::RatioInterval;
use crate::statistics::standardized::MantelHaenszelState;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Standardised rates"),
    description = "Mantel-Haenszel ratio of two rates over strata, such as operating systems or blocks of release \
age, as a struct `ratio, lower, upper`: compares like with like and stays stable where strata \
have few events. Interval after Greenland and Robins 1985; bounds are NULL where one side has no \
events, everything where there are none. Strata without exposure of both say nothing. Rows with \
a NULL argument are skipped; a NaN makes the result NaN. The confidence must be the same in \
every row of a group. Errors: a negative or infinite count or exposure, a confidence outside (0, \
1).",
    syntax_example = "standardized_ratio(count1, hours1, count0, hours0 [, confidence])",
    sql_example = r#"```sql
> SELECT round(s.r['ratio'], 4) AS ratio, round(s.r['lower'], 4) AS lower, round(s.r['upper'], 4) AS upper FROM (SELECT standardized_ratio(k1, h1, k0, h0) AS r FROM (VALUES (30, 100.0, 40, 200.0), (5, 50.0, 12, 150.0)) AS t(k1, h1, k0, h0)) AS s;
+--------+--------+--------+
| ratio  | lower  | upper  |
+--------+--------+--------+
| 1.4541 | 0.9451 | 2.2371 |
+--------+--------+--------+
```"#,
    argument(name = "count1", description = "Number of events of the first in the stratum."),
    argument(name = "hours1", description = "Usage hours of the first in the stratum."),
    argument(name = "count0", description = "Number of events of the second in the stratum."),
    argument(name = "hours0", description = "Usage hours of the second in the stratum."),
    argument(name = "confidence", description = "Between 0 and 1, default 0.95.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StandardizedRatio;

impl AggregateFunction for StandardizedRatio {
    const NAME: &'static str = "standardized_ratio";
    const PARAMETERS: &'static [Parameter] = &[COUNT1, HOURS1, COUNT0, HOURS0, CONFIDENCE];
    type State = Strata;
    type Output = RatioInterval;

    fn update(&self, state: &mut Strata, row: &Row) -> Result<(), FunctionError> {
        let [count1, hours1, count0, hours0, confidence] = row.numbers();
        state.confidence.set("confidence", confidence)?;
        Ok(state.sums.update(count1, hours1, count0, hours0)?)
    }

    fn evaluate(&self, state: &Strata) -> Result<Option<RatioInterval>, FunctionError> {
        let Some(confidence) = state.confidence.value() else {
            return Ok(None);
        };
        Ok(Some(state.sums.finish(&TwoSidedLevel::new(confidence)?)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The strata of a group and the confidence asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strata {
    confidence: Constant,
    sums: MantelHaenszelState,
}

impl State for Strata {
    fn merge(&mut self, other: Self) -> Result<(), FunctionError> {
        self.confidence.merge("confidence", other.confidence)?;
        self.sums.merge(&other.sums);
        Ok(())
    }

    fn write(&self, values: &mut Vec<f64>) {
        values.push(self.confidence.stored());
        values.extend(self.sums.to_parts());
    }

    fn read(values: &[f64]) -> Self {
        let confidence = Constant::from_stored(values.first().copied().unwrap_or(f64::NAN));
        let parts = std::array::from_fn(|index| values.get(index + 1).copied().unwrap_or_default());
        Self {
            confidence,
            sums: MantelHaenszelState::from_parts(parts),
        }
    }
}
