//! `rate_posterior(count, hours, prior_shape, prior_khours [, confidence])`: a rate with what was known before.

use crate::FunctionError;
use crate::arguments::{CONFIDENCE, COUNT, HOURS, Parameter, Row};
use crate::results::Posterior;
use crate::row_function::RowFunction;
use crate::statistics::posterior::rate_posterior;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rate bounds"),
    description = "Posterior mean and equal-tailed interval of a rate, in events per 1000 usage hours, as a struct \
`mean, lower, upper`: gamma prior worth `prior_shape` events in `prior_khours` thousand hours, \
Poisson counts. Defined without any exposure. NULL where an argument is NULL. Errors: a negative \
or infinite count or usage_hours, a prior_shape that is not above 0, a negative prior_khours, a \
confidence outside (0, 1).",
    syntax_example = "rate_posterior(count, hours, prior_shape, prior_khours [, confidence])",
    sql_example = r#"```sql
> SELECT round(p.r['mean'], 6) AS mean, round(p.r['lower'], 6) AS lower, round(p.r['upper'], 6) AS upper FROM (SELECT rate_posterior(1, 250, 2, 4) AS r) AS p;
+----------+---------+----------+
| mean     | lower   | upper    |
+----------+---------+----------+
| 0.705882 | 0.14557 | 1.699927 |
+----------+---------+----------+
```"#,
    argument(name = "count", description = "Number of events."),
    argument(name = "hours", description = "Usage hours."),
    argument(name = "prior_shape", description = "Events that the prior is worth."),
    argument(
        name = "prior_khours",
        description = "Thousands of usage hours that the prior is worth."
    ),
    argument(name = "confidence", description = "Between 0 and 1, default 0.95.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RatePosterior;

impl RowFunction for RatePosterior {
    const NAME: &'static str = "rate_posterior";
    const PARAMETERS: &'static [Parameter] = &[
        COUNT,
        HOURS,
        Parameter::number("prior_shape"),
        Parameter::number("prior_khours"),
        CONFIDENCE,
    ];
    type Output = Posterior;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<Posterior>, FunctionError> {
        let [count, hours, prior_shape, prior_khours, confidence] = row.numbers();
        Ok(Some(Posterior(rate_posterior(
            count,
            hours,
            prior_shape,
            prior_khours,
            confidence,
        )?)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
