//! `eb_rate(count, hours) OVER (…)`: a rate drawn towards those of its neighbours.

use crate::FunctionError;
use crate::arguments::{COUNT, HOURS, Parameter};
use crate::statistics::empirical_bayes::eb_rates;
use crate::window_function::{Partition, WindowFunction};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Many cells"),
    description = "Empirical-Bayes rate in events per 1000 usage hours (Marshall 1991): each row's rate is drawn \
towards the rate of its whole partition, the more the fewer hours it has, so that cells with \
little data do not top the list. The partition's rate where the rates do not differ more than by \
chance and for rows with 0 hours; NULL for rows with a NULL argument, and where the partition \
has no hours. A NaN makes the whole partition NaN. Window frames and order do not matter. \
Errors: a negative or infinite count or usage_hours.",
    syntax_example = "eb_rate(count, hours) OVER (PARTITION BY ...)",
    sql_example = r#"```sql
> SELECT k, round(eb_rate(k, h) OVER (), 4) AS rate FROM (VALUES (3, 1000.0), (1, 500.0), (40, 6000.0), (30, 1500.0)) AS t(k, h) ORDER BY k;
+----+--------+
| k  | rate   |
+----+--------+
| 1  | 4.3961 |
| 3  | 4.2453 |
| 30 | 17.966 |
| 40 | 6.7438 |
+----+--------+
```"#,
    argument(name = "count", description = "Number of events of the row."),
    argument(name = "hours", description = "Usage hours of the row.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EbRate;

impl WindowFunction for EbRate {
    const NAME: &'static str = "eb_rate";
    const PARAMETERS: &'static [Parameter] = &[COUNT, HOURS];
    type Output = f64;

    fn evaluate(&self, partition: &mut Partition) -> Result<Vec<Option<f64>>, FunctionError> {
        let (positions, rows) = partition.collect(|row| Ok(Some((row.number(0), row.number(1)))))?;
        Ok(partition.spread(positions, eb_rates(&rows)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
