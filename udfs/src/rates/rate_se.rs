//! `rate_se(count, hours)`: the standard error of a rate.

use crate::FunctionError;
use crate::arguments::{COUNT, HOURS, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::rate_intervals::rate_se;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rates"),
    description = "Standard error of a rate, in events per 1000 usage hours, for Poisson counts: 1000 * sqrt(count) \
/ hours. NULL where an argument is NULL. NULL where hours are 0. Errors: a negative or infinite \
count or usage_hours. For bounds use `rate_ci`: a rate plus and minus its standard error is a \
poor interval for low counts.",
    syntax_example = "rate_se(count, hours)",
    sql_example = r#"```sql
> SELECT rate_se(25, 1000) AS se;
+-----+
| se  |
+-----+
| 5.0 |
+-----+
```"#,
    argument(name = "count", description = "Number of events."),
    argument(name = "hours", description = "Usage hours.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateSe;

impl RowFunction for RateSe {
    const NAME: &'static str = "rate_se";
    const PARAMETERS: &'static [Parameter] = &[COUNT, HOURS];
    type Output = f64;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<f64>, FunctionError> {
        Ok(rate_se(row.number(0), row.number(1))?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
