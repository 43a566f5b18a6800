//! `rate_equivalent(count1, hours1, count0, hours0, margin [, confidence])`: whether two rates are nearly equal.

use super::samples::{COUNT0, COUNT1, HOURS0, HOURS1};
use crate::FunctionError;
use crate::arguments::{CONFIDENCE, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::ratios::{RatioMemo, rate_equivalent_with};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rate ratios"),
    description = "True where both one-sided exact bounds of the ratio of two rates lie between 1 / (1 + margin) \
and 1 + margin (two one-sided tests). NULL where an argument is NULL. Errors: a negative or \
infinite count or exposure, a negative margin, a confidence outside (0, 1).",
    syntax_example = "rate_equivalent(count1, hours1, count0, hours0, margin [, confidence])",
    sql_example = r#"```sql
> SELECT rate_equivalent(1010, 10000, 1000, 10000, 0.2) AS equal, rate_equivalent(500, 10000, 1000, 10000, 0.2) AS halved;
+-------+--------+
| equal | halved |
+-------+--------+
| true  | false  |
+-------+--------+
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
pub struct RateEquivalent;

impl RowFunction for RateEquivalent {
    const NAME: &'static str = "rate_equivalent";
    const PARAMETERS: &'static [Parameter] = &[COUNT1, HOURS1, COUNT0, HOURS0, Parameter::number("margin"), CONFIDENCE];
    type Output = bool;
    type Memo = RatioMemo;

    fn evaluate(&self, row: &Row, memo: &mut RatioMemo) -> Result<Option<bool>, FunctionError> {
        let [count1, hours1, count0, hours0, margin, confidence] = row.numbers();
        Ok(rate_equivalent_with(
            count1, hours1, count0, hours0, margin, confidence, memo,
        )?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
