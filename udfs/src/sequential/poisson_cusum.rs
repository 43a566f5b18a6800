//! `poisson_cusum(count, hours, base_rate_per_khour, ratio) OVER (ORDER BY …)`: evidence of a change, summed.

use crate::FunctionError;
use crate::arguments::{COUNT, HOURS, Parameter};
use crate::statistics::change::PoissonCusum;
use crate::window_function::{Partition, WindowFunction};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Change detection"),
    description = "Cumulative sum for an increase of a rate inside one release (Lucas 1985): C = greatest(0, C + \
count * ln(ratio) - expected * (ratio - 1)), tuned to find a rate that is `ratio` times the base \
rate. Alarm above a threshold such as 5. Rows follow the ORDER BY; NULL for a row with a NULL \
argument, which changes nothing. Errors: a negative or infinite count or usage_hours, a \
base_rate_per_khour or ratio that is not above 0.",
    syntax_example = "poisson_cusum(count, hours, base_rate_per_khour, ratio) OVER (ORDER BY ...)",
    sql_example = r#"```sql
> SELECT t, round(poisson_cusum(k, 1000, 4, 2) OVER (ORDER BY t), 4) AS c FROM (VALUES (1, 4), (2, 9), (3, 11)) AS w(t, k) ORDER BY t;
+---+--------+
| t | c      |
+---+--------+
| 1 | 0.0    |
| 2 | 2.2383 |
| 3 | 5.8629 |
+---+--------+
```"#,
    argument(name = "count", description = "Number of events of the row."),
    argument(name = "hours", description = "Usage hours of the row."),
    argument(
        name = "base_rate_per_khour",
        description = "Events per 1000 usage hours without a change."
    ),
    argument(name = "ratio", description = "Factor that the change is expected to have.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunningCusum;

impl WindowFunction for RunningCusum {
    const NAME: &'static str = "poisson_cusum";
    const PARAMETERS: &'static [Parameter] = &[
        COUNT,
        HOURS,
        Parameter::number("base_rate_per_khour"),
        Parameter::number("ratio"),
    ];
    type Output = f64;

    fn evaluate(&self, partition: &mut Partition) -> Result<Vec<Option<f64>>, FunctionError> {
        let mut cusum = PoissonCusum::default();
        let (positions, levels) = partition.collect(|row| {
            let [count, hours, base_rate, ratio] = row.numbers();
            Ok(Some(cusum.step(count, hours, base_rate, ratio)?))
        })?;
        Ok(partition.spread(positions, levels))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
