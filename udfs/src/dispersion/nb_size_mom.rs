//! `nb_size_mom(count, hours)`: the size of a negative binomial law.

use crate::FunctionError;
use crate::aggregate_function::AggregateFunction;
use crate::arguments::{COUNT, HOURS, Parameter, Row};
use crate::statistics::dispersion::DispersionState;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Overdispersion"),
    description = "Size of the negative binomial law of the counts around one common rate, by moments: variance = \
mean + mean * mean / size. NULL where the counts do not vary more than by chance. Rows with a \
NULL argument are skipped; a NaN makes the result NaN. Errors: a negative or infinite count or \
usage_hours.",
    syntax_example = "nb_size_mom(count, hours)",
    sql_example = r#"```sql
> SELECT round(nb_size_mom(k, h), 6) AS size FROM (VALUES (2, 100.0), (9, 100.0), (1, 100.0)) AS t(k, h);
+----------+
| size     |
+----------+
| 1.846154 |
+----------+
```"#,
    argument(
        name = "count",
        description = "Number of events of a row, such as a 5-minute window or an hour."
    ),
    argument(name = "hours", description = "Usage hours of the row.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NbSizeMom;

impl AggregateFunction for NbSizeMom {
    const NAME: &'static str = "nb_size_mom";
    const PARAMETERS: &'static [Parameter] = &[COUNT, HOURS];
    type State = DispersionState;
    type Output = f64;

    fn update(&self, state: &mut DispersionState, row: &Row) -> Result<(), FunctionError> {
        Ok(state.update(row.number(0), row.number(1))?)
    }

    fn evaluate(&self, state: &DispersionState) -> Result<Option<f64>, FunctionError> {
        Ok(state.nb_size())
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
