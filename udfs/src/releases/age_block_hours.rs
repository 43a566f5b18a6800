//! `age_block_hours(age_hours, block_hours)`: the block of release age that an hour belongs to.

use crate::FunctionError;
use crate::arguments::{Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::arguments::positive;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Releases"),
    description = "Start, in hours, of the half-open block of release age that holds `age_hours`: \
floor(age_hours / block_hours) * block_hours. Negative ages fall in negative blocks. NULL where an argument is NULL. \
Errors: an infinite age_hours, a block_hours that is not above 0.",
    syntax_example = "age_block_hours(age_hours, block_hours)",
    sql_example = r#"```sql
> SELECT age_block_hours(30.5, 12) AS second_day, age_block_hours(-1, 12) AS before;
+------------+--------+
| second_day | before |
+------------+--------+
| 24.0       | -12.0  |
+------------+--------+
```"#,
    argument(name = "age_hours", description = "Age in hours, as `release_age_hours` gives it."),
    argument(name = "block_hours", description = "Length of a block in hours.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AgeBlockHours;

impl RowFunction for AgeBlockHours {
    const NAME: &'static str = "age_block_hours";
    const PARAMETERS: &'static [Parameter] = &[Parameter::number("age_hours"), Parameter::number("block_hours")];
    type Output = f64;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<f64>, FunctionError> {
        let (age_hours, block_hours) = (row.number(0), positive("block_hours", row.number(1))?);
        if !age_hours.is_finite() {
            return Err(FunctionError::invalid_argument(format_args!(
                "age_hours must be finite (got {age_hours})"
            )));
        }
        Ok(Some((age_hours / block_hours).floor() * block_hours))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
