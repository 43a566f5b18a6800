//! `rate_enough(count, hours, relative_half_width [, confidence [, dispersion]])`: whether a rate is known well enough.

use crate::FunctionError;
use crate::arguments::{CONFIDENCE, COUNT, HOURS, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::planning::rate_enough;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Enough data"),
    description = "True where half the width of the exact confidence interval is at most relative_half_width times \
the rate; with a dispersion above 1 of the widened interval. False without events or hours. NULL \
where an argument is NULL. Errors: a negative or infinite count or usage_hours, a \
relative_half_width or dispersion that is not above 0, a confidence outside (0, 1).",
    syntax_example = "rate_enough(count, hours, relative_half_width [, confidence [, dispersion]])",
    sql_example = r#"```sql
> SELECT rate_enough(18, 1000, 0.5) AS half, rate_enough(17, 1000, 0.5) AS too_few, rate_enough(18, 1000, 0.5, 0.95, 4) AS dispersed;
+------+---------+-----------+
| half | too_few | dispersed |
+------+---------+-----------+
| true | false   | false     |
+------+---------+-----------+
```"#,
    argument(name = "count", description = "Number of events."),
    argument(name = "hours", description = "Usage hours."),
    argument(
        name = "relative_half_width",
        description = "Half the width of the interval over the rate: 0.5 for plus or minus 50 percent."
    ),
    argument(name = "confidence", description = "Between 0 and 1, default 0.95."),
    argument(
        name = "dispersion",
        description = "Variance of the counts over their mean, default 1."
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateEnough;

impl RowFunction for RateEnough {
    const NAME: &'static str = "rate_enough";
    const PARAMETERS: &'static [Parameter] = &[
        COUNT,
        HOURS,
        Parameter::number("relative_half_width"),
        CONFIDENCE,
        Parameter::number_or("dispersion", 1.0),
    ];
    type Output = bool;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<bool>, FunctionError> {
        let [count, hours, relative_half_width, confidence, dispersion] = row.numbers();
        Ok(rate_enough(count, hours, relative_half_width, confidence, dispersion)?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
