//! `predictive_lower(expected, variance, previous_releases)`: lower end of the acceptable counts of a new release.

use super::PARAMETERS;
use crate::FunctionError;
use crate::arguments::{Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::predictive::predictive_lower;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Acceptable counts"),
    description = "Lower end of the 95 % interval of the number of events of a release that is no different from those \
before it, in events. A gamma law with this mean and variance, whose tail is that of Student's t with \
`previous_releases` + 3 degrees of freedom, because the spread between releases is known from few of them. 0 where a count of 0 is itself not unusual. NULL \
where an argument is NULL, the expectation is 0 or the variance is 0. Errors: a negative or infinite expected or variance, \
previous_releases that is not above 0.",
    syntax_example = "predictive_lower(expected, variance, previous_releases)",
    sql_example = r#"```sql
> SELECT round(predictive_lower(400, 7000, 4), 4) AS lower;
+----------+
| lower    |
+----------+
| 229.1588 |
+----------+
```"#,
    argument(
        name = "expected",
        description = "Expected events: those of the earlier releases at equal age, per hour of the new one."
    ),
    argument(
        name = "variance",
        description = "Variance of the count around it: chance, dispersion and the spread between releases together."
    ),
    argument(name = "previous_releases", description = "Number of earlier releases.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PredictiveLower;

impl RowFunction for PredictiveLower {
    const NAME: &'static str = "predictive_lower";
    const PARAMETERS: &'static [Parameter] = PARAMETERS;
    type Output = f64;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<f64>, FunctionError> {
        let [expected, variance, previous_releases] = row.numbers();
        Ok(predictive_lower(expected, variance, previous_releases)?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
