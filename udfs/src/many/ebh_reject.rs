//! `ebh_reject(log_e, alpha) OVER (…)`: which e-values of many are large enough.

use crate::FunctionError;
use crate::aggregate_function::Constant;
use crate::arguments::Parameter;
use crate::statistics::many::ebh_reject;
use crate::window_function::{Partition, WindowFunction};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Many cells"),
    description = "True where the e-BH procedure (Wang and Ramdas 2022) rejects the row's hypothesis: among all \
that it rejects in the partition at most the share alpha is false, whatever the dependence and \
however often one looks. Takes natural logarithms of e-values. NULL for a NULL e-value, which is \
not counted, and in a partition with a NaN. alpha must be the same in all rows of a partition. \
Window frames and order do not matter. Errors: an alpha outside (0, 1).",
    syntax_example = "ebh_reject(log_e, alpha) OVER (PARTITION BY ...)",
    sql_example = r#"```sql
> SELECT log_e, ebh_reject(log_e, 0.05) OVER () AS rejected FROM (VALUES (5.0), (3.5), (0.2)) AS t(log_e) ORDER BY log_e;
+-------+----------+
| log_e | rejected |
+-------+----------+
| 0.2   | false    |
| 3.5   | true     |
| 5.0   | true     |
+-------+----------+
```"#,
    argument(name = "log_e", description = "Natural logarithm of an e-value."),
    argument(name = "alpha", description = "Largest tolerated share of false rejections.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EbhReject;

impl WindowFunction for EbhReject {
    const NAME: &'static str = "ebh_reject";
    const PARAMETERS: &'static [Parameter] = &[Parameter::number("log_e"), Parameter::number("alpha")];
    type Output = bool;

    fn evaluate(&self, partition: &mut Partition) -> Result<Vec<Option<bool>>, FunctionError> {
        let mut alpha = Constant::default();
        let (positions, log_e_values) = partition.collect(|row| {
            alpha.set("alpha", row.number(1))?;
            Ok(Some(row.number(0)))
        })?;
        let Some(alpha) = alpha.value() else {
            return Ok(partition.spread(positions, []));
        };
        Ok(partition.spread(positions, ebh_reject(&log_e_values, alpha)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
