//! `khours_to_detect(rate_per_khour, ratio [, power [, alpha [, dispersion [, arms]]]])`: how much exposure finds a change.

use crate::FunctionError;
use crate::arguments::{Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::planning::khours_to_detect;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Enough data"),
    description = "Thousands of usage hours per release with which a one-sided test finds a rate that is `ratio` \
times as large, in the variance-stabilised form. With arms 2 two releases of equal exposure are \
compared, with arms 1 one release with a known baseline. NULL where an argument is NULL. Errors: \
a rate_per_khour, ratio or dispersion that is not above 0, a ratio of 1, a power or alpha \
outside (0, 1), other arms than 1 and 2.",
    syntax_example = "khours_to_detect(rate_per_khour, ratio [, power [, alpha [, dispersion [, arms]]]])",
    sql_example = r#"```sql
> SELECT round(khours_to_detect(4, 1.5), 4) AS two_releases, round(khours_to_detect(4, 1.5, 0.8, 0.05, 1, 1), 4) AS known_baseline;
+--------------+----------------+
| two_releases | known_baseline |
+--------------+----------------+
| 15.3003      | 7.6501         |
+--------------+----------------+
```"#,
    argument(
        name = "rate_per_khour",
        description = "Events per 1000 usage hours without the change."
    ),
    argument(name = "ratio", description = "Factor to find, such as 1.5."),
    argument(name = "power", description = "Probability of finding it, default 0.8."),
    argument(name = "alpha", description = "Probability of a false alarm, default 0.05."),
    argument(
        name = "dispersion",
        description = "Variance of the counts over their mean, default 1."
    ),
    argument(name = "arms", description = "2 (default) or 1.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KhoursToDetect;

impl RowFunction for KhoursToDetect {
    const NAME: &'static str = "khours_to_detect";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::number("rate_per_khour"),
        Parameter::number("ratio"),
        Parameter::number_or("power", 0.8),
        Parameter::number_or("alpha", 0.05),
        Parameter::number_or("dispersion", 1.0),
        Parameter::number_or("arms", 2.0),
    ];
    type Output = f64;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<f64>, FunctionError> {
        let [rate, ratio, power, alpha, dispersion, arms] = row.numbers();
        if arms != 1.0 && arms != 2.0 {
            return Err(FunctionError::invalid_argument(format_args!(
                "arms must be 1 or 2 (got {arms})"
            )));
        }
        Ok(Some(khours_to_detect(
            rate,
            ratio,
            power,
            alpha,
            dispersion,
            arms as i64,
        )?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
