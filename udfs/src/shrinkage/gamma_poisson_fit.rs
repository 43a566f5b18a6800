//! `gamma_poisson_fit(count, hours)`: the law of the rates behind the rows.

use crate::FunctionError;
use crate::aggregate_function::{AggregateFunction, State};
use crate::arguments::{COUNT, HOURS, Parameter, Row};
use crate::results::{MAX_FIELDS, Record};
use crate::statistics::empirical_bayes::{GammaPoissonFit, GammaPoissonState};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Many cells"),
    description = "Gamma law of the rates behind the rows, by maximum likelihood of the negative binomial counts, \
as a struct `shape, khours, log_likelihood`: a row's rate has mean shape / khours. The prior for \
`rate_posterior`. NULL where the rates do not differ more than by chance, or without events. \
Rows with a NULL argument are skipped; a NaN makes the result NaN. Errors: a negative or \
infinite count or usage_hours, a fit that does not converge.",
    syntax_example = "gamma_poisson_fit(count, hours)",
    sql_example = r#"```sql
> SELECT round(g.r['shape'] / g.r['khours'], 4) AS mean FROM (SELECT gamma_poisson_fit(k, h) AS r FROM (VALUES (2, 1000.0), (19, 1000.0), (1, 1000.0), (8, 1000.0)) AS t(k, h)) AS g;
+------+
| mean |
+------+
| 7.5  |
+------+
```"#,
    argument(
        name = "count",
        description = "Number of events of a row, such as a cell of the board."
    ),
    argument(name = "hours", description = "Usage hours of the row.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FitGammaPoisson;

impl AggregateFunction for FitGammaPoisson {
    const NAME: &'static str = "gamma_poisson_fit";
    const PARAMETERS: &'static [Parameter] = &[COUNT, HOURS];
    type State = GammaPoissonState;
    type Output = GammaPoissonFit;

    fn update(&self, state: &mut GammaPoissonState, row: &Row) -> Result<(), FunctionError> {
        Ok(state.update(row.number(0), row.number(1))?)
    }

    fn evaluate(&self, state: &GammaPoissonState) -> Result<Option<GammaPoissonFit>, FunctionError> {
        Ok(state.fit()?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl State for GammaPoissonState {
    const HOLDS_HEAP: bool = true;

    fn merge(&mut self, other: Self) -> Result<(), FunctionError> {
        GammaPoissonState::merge(self, &other);
        Ok(())
    }

    fn write(&self, values: &mut Vec<f64>) {
        values.extend(self.rows().iter().flat_map(|(count, hours)| [*count, *hours]));
    }

    fn read(values: &[f64]) -> Self {
        Self::from_rows(values.chunks_exact(2).map(|row| (row[0], row[1])).collect())
    }

    fn heap_size(&self) -> usize {
        size_of_val(self.rows())
    }
}

impl Record for GammaPoissonFit {
    const FIELDS: &'static [&'static str] = &["shape", "khours", "log_likelihood"];

    fn values(&self) -> [Option<f64>; MAX_FIELDS] {
        [Some(self.shape), Some(self.khours), Some(self.log_likelihood), None]
    }

    fn all_nan() -> Self {
        Self {
            shape: f64::NAN,
            khours: f64::NAN,
            log_likelihood: f64::NAN,
        }
    }
}
