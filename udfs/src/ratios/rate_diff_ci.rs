//! `rate_diff_ci(count1, hours1, count0, hours0 [, confidence])`: how much larger one rate is than another.

use super::samples::{COUNT0, COUNT1, HOURS0, HOURS1};
use crate::FunctionError;
use crate::arguments::{CONFIDENCE, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::ratios::{DifferenceInterval, rate_diff_ci};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rate ratios"),
    description = "Difference of two rates (the first minus the second) with its two-sided confidence interval, in \
events per 1000 usage hours, as a struct `difference, lower, upper`: score limits combined by \
MOVER (Donner and Zou 2012). Without one of the exposures the difference is NULL and the \
interval unbounded. NULL where an argument is NULL. Errors: a negative or infinite count or \
exposure, a confidence outside (0, 1).",
    syntax_example = "rate_diff_ci(count1, hours1, count0, hours0 [, confidence])",
    sql_example = r#"```sql
> SELECT d.r['difference'] AS difference, round(d.r['lower'], 6) AS lower, round(d.r['upper'], 6) AS upper FROM (SELECT rate_diff_ci(5, 1000, 0, 800) AS r) AS d;
+------------+-----------+-----------+
| difference | lower     | upper     |
+------------+-----------+-----------+
| 5.0        | -0.591218 | 11.705758 |
+------------+-----------+-----------+
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
    argument(name = "confidence", description = "Between 0 and 1, default 0.95.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateDiffCi;

impl RowFunction for RateDiffCi {
    const NAME: &'static str = "rate_diff_ci";
    const PARAMETERS: &'static [Parameter] = &[COUNT1, HOURS1, COUNT0, HOURS0, CONFIDENCE];
    type Output = DifferenceInterval;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<DifferenceInterval>, FunctionError> {
        let [count1, hours1, count0, hours0, confidence] = row.numbers();
        Ok(Some(rate_diff_ci(count1, hours1, count0, hours0, confidence)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
