//! `rate_per_khour(count, hours)`: the rate that everything else is about.

use crate::FunctionError;
use crate::arguments::{COUNT, HOURS, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::arguments::usage_hours;
use crate::statistics::rate_intervals::rate_per_khour;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rates"),
    description = "Events per 1000 usage hours: 1000 * count / hours. NULL where hours are 0, because nothing is known \
about the rate yet; with `on_zero => 'inf'` a positive count over 0 hours gives Infinity. Errors: a negative or infinite \
count or usage_hours. For the rate of several rows use the aggregate `khour_rate`: the mean of rates is not the rate.",
    syntax_example = "rate_per_khour(count, hours [, on_zero])",
    sql_example = r#"```sql
> SELECT rate_per_khour(40, 400) AS rate, rate_per_khour(3, 0) AS unknown, rate_per_khour(3, 0, on_zero => 'inf') AS infinite;
+-------+---------+----------+
| rate  | unknown | infinite |
+-------+---------+----------+
| 100.0 |         | inf      |
+-------+---------+----------+
```"#,
    argument(name = "count", description = "Number of events."),
    argument(name = "hours", description = "Usage hours."),
    argument(
        name = "on_zero",
        description = "`'null'` (default) or `'inf'`: the rate of a positive count over 0 hours."
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RatePerKhour;

impl RowFunction for RatePerKhour {
    const NAME: &'static str = "rate_per_khour";
    const PARAMETERS: &'static [Parameter] = &[COUNT, HOURS, Parameter::choice("on_zero", &["null", "inf"])];
    type Output = f64;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<f64>, FunctionError> {
        let (count, hours) = (row.number(0), usage_hours(row.number(1))?);
        let is_infinite = row.choice(2) == 1 && count > 0.0;
        Ok(rate_per_khour(count, hours)?.or(is_infinite.then_some(f64::INFINITY)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
