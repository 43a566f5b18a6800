//! `poisson_glr(count, hours, base_rate_per_khour, max_windows) OVER (ORDER BY …)`: evidence of a change that began some time ago.

use crate::FunctionError;
use crate::aggregate_function::Constant;
use crate::arguments::{COUNT, HOURS, Parameter};
use crate::statistics::change::PoissonGlr;
use crate::window_function::{Partition, WindowFunction};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Change detection"),
    description = "Generalised likelihood ratio for a change of a rate inside one release: the largest, over all \
beginnings at most `max_windows` rows ago, of events * ln(events / expected) - (events - \
expected). Rows follow the ORDER BY; NULL for a row with a NULL argument, which is passed over. \
Errors: a negative or infinite count or usage_hours, a base_rate_per_khour that is not above 0, \
a max_windows outside 1 to 10000.",
    syntax_example = "poisson_glr(count, hours, base_rate_per_khour, max_windows) OVER (ORDER BY ...)",
    sql_example = r#"```sql
> SELECT t, round(poisson_glr(k, 1000, 4, 12) OVER (ORDER BY t), 4) AS g FROM (VALUES (1, 4), (2, 9), (3, 11)) AS w(t, k) ORDER BY t;
+---+--------+
| t | g      |
+---+--------+
| 1 | 0.0    |
| 2 | 2.2984 |
| 3 | 6.3258 |
+---+--------+
```"#,
    argument(name = "count", description = "Number of events of the row."),
    argument(name = "hours", description = "Usage hours of the row."),
    argument(
        name = "base_rate_per_khour",
        description = "Events per 1000 usage hours without a change."
    ),
    argument(name = "max_windows", description = "How many rows back the change may have begun.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunningGlr;

impl WindowFunction for RunningGlr {
    const NAME: &'static str = "poisson_glr";
    const PARAMETERS: &'static [Parameter] = &[
        COUNT,
        HOURS,
        Parameter::number("base_rate_per_khour"),
        Parameter::number("max_windows"),
    ];
    type Output = f64;

    fn evaluate(&self, partition: &mut Partition) -> Result<Vec<Option<f64>>, FunctionError> {
        let mut glr: Option<PoissonGlr> = None;
        let mut max_windows = Constant::default();
        let (positions, levels) = partition.collect(|row| {
            let [count, hours, base_rate, windows] = row.numbers();
            max_windows.set("max_windows", windows)?;
            let glr = match &mut glr {
                Some(glr) => glr,
                None => glr.insert(PoissonGlr::new(whole_windows(windows)?)?),
            };
            Ok(Some(glr.step(count, hours, base_rate)?))
        })?;
        Ok(partition.spread(positions, levels))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

fn whole_windows(windows: f64) -> Result<i64, FunctionError> {
    if windows.fract() == 0.0 {
        return Ok(windows as i64);
    }
    Err(FunctionError::invalid_argument(format_args!(
        "max_windows must be a whole number (got {windows})"
    )))
}
