//! `standardized_rate(count, hours, ref_hours [, confidence [, method [, missing]]])`: the rate that a reference population would have.

use crate::FunctionError;
use crate::aggregate_function::{AggregateFunction, Constant, State};
use crate::arguments::{CONFIDENCE, COUNT, HOURS, Parameter, Row};
use crate::results::{MAX_FIELDS, Record};
use crate::statistics::method::{MissingStratum, StandardizedMethod};
use crate::statistics::rate_intervals::TwoSidedLevel;
use crate::statistics::standardized::{STANDARDIZED_PARTS, StandardizedRate, StandardizedState};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Standardised rates"),
    description = "Directly standardised rate in events per 1000 usage hours over strata (one row per operating \
system and country, for example), as a struct `rate, lower, upper, ref_covered`: every stratum \
weighs as much as its share of the reference's hours, so that early adopters do not stand for \
everybody. Gamma interval after Fay and Feuer 1997, or Tiwari and others 2006, which is \
narrower. `ref_covered` is the share of the reference in strata with usage. A stratum with \
reference hours but no usage hours is an error, is dropped, or is given the pooled rate of the \
others, as `missing` says. With one stratum it is `rate_ci`. Rows with a NULL argument are \
skipped; a NaN makes the result NaN. confidence, method and missing must be the same in every \
row of a group. Errors: a negative or infinite count, usage_hours or ref_hours, a confidence \
outside (0, 1), an unknown method.",
    syntax_example = "standardized_rate(count, hours, ref_hours [, confidence [, method [, missing]]])",
    sql_example = r#"```sql
> SELECT round(s.r['rate'], 4) AS rate, round(s.r['lower'], 4) AS lower, round(s.r['upper'], 4) AS upper, s.r['ref_covered'] AS covered FROM (SELECT standardized_rate(k, h, ref) AS r FROM (VALUES (40, 1000.0, 50000.0), (10, 100.0, 2000.0)) AS t(k, h, ref)) AS s;
+---------+--------+---------+---------+
| rate    | lower  | upper   | covered |
+---------+--------+---------+---------+
| 42.3077 | 31.035 | 56.4079 | 1.0     |
+---------+--------+---------+---------+
```"#,
    argument(name = "count", description = "Number of events in the stratum."),
    argument(name = "hours", description = "Usage hours in the stratum."),
    argument(
        name = "ref_hours",
        description = "Usage hours of the reference population in the stratum."
    ),
    argument(name = "confidence", description = "Between 0 and 1, default 0.95."),
    argument(name = "method", description = "`'fay_feuer'` (default) or `'tiwari'`."),
    argument(name = "missing", description = "`'error'` (default), `'drop'` or `'pool'`.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StandardizedRateOfStrata;

impl AggregateFunction for StandardizedRateOfStrata {
    const NAME: &'static str = "standardized_rate";
    const PARAMETERS: &'static [Parameter] = &[
        COUNT,
        HOURS,
        Parameter::number("ref_hours"),
        CONFIDENCE,
        Parameter::choice("method", StandardizedMethod::NAMES),
        Parameter::choice("missing", MissingStratum::NAMES),
    ];
    type State = Strata;
    type Output = StandardizedRate;

    fn update(&self, state: &mut Strata, row: &Row) -> Result<(), FunctionError> {
        let [count, hours, ref_hours, confidence] = row.numbers();
        state.confidence.set("confidence", confidence)?;
        state.method.set("method", row.choice(4) as f64)?;
        state.missing.set("missing", row.choice(5) as f64)?;
        Ok(state
            .sums
            .update(count, hours, ref_hours, MissingStratum::ALL[row.choice(5)])?)
    }

    fn evaluate(&self, state: &Strata) -> Result<Option<StandardizedRate>, FunctionError> {
        let (Some(confidence), Some(method), Some(missing)) =
            (state.confidence.value(), state.method.value(), state.missing.value())
        else {
            return Ok(None);
        };
        let method = StandardizedMethod::ALL[method as usize];
        let missing = MissingStratum::ALL[missing as usize];
        Ok(Some(state.sums.finish(
            &TwoSidedLevel::new(confidence)?,
            method,
            missing,
        )?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The strata of a group and how they are to be judged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strata {
    confidence: Constant,
    method: Constant,
    missing: Constant,
    sums: StandardizedState,
}

impl State for Strata {
    fn merge(&mut self, other: Self) -> Result<(), FunctionError> {
        self.confidence.merge("confidence", other.confidence)?;
        self.method.merge("method", other.method)?;
        self.missing.merge("missing", other.missing)?;
        self.sums.merge(&other.sums);
        Ok(())
    }

    fn write(&self, values: &mut Vec<f64>) {
        values.extend([self.confidence.stored(), self.method.stored(), self.missing.stored()]);
        values.extend(self.sums.to_parts());
    }

    fn read(values: &[f64]) -> Self {
        let constant = |index: usize| Constant::from_stored(values.get(index).copied().unwrap_or(f64::NAN));
        let parts: [f64; STANDARDIZED_PARTS] =
            std::array::from_fn(|index| values.get(index + 3).copied().unwrap_or_default());
        Self {
            confidence: constant(0),
            method: constant(1),
            missing: constant(2),
            sums: StandardizedState::from_parts(parts),
        }
    }
}

impl Record for StandardizedRate {
    const FIELDS: &'static [&'static str] = &["rate", "lower", "upper", "ref_covered"];

    fn values(&self) -> [Option<f64>; MAX_FIELDS] {
        [self.rate, self.lower, self.upper, self.ref_covered]
    }

    fn all_nan() -> Self {
        let nan = Some(f64::NAN);
        Self {
            rate: nan,
            lower: nan,
            upper: nan,
            ref_covered: nan,
        }
    }
}
