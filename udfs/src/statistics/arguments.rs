//! The domain of every argument, checked in one place. NaN is let through: it shows as NaN in the result.

use super::error::{Result, StatisticsError};

const FINITE_NON_NEGATIVE: &str = "finite and >= 0";

/// A count or exposure: finite and not negative; `-0.0` becomes `0.0`; NaN passes.
pub fn non_negative(argument: &'static str, value: f64) -> Result<f64> {
    if value.is_nan() || (0.0..f64::INFINITY).contains(&value) {
        return Ok(value + 0.0);
    }
    Err(StatisticsError::invalid(argument, FINITE_NON_NEGATIVE, value))
}

/// Events, 0 to 2^53 exactly.
pub fn count(value: f64) -> Result<f64> {
    non_negative("count", value)
}

/// Exposure in usage hours.
pub fn usage_hours(value: f64) -> Result<f64> {
    non_negative("usage_hours", value)
}

/// Finite and strictly positive; NaN passes.
pub fn positive(argument: &'static str, value: f64) -> Result<f64> {
    if value.is_nan() || (value > 0.0 && value < f64::INFINITY) {
        return Ok(value);
    }
    Err(StatisticsError::invalid(argument, "finite and > 0", value))
}

/// Strictly between 0 and 1; NaN passes.
pub fn open_unit(argument: &'static str, value: f64) -> Result<f64> {
    if value.is_nan() || (value > 0.0 && value < 1.0) {
        return Ok(value);
    }
    Err(StatisticsError::invalid(
        argument,
        "between 0 and 1, both excluded",
        value,
    ))
}

/// A level of confidence as a fraction; a percentage is refused with a hint.
pub fn confidence(value: f64) -> Result<f64> {
    if value > 1.0 && value < 100.0 {
        return Err(StatisticsError::invalid_with_hint(
            "confidence",
            "between 0 and 1, both excluded",
            value,
            "write 95 % as 0.95",
        ));
    }
    open_unit("confidence", value)
}

/// A dispersion factor; values below 1 count as 1 (never narrower than Poisson). NaN passes.
pub fn dispersion(value: f64) -> Result<f64> {
    Ok(positive("dispersion", value)?.max_or_nan(1.0))
}

trait MaxOrNan {
    fn max_or_nan(self, floor: f64) -> f64;
}

impl MaxOrNan for f64 {
    /// `f64::max` would turn NaN into the floor.
    fn max_or_nan(self, floor: f64) -> f64 {
        if self < floor { floor } else { self }
    }
}

/// True when any argument is NaN: the answer is then NaN, visibly.
pub fn any_nan(values: &[f64]) -> bool {
    values.iter().any(|value| value.is_nan())
}
