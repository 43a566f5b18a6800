//! `rate_ratio_lower(count1, hours1, count0, hours0 [, confidence [, method]])`: the lower bound of a rate ratio.

use super::samples::{COUNT0, COUNT1, HOURS0, HOURS1};
use super::samples::{METHOD, interval};
use crate::FunctionError;
use crate::arguments::{CONFIDENCE, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::ratios::RatioMemo;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rate ratios"),
    description = "Lower bound of the two-sided confidence interval of the ratio of two rates. 0 where count1 is 0 \
or nothing is known. NULL where an argument is NULL. Methods: exact (Clopper-Pearson on the \
first count given both), midp, score (Wilson), wald_log (NULL where a count is 0). Errors: a \
negative or infinite count or exposure, a confidence outside (0, 1), an unknown method.",
    syntax_example = "rate_ratio_lower(count1, hours1, count0, hours0 [, confidence [, method]])",
    sql_example = r#"```sql
> SELECT round(rate_ratio_lower(12, 1000, 3, 1000), 4) AS lower;
+--------+
| lower  |
+--------+
| 1.0795 |
+--------+
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
pub struct RateRatioLower;

impl RowFunction for RateRatioLower {
    const NAME: &'static str = "rate_ratio_lower";
    const PARAMETERS: &'static [Parameter] = &[COUNT1, HOURS1, COUNT0, HOURS0, CONFIDENCE, METHOD];
    type Output = f64;
    type Memo = RatioMemo;

    fn evaluate(&self, row: &Row, memo: &mut RatioMemo) -> Result<Option<f64>, FunctionError> {
        Ok(interval(row, memo)?.lower)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
