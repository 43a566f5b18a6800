//! `rate_ratio_ci(count1, hours1, count0, hours0 [, confidence [, method]])`: a rate ratio with both its bounds.

use super::samples::{COUNT0, COUNT1, HOURS0, HOURS1};
use super::samples::{METHOD, interval};
use crate::FunctionError;
use crate::arguments::{CONFIDENCE, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::ratios::{RatioInterval, RatioMemo};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rate ratios"),
    description = "Ratio of two rates with its two-sided confidence interval, as a struct `ratio, lower, upper`. \
Without any events or without one of the exposures the ratio is NULL and the interval 0 to \
Infinity. NULL where an argument is NULL. Methods: exact (Clopper-Pearson on the first count \
given both), midp, score (Wilson), wald_log (NULL where a count is 0). Errors: a negative or \
infinite count or exposure, a confidence outside (0, 1), an unknown method.",
    syntax_example = "rate_ratio_ci(count1, hours1, count0, hours0 [, confidence [, method]])",
    sql_example = r#"```sql
> SELECT round(c.r['ratio'], 4) AS ratio, round(c.r['lower'], 4) AS lower, round(c.r['upper'], 4) AS upper FROM (SELECT rate_ratio_ci(40, 1000, 30, 1000) AS r) AS c;
+--------+--------+--------+
| ratio  | lower  | upper  |
+--------+--------+--------+
| 1.3333 | 0.8099 | 2.2168 |
+--------+--------+--------+
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
    argument(name = "confidence", description = "Between 0 and 1, default 0.95."),
    argument(
        name = "method",
        description = "`'exact'` (default), `'midp'`, `'score'` or `'wald_log'`."
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateRatioCi;

impl RowFunction for RateRatioCi {
    const NAME: &'static str = "rate_ratio_ci";
    const PARAMETERS: &'static [Parameter] = &[COUNT1, HOURS1, COUNT0, HOURS0, CONFIDENCE, METHOD];
    type Output = RatioInterval;
    type Memo = RatioMemo;

    fn evaluate(&self, row: &Row, memo: &mut RatioMemo) -> Result<Option<RatioInterval>, FunctionError> {
        Ok(Some(interval(row, memo)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
