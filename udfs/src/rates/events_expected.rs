//! `events_expected(rate_per_khour, hours)`: how many events a rate means.

use crate::FunctionError;
use crate::arguments::{HOURS, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::rate_intervals::events_expected;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rates"),
    description = "Events to expect in some usage hours at a rate per 1000 usage hours: rate_per_khour * hours / \
1000. NULL where an argument is NULL. Errors: a negative or infinite argument.",
    syntax_example = "events_expected(rate_per_khour, hours)",
    sql_example = r#"```sql
> SELECT events_expected(2.5, 4000) AS events;
+--------+
| events |
+--------+
| 10.0   |
+--------+
```"#,
    argument(name = "rate_per_khour", description = "Events per 1000 usage hours."),
    argument(name = "hours", description = "Usage hours.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventsExpected;

impl RowFunction for EventsExpected {
    const NAME: &'static str = "events_expected";
    const PARAMETERS: &'static [Parameter] = &[Parameter::number("rate_per_khour"), HOURS];
    type Output = f64;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<f64>, FunctionError> {
        Ok(Some(events_expected(row.number(0), row.number(1))?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
