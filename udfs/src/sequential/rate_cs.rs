//! `rate_cs(count, hours, confidence, prior_shape, prior_khours)`: bounds that hold however often one looks.

use crate::FunctionError;
use crate::arguments::{COUNT, HOURS, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::confidence_sequence::{RateBounds, rate_cs};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Anytime-valid evidence"),
    description = "Bounds of a rate, in events per 1000 usage hours, that hold at every look at once, as a struct \
`lower, upper`: the gamma-mixture confidence sequence (Robbins 1970; Howard, Ramdas, McAuliffe \
and Sekhon 2021). With 0 hours 0 to Infinity. NULL where an argument is NULL. Errors: a negative \
or infinite count or usage_hours, a confidence outside (0, 1), a prior that is not above 0.",
    syntax_example = "rate_cs(count, hours, confidence, prior_shape, prior_khours)",
    sql_example = r#"```sql
> SELECT round(c.r['lower'], 6) AS lower, round(c.r['upper'], 6) AS upper FROM (SELECT rate_cs(1, 250, 0.95, 1, 1) AS r) AS c;
+----------+-----------+
| lower    | upper     |
+----------+-----------+
| 0.032259 | 26.942967 |
+----------+-----------+
```"#,
    argument(name = "count", description = "Number of events."),
    argument(name = "hours", description = "Usage hours."),
    argument(name = "confidence", description = "Between 0 and 1."),
    argument(name = "prior_shape", description = "Shape of the gamma mixture, in events."),
    argument(
        name = "prior_khours",
        description = "Rate of the gamma mixture, in thousands of usage hours."
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateCs;

impl RowFunction for RateCs {
    const NAME: &'static str = "rate_cs";
    const PARAMETERS: &'static [Parameter] = &[
        COUNT,
        HOURS,
        Parameter::number("confidence"),
        Parameter::number("prior_shape"),
        Parameter::number("prior_khours"),
    ];
    type Output = RateBounds;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<RateBounds>, FunctionError> {
        let [count, hours, confidence, prior_shape, prior_khours] = row.numbers();
        Ok(Some(rate_cs(count, hours, confidence, prior_shape, prior_khours)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
