//! `rate_noninferior(count1, hours1, count0, hours0, margin [, confidence])`: whether one rate is not much larger than another.

use super::samples::{COUNT0, COUNT1, HOURS0, HOURS1};
use crate::FunctionError;
use crate::arguments::{CONFIDENCE, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::ratios::{RatioMemo, rate_noninferior_with};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rate ratios"),
    description = "True where the one-sided exact upper bound of the ratio of two rates is below 1 + margin: the \
first is not worse than the second by the margin. NULL where an argument is NULL. Errors: a \
negative or infinite count or exposure, a negative margin, a confidence outside (0, 1).",
    syntax_example = "rate_noninferior(count1, hours1, count0, hours0, margin [, confidence])",
    sql_example = r#"```sql
> SELECT rate_noninferior(980, 10000, 1000, 10000, 0.2) AS safe, rate_noninferior(9, 100, 10, 100, 0.2) AS too_few;
+------+---------+
| safe | too_few |
+------+---------+
| true | false   |
+------+---------+
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
    argument(name = "margin", description = "Tolerated excess: 0.2 for 20 percent."),
    argument(name = "confidence", description = "Between 0 and 1, default 0.95.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateNoninferior;

impl RowFunction for RateNoninferior {
    const NAME: &'static str = "rate_noninferior";
    const PARAMETERS: &'static [Parameter] = &[COUNT1, HOURS1, COUNT0, HOURS0, Parameter::number("margin"), CONFIDENCE];
    type Output = bool;
    type Memo = RatioMemo;

    fn evaluate(&self, row: &Row, memo: &mut RatioMemo) -> Result<Option<bool>, FunctionError> {
        let [count1, hours1, count0, hours0, margin, confidence] = row.numbers();
        Ok(rate_noninferior_with(
            count1, hours1, count0, hours0, margin, confidence, memo,
        )?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
