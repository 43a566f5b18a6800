//! `rate_ci_quasi(count, hours, dispersion [, confidence [, method]])`: bounds for counts that vary more than by chance.

use crate::FunctionError;
use crate::arguments::{CONFIDENCE, COUNT, HOURS, Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::quasi::rate_ci_quasi;
use crate::statistics::rate_intervals::RateInterval;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rate bounds"),
    description = "Rate with a confidence interval widened by a dispersion factor, in events per 1000 usage hours, \
as a struct `rate, lower, upper` (quasi-likelihood, McCullagh and Nelder 1989). The dispersion \
is the variance of the counts over their mean, as `dispersion_aligned` estimates it from earlier \
releases; a value below 1 counts as 1. With 0 hours the rate is NULL and the interval 0 to \
Infinity. NULL where an argument is NULL. Errors: a negative or infinite count or usage_hours, a \
dispersion that is not above 0, a confidence outside (0, 1), an unknown method.",
    syntax_example = "rate_ci_quasi(count, hours, dispersion [, confidence [, method]])",
    sql_example = r#"```sql
> SELECT q.r['rate'] AS rate, round(q.r['lower'], 4) AS lower, round(q.r['upper'], 4) AS upper FROM (SELECT rate_ci_quasi(40, 400, 4.6) AS r) AS q;
+-------+---------+----------+
| rate  | lower   | upper    |
+-------+---------+----------+
| 100.0 | 44.9872 | 191.8705 |
+-------+---------+----------+
```"#,
    argument(name = "count", description = "Number of events."),
    argument(name = "hours", description = "Usage hours."),
    argument(name = "dispersion", description = "Variance of the counts over their mean."),
    argument(name = "confidence", description = "Between 0 and 1, default 0.95."),
    argument(name = "method", description = "`'exact'` (default) or `'score'`.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateCiQuasi;

impl RowFunction for RateCiQuasi {
    const NAME: &'static str = "rate_ci_quasi";
    const PARAMETERS: &'static [Parameter] = &[
        COUNT,
        HOURS,
        Parameter::number("dispersion"),
        CONFIDENCE,
        Parameter::choice("method", METHODS),
    ];
    type Output = RateInterval;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<RateInterval>, FunctionError> {
        let [count, hours, dispersion, confidence] = row.numbers();
        let method = METHODS[row.choice(4)].parse()?;
        Ok(Some(rate_ci_quasi(count, hours, dispersion, confidence, method)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

const METHODS: &[&str] = &["exact", "score"];
