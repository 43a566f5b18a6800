//! `bh_adjust(p [, method]) OVER (…)`: p-values adjusted for their number.

use crate::FunctionError;
use crate::aggregate_function::Constant;
use crate::arguments::Parameter;
use crate::statistics::many::adjust_p_values;
use crate::statistics::method::AdjustMethod;
use crate::window_function::{Partition, WindowFunction};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Many cells"),
    description = "p-value adjusted for the number of tests in the partition. Methods: bh (Benjamini and Hochberg \
1995: of those below alpha at most the share alpha is false), by (Benjamini and Yekutieli 2001: \
under any dependence), holm (Holm 1979: no false one at all). NULL for a NULL p-value, which is \
not counted; a NaN makes the whole partition NaN. Window frames and order do not matter. For \
evidence that is looked at continuously use `ebh_reject`. Errors: a p-value outside 0 to 1, an \
unknown method.",
    syntax_example = "bh_adjust(p [, method]) OVER (PARTITION BY ...)",
    sql_example = r#"```sql
> SELECT p, round(bh_adjust(p) OVER (), 4) AS bh, round(bh_adjust(p, 'holm') OVER (), 4) AS holm FROM (VALUES (0.01), (0.02), (0.04)) AS t(p) ORDER BY p;
+------+------+------+
| p    | bh   | holm |
+------+------+------+
| 0.01 | 0.03 | 0.03 |
| 0.02 | 0.03 | 0.04 |
| 0.04 | 0.04 | 0.04 |
+------+------+------+
```"#,
    argument(name = "p", description = "p-value."),
    argument(name = "method", description = "`'bh'` (default), `'by'` or `'holm'`.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BhAdjust;

impl WindowFunction for BhAdjust {
    const NAME: &'static str = "bh_adjust";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::number("p"), Parameter::choice("method", AdjustMethod::NAMES)];
    type Output = f64;

    fn evaluate(&self, partition: &mut Partition) -> Result<Vec<Option<f64>>, FunctionError> {
        let mut method = Constant::default();
        let (positions, p_values) = partition.collect(|row| {
            method.set("method", row.choice(1) as f64)?;
            Ok(Some(row.number(0)))
        })?;
        let method = AdjustMethod::ALL[method.value().map_or(0, |choice| choice as usize)];
        Ok(partition.spread(positions, adjust_p_values(&p_values, method)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
