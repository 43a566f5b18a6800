//! `khour_rate(count, hours)`: the rate of many windows together.

use crate::FunctionError;
use crate::aggregate_function::{AggregateFunction, State};
use crate::arguments::{COUNT, HOURS, Parameter, Row};
use crate::statistics::arguments;
use crate::statistics::rate_intervals::rate_per_khour;
use crate::statistics::sums::DoubleDouble;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rates"),
    description = "Events per 1000 usage hours of all rows together: 1000 * sum(count) / sum(hours). Rows where count or \
hours is NULL are skipped, both of them; a NaN makes the result NaN. Counts that arrive before their hours stay in the \
sum. NULL where the hours add up to 0. Sums are exact, whatever the order and the split of the rows. Errors: a negative \
or infinite count or usage_hours.",
    syntax_example = "khour_rate(count, hours)",
    sql_example = r#"```sql
> SELECT khour_rate(crashes, hours) AS rate FROM (VALUES (2, 300.0), (0, 500.0), (NULL, 900.0)) AS t(crashes, hours);
+------+
| rate |
+------+
| 2.5  |
+------+
```"#,
    argument(name = "count", description = "Number of events of a row."),
    argument(name = "hours", description = "Usage hours of the row.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KhourRate;

/// What the rows add up to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exposure {
    count: DoubleDouble,
    hours: DoubleDouble,
}

impl State for Exposure {
    fn merge(&mut self, other: Self) -> Result<(), FunctionError> {
        self.count = self.count + other.count;
        self.hours = self.hours + other.hours;
        Ok(())
    }

    fn write(&self, values: &mut Vec<f64>) {
        let ((count, count_rest), (hours, hours_rest)) = (self.count.parts(), self.hours.parts());
        values.extend([count, count_rest, hours, hours_rest]);
    }

    fn read(values: &[f64]) -> Self {
        let mut values = values.iter().copied().chain(std::iter::repeat(0.0));
        let mut next = || values.next().unwrap_or_default();
        Self {
            count: DoubleDouble::from_parts(next(), next()),
            hours: DoubleDouble::from_parts(next(), next()),
        }
    }
}

impl AggregateFunction for KhourRate {
    const NAME: &'static str = "khour_rate";
    const PARAMETERS: &'static [Parameter] = &[COUNT, HOURS];
    type State = Exposure;
    type Output = f64;

    fn update(&self, state: &mut Exposure, row: &Row) -> Result<(), FunctionError> {
        let hours = checked_hours(row)?;
        state.count = state.count + row.exact_number(0);
        state.hours = state.hours + hours.into();
        Ok(())
    }

    fn evaluate(&self, state: &Exposure) -> Result<Option<f64>, FunctionError> {
        Ok(rate_per_khour(state.count.value(), state.hours.value())?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The hours of a row whose count and hours are both in their domain.
fn checked_hours(row: &Row) -> Result<f64, FunctionError> {
    arguments::count(row.number(0))?;
    Ok(arguments::usage_hours(row.number(1))?)
}
