//! `rate_ratio_test(count1, hours1, count0, hours0 [, null_ratio [, alternative [, method]]])`: whether two rates differ.

use super::samples::{COUNT0, COUNT1, HOURS0, HOURS1};
use crate::FunctionError;
use crate::arguments::{Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::method::TestMethod;
use crate::statistics::ratios::rate_ratio_test;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Rate ratios"),
    description = "p-value of the hypothesis that the ratio of two rates is `null_ratio` (at most, for \
`'greater'`). Two-sided exact and midp are twice the smaller tail, at most 1; 1 where the data \
says nothing. Methods: exact (Przyborowski and Wilenski 1940), midp, score, etest \
(Krishnamoorthy and Thomson 2004; refused above 1000000 events). For a release that is looked at \
again and again use `rate_ratio_eprocess`. NULL where an argument is NULL. Errors: a negative or \
infinite count or exposure, a null_ratio that is not above 0, an unknown alternative or method.",
    syntax_example = "rate_ratio_test(count1, hours1, count0, hours0 [, null_ratio [, alternative [, method]]])",
    sql_example = r#"```sql
> SELECT round(rate_ratio_test(12, 1000, 3, 1000), 4) AS p, round(rate_ratio_test(5, 1, 1, 2, 1, 'greater'), 4) AS p_greater;
+--------+-----------+
| p      | p_greater |
+--------+-----------+
| 0.0352 | 0.0178    |
+--------+-----------+
```"#,
    argument(
        name = "count1",
        description = "Number of events of the first, such as the new release."
    ),
    argument(name = "hours1", description = "Usage hours of the first."),
    argument(
        name = "count0",
        description = "Number of events of the second, which it is compared with."
    ),
    argument(name = "hours0", description = "Usage hours of the second."),
    argument(name = "null_ratio", description = "Ratio under the hypothesis, default 1."),
    argument(
        name = "alternative",
        description = "`'two-sided'` (default), `'greater'` or `'less'`."
    ),
    argument(
        name = "method",
        description = "`'exact'` (default), `'midp'`, `'score'` or `'etest'`."
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateRatioTest;

impl RowFunction for RateRatioTest {
    const NAME: &'static str = "rate_ratio_test";
    const PARAMETERS: &'static [Parameter] = &[
        COUNT1,
        HOURS1,
        COUNT0,
        HOURS0,
        Parameter::number_or("null_ratio", 1.0),
        Parameter::choice("alternative", ALTERNATIVES),
        Parameter::choice("method", TestMethod::NAMES),
    ];
    type Output = f64;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<f64>, FunctionError> {
        let [count1, hours1, count0, hours0, null_ratio] = row.numbers();
        let alternative = ALTERNATIVES[row.choice(5)].parse()?;
        let method = TestMethod::ALL[row.choice(6)];
        Ok(Some(rate_ratio_test(
            count1,
            hours1,
            count0,
            hours0,
            null_ratio,
            alternative,
            method,
        )?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The default first.
const ALTERNATIVES: &[&str] = &["two-sided", "greater", "less"];
