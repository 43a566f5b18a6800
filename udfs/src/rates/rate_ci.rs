//! `rate_ci(count, hours [, confidence [, method]])`: a rate with both its bounds.

use super::bounds::{BoundsMemo, METHOD};
use crate::FunctionError;
use crate::arguments::{CONFIDENCE, COUNT, HOURS, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::rate_intervals::RateInterval;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rate bounds"),
    description = "Rate with its two-sided confidence interval, in events per 1000 usage hours, as a struct `rate, \
lower, upper`: the numbers of `rate_per_khour`, `rate_lower` and `rate_upper`, worked out once. \
With 0 hours the rate is NULL and the interval 0 to Infinity. NULL where an argument is NULL. \
Methods: exact (Garwood 1936, guaranteed coverage), midp (Lancaster 1961), score (Rao), byar \
(Breslow and Day 1987), jeffreys, anscombe, freeman_tukey, wald (for comparison; poor below 30 \
events). Errors: a negative or infinite count or usage_hours, a confidence outside (0, 1), an \
unknown method.",
    syntax_example = "rate_ci(count, hours [, confidence [, method]])",
    sql_example = r#"```sql
> SELECT r.ci['rate'] AS rate, round(r.ci['lower'], 4) AS lower, round(r.ci['upper'], 4) AS upper FROM (SELECT rate_ci(40, 400) AS ci) AS r;
+-------+---------+----------+
| rate  | lower   | upper    |
+-------+---------+----------+
| 100.0 | 71.4415 | 136.1716 |
+-------+---------+----------+
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
pub struct RateCi;

impl RowFunction for RateCi {
    const NAME: &'static str = "rate_ci";
    const PARAMETERS: &'static [Parameter] = &[COUNT, HOURS, CONFIDENCE, METHOD];
    type Output = RateInterval;
    type Memo = BoundsMemo;

    fn evaluate(&self, row: &Row, memo: &mut BoundsMemo) -> Result<Option<RateInterval>, FunctionError> {
        memo.interval(row).map(Some)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
