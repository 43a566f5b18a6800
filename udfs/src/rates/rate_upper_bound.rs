//! `rate_upper_bound(count, hours [, confidence])`: how large the rate can be.

use crate::FunctionError;
use crate::arguments::{CONFIDENCE, COUNT, HOURS, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::rate_intervals::rate_upper_bound;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rate bounds"),
    description = "One-sided upper confidence bound of a rate, in events per 1000 usage hours; with no events -ln(1 \
- confidence) events, the exact form of the rule of three (Hanley and Lippman-Hand 1983). With 0 \
hours Infinity. NULL where an argument is NULL. Errors: a negative or infinite count or \
usage_hours, a confidence outside (0, 1).",
    syntax_example = "rate_upper_bound(count, hours [, confidence])",
    sql_example = r#"```sql
> SELECT round(rate_upper_bound(0, 1000), 4) AS none, round(rate_upper_bound(5, 1000, 0.99), 4) AS five_99;
+--------+---------+
| none   | five_99 |
+--------+---------+
| 2.9957 | 13.1085 |
+--------+---------+
```"#,
    argument(name = "count", description = "Number of events."),
    argument(name = "hours", description = "Usage hours."),
    argument(name = "confidence", description = "Between 0 and 1, default 0.95.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateUpperBound;

impl RowFunction for RateUpperBound {
    const NAME: &'static str = "rate_upper_bound";
    const PARAMETERS: &'static [Parameter] = &[COUNT, HOURS, CONFIDENCE];
    type Output = f64;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<f64>, FunctionError> {
        Ok(Some(rate_upper_bound(row.number(0), row.number(1), row.number(2))?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
