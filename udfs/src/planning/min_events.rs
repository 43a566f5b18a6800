//! `min_events(relative_half_width [, confidence])`: how many events a rate needs to be known well enough.

use crate::FunctionError;
use crate::arguments::{CONFIDENCE, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::planning::min_events;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Enough data"),
    description = "Fewest events with which half the width of the exact confidence interval is at most \
relative_half_width times the rate: 18 for 0.5, 102 for 0.2. Multiply by the dispersion where \
counts vary more than by chance. NULL where an argument is NULL. Errors: a relative_half_width \
that is not above 0, a confidence outside (0, 1).",
    syntax_example = "min_events(relative_half_width [, confidence])",
    sql_example = r#"```sql
> SELECT min_events(0.5) AS half, min_events(0.2) AS fifth, min_events(0.1) AS tenth;
+------+-------+-------+
| half | fifth | tenth |
+------+-------+-------+
| 18   | 102   | 395   |
+------+-------+-------+
```"#,
    argument(
        name = "relative_half_width",
        description = "Half the width of the interval over the rate."
    ),
    argument(name = "confidence", description = "Between 0 and 1, default 0.95.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MinEvents;

impl RowFunction for MinEvents {
    const NAME: &'static str = "min_events";
    const PARAMETERS: &'static [Parameter] = &[Parameter::number("relative_half_width"), CONFIDENCE];
    type Output = i64;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<i64>, FunctionError> {
        Ok(Some(min_events(row.number(0), row.number(1))? as i64))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
