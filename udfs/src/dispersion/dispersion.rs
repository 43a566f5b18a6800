//! `dispersion(count, hours)`: how much more counts vary than by chance.

use crate::FunctionError;
use crate::aggregate_function::AggregateFunction;
use crate::arguments::{COUNT, HOURS, Parameter, Row};
use crate::statistics::dispersion::DispersionState;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Overdispersion"),
    description = "Variance of the counts around one common rate over what Poisson counts would have: Pearson's \
factor with n - 1 degrees of freedom. 1 for Poisson counts, larger where crashes come in loops. \
Rows with 0 hours are skipped, as crashes arrive before their hours. NULL with fewer than two \
rows, without events, or where more than 5 percent of the events lie in rows with 0 hours. Rows \
with a NULL argument are skipped; a NaN makes the result NaN. Errors: a negative or infinite \
count or usage_hours. Compare releases at equal age with `dispersion_aligned`: a rate that falls \
with age is not dispersion.",
    syntax_example = "dispersion(count, hours)",
    sql_example = r#"```sql
> SELECT dispersion(k, h) AS phi FROM (VALUES (2, 100.0), (9, 100.0), (1, 100.0)) AS t(k, h);
+------+
| phi  |
+------+
| 4.75 |
+------+
```"#,
    argument(
        name = "count",
        description = "Number of events of a row, such as a 5-minute window or an hour."
    ),
    argument(name = "hours", description = "Usage hours of the row.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Dispersion;

impl AggregateFunction for Dispersion {
    const NAME: &'static str = "dispersion";
    const PARAMETERS: &'static [Parameter] = &[COUNT, HOURS];
    type State = DispersionState;
    type Output = f64;

    fn update(&self, state: &mut DispersionState, row: &Row) -> Result<(), FunctionError> {
        Ok(state.update(row.number(0), row.number(1))?)
    }

    fn evaluate(&self, state: &DispersionState) -> Result<Option<f64>, FunctionError> {
        Ok(state.dispersion())
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
