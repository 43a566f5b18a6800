//! `e_combine(log_e)`: one e-value of several.

use crate::FunctionError;
use crate::aggregate_function::{AggregateFunction, State};
use crate::arguments::{Parameter, Row};
use crate::statistics::many::MeanLogE;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Anytime-valid evidence"),
    description = "Natural logarithm of the mean of e-values given by their logarithms. The mean of e-values is an \
e-value whatever their dependence. Rows with a NULL argument are skipped; a NaN makes the result \
NaN. NULL without any row.",
    syntax_example = "e_combine(log_e)",
    sql_example = r#"```sql
> SELECT round(e_combine(log_e), 6) AS log_e FROM (VALUES (ln(4.0)), (ln(2.0)), (ln(3.0))) AS t(log_e);
+----------+
| log_e    |
+----------+
| 1.098612 |
+----------+
```"#,
    argument(name = "log_e", description = "Natural logarithm of an e-value.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ECombine;

impl AggregateFunction for ECombine {
    const NAME: &'static str = "e_combine";
    const PARAMETERS: &'static [Parameter] = &[Parameter::number("log_e")];
    type State = MeanLogE;
    type Output = f64;

    fn update(&self, state: &mut MeanLogE, row: &Row) -> Result<(), FunctionError> {
        state.update(row.number(0));
        Ok(())
    }

    fn evaluate(&self, state: &MeanLogE) -> Result<Option<f64>, FunctionError> {
        Ok(state.log_mean())
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl State for MeanLogE {
    fn merge(&mut self, other: Self) -> Result<(), FunctionError> {
        MeanLogE::merge(self, &other);
        Ok(())
    }

    fn write(&self, values: &mut Vec<f64>) {
        values.push(self.rows as f64);
        values.extend(self.to_parts());
    }

    fn read(values: &[f64]) -> Self {
        match values {
            [rows, largest, scaled_sum, ..] => Self::from_parts(*rows as u64, [*largest, *scaled_sum]),
            _ => Self::default(),
        }
    }
}
