//! One rate whose counts vary more than Poisson counts: intervals widened by a dispersion factor.

use super::arguments::{any_nan, count as check_count, dispersion as check_dispersion, usage_hours as check_hours};
use super::error::{Result, StatisticsError};
use super::method::RateMethod;
use super::rate_intervals::{RateInterval, TwoSidedLevel, interval_per_khour, mean_interval};

/// Two-sided interval of a rate per khour under quasi-likelihood (McCullagh & Nelder 1989, §6.2).
///
/// `count` is events, `usage_hours` hours; a dispersion below 1 counts as 1. Methods `exact` and `score` only.
pub fn rate_ci_quasi(
    count: f64,
    usage_hours: f64,
    dispersion: f64,
    confidence: f64,
    method: RateMethod,
) -> Result<RateInterval> {
    rate_ci_quasi_at(count, usage_hours, dispersion, &TwoSidedLevel::new(confidence)?, method)
}

/// As [`rate_ci_quasi`], for a level prepared once.
pub fn rate_ci_quasi_at(
    count: f64,
    usage_hours: f64,
    dispersion: f64,
    level: &TwoSidedLevel,
    method: RateMethod,
) -> Result<RateInterval> {
    let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
    let dispersion = check_dispersion(dispersion)?;
    check_method(method)?;
    if any_nan(&[count, hours, dispersion, level.tail]) {
        return Ok(RateInterval::NAN);
    }
    if hours == 0.0 {
        return Ok(RateInterval::UNKNOWN);
    }
    let (lower, upper) = quasi_mean_interval(count, dispersion, level, method)?;
    Ok(interval_per_khour(count, lower, upper, hours))
}

fn check_method(method: RateMethod) -> Result<()> {
    match method {
        RateMethod::Exact | RateMethod::Score => Ok(()),
        other => Err(StatisticsError::invalid(
            "method",
            "one of exact, score for an interval with dispersion",
            format_args!("'{}'", other.name()),
        )),
    }
}

/// Interval of the mean count for a dispersion >= 1. Unit: events.
pub(super) fn quasi_mean_interval(
    count: f64,
    dispersion: f64,
    level: &TwoSidedLevel,
    method: RateMethod,
) -> Result<(f64, f64)> {
    if method == RateMethod::Score {
        let widened = TwoSidedLevel {
            z: level.z * dispersion.sqrt(),
            ..*level
        };
        return mean_interval(count, &widened, method);
    }
    let (lower, upper) = mean_interval(count / dispersion, level, method)?;
    Ok((lower * dispersion, (upper * dispersion).max(count)))
}
