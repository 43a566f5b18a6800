//! `rate_ratio(count1, hours1, count0, hours0)`: how many times as large one rate is as another.

use super::samples::{COUNT0, COUNT1, HOURS0, HOURS1};
use crate::FunctionError;
use crate::arguments::{Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::ratios::rate_ratio;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rate ratios"),
    description = "Ratio of two rates: (count1 / hours1) / (count0 / hours0). Infinity where only count0 is 0, NULL \
where both counts or one of the exposures are 0. NULL where an argument is NULL. Errors: a \
negative or infinite count or exposure.",
    syntax_example = "rate_ratio(count1, hours1, count0, hours0)",
    sql_example = r#"```sql
> SELECT rate_ratio(12, 1000, 3, 1000) AS ratio;
+-------+
| ratio |
+-------+
| 4.0   |
+-------+
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
    argument(name = "hours0", description = "Usage hours of the second.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateRatio;

impl RowFunction for RateRatio {
    const NAME: &'static str = "rate_ratio";
    const PARAMETERS: &'static [Parameter] = &[COUNT1, HOURS1, COUNT0, HOURS0];
    type Output = f64;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<f64>, FunctionError> {
        let [count1, hours1, count0, hours0] = row.numbers();
        Ok(rate_ratio(count1, hours1, count0, hours0)?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
