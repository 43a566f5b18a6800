//! `rate_per(count, exposure, per)`: the rate for any unit of exposure.

use crate::FunctionError;
use crate::arguments::{COUNT, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::rate_intervals::rate_per;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rates"),
    description = "Events per `per` units of any exposure: per * count / exposure, for example crashes per 100 \
installations. NULL where an argument is NULL. NULL where exposure is 0. Errors: a negative or \
infinite argument.",
    syntax_example = "rate_per(count, exposure, per)",
    sql_example = r#"```sql
> SELECT rate_per(3, 1200, 100) AS per_100;
+---------+
| per_100 |
+---------+
| 0.25    |
+---------+
```"#,
    argument(name = "count", description = "Number of events."),
    argument(
        name = "exposure",
        description = "What the events happened in: hours, sessions, installations."
    ),
    argument(name = "per", description = "Units of exposure that the rate is for.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RatePer;

impl RowFunction for RatePer {
    const NAME: &'static str = "rate_per";
    const PARAMETERS: &'static [Parameter] = &[COUNT, Parameter::number("exposure"), Parameter::number("per")];
    type Output = f64;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<f64>, FunctionError> {
        Ok(rate_per(row.number(0), row.number(1), row.number(2))?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
