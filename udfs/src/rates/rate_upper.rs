//! `rate_upper(count, hours [, confidence [, method]])`: the upper bound of a rate.

use super::bounds::{BoundsMemo, METHOD};
use crate::FunctionError;
use crate::arguments::{CONFIDENCE, COUNT, HOURS, Parameter, Row};
use crate::row_function::RowFunction;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rate bounds"),
    description = "Upper bound, in events per 1000 usage hours, of the two-sided confidence interval of a rate. \
With 0 hours nothing is known: Infinity. NULL where an argument is NULL. NaN gives NaN. Methods: \
exact (Garwood 1936, guaranteed coverage), midp (Lancaster 1961), score (Rao), byar (Breslow and \
Day 1987), jeffreys, anscombe, freeman_tukey, wald (for comparison; poor below 30 events). \
Errors: a negative or infinite count or usage_hours, a confidence outside (0, 1), an unknown \
method. Counts of crashes vary more than Poisson counts: see `rate_ci_quasi`.",
    syntax_example = "rate_upper(count, hours [, confidence [, method]])",
    sql_example = r#"```sql
> SELECT round(rate_upper(3, 1000), 4) AS upper, round(rate_upper(0, 10, 0.9), 4) AS no_events_90, round(rate_upper(0, 1000, 0.95, 'score'), 4) AS score;
+--------+--------------+--------+
| upper  | no_events_90 | score  |
+--------+--------------+--------+
| 8.7673 | 299.5732     | 3.8415 |
+--------+--------------+--------+
```"#,
    argument(name = "count", description = "Number of events."),
    argument(name = "hours", description = "Usage hours."),
    argument(name = "confidence", description = "Between 0 and 1, default 0.95."),
    argument(
        name = "method",
        description = "`'exact'` (default), `'midp'`, `'score'`, `'byar'`, `'jeffreys'`, `'anscombe'`, `'freeman_tukey'` or `'wald'`."
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateUpper;

impl RowFunction for RateUpper {
    const NAME: &'static str = "rate_upper";
    const PARAMETERS: &'static [Parameter] = &[COUNT, HOURS, CONFIDENCE, METHOD];
    type Output = f64;
    type Memo = BoundsMemo;

    fn evaluate(&self, row: &Row, memo: &mut BoundsMemo) -> Result<Option<f64>, FunctionError> {
        memo.upper(row).map(Some)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
