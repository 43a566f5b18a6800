//! `always_valid_p(log_e)`: the p-value of an e-value.

use crate::FunctionError;
use crate::arguments::{Parameter, Row};
use crate::row_function::RowFunction;
use crate::statistics::confidence_sequence::always_valid_p;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Anytime-valid evidence"),
    description = "The p-value of an e-value given by its natural logarithm: least(1, exp(-log_e)). Of a running \
maximum it is a p-value that stays valid however often one looks. NULL where an argument is \
NULL.",
    syntax_example = "always_valid_p(log_e)",
    sql_example = r#"```sql
> SELECT round(always_valid_p(3), 6) AS p, always_valid_p(-1) AS none;
+----------+------+
| p        | none |
+----------+------+
| 0.049787 | 1.0  |
+----------+------+
```"#,
    argument(
        name = "log_e",
        description = "Natural logarithm of an e-value, such as `rate_ratio_eprocess` gives."
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AlwaysValidP;

impl RowFunction for AlwaysValidP {
    const NAME: &'static str = "always_valid_p";
    const PARAMETERS: &'static [Parameter] = &[Parameter::number("log_e")];
    const CAN_FAIL: bool = false;
    type Output = f64;
    type Memo = ();

    fn evaluate(&self, row: &Row, (): &mut ()) -> Result<Option<f64>, FunctionError> {
        Ok(Some(always_valid_p(row.number(0))))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
