//! `khours(hours)`: the unit of exposure.

use crate::FunctionError;
use crate::arguments::{HOURS, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::rate_intervals::khours;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rates"),
    description = "Thousands of usage hours: hours / 1000. Errors: negative or infinite usage_hours.",
    syntax_example = "khours(hours)",
    sql_example = r#"```sql
> SELECT khours(1500) AS khours;
+--------+
| khours |
+--------+
| 1.5    |
+--------+
```"#,
    argument(name = "hours", description = "Usage hours.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Khours;

impl RowFunction for Khours {
    const NAME: &'static str = "khours";
    const PARAMETERS: &'static [Parameter] = &[HOURS];
    type Output = f64;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<f64>, FunctionError> {
        Ok(Some(khours(row.number(0))?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
