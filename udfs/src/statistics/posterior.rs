//! One rate with a gamma prior: the gamma–Poisson posterior, defined even without exposure.

use super::arguments::{any_nan, count as check_count, non_negative, positive, usage_hours as check_hours};
use super::error::Result;
use super::rate_intervals::{HOURS_PER_KHOUR, RateInterval, TwoSidedLevel};
use super::special::{gamma_lower_quantile, gamma_upper_quantile};

/// Posterior mean and equal-tailed interval of a rate per khour: Gamma(prior_shape + count, prior_khours + khours).
///
/// `count` is events, `usage_hours` hours; the prior is worth `prior_shape` events in `prior_khours` khours.
/// With neither exposure nor prior khours the mean is None and the interval [0, Inf].
pub fn rate_posterior(
    count: f64,
    usage_hours: f64,
    prior_shape: f64,
    prior_khours: f64,
    confidence: f64,
) -> Result<RateInterval> {
    let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
    let prior_shape = positive("prior_shape", prior_shape)?;
    let prior_khours = non_negative("prior_khours", prior_khours)?;
    let level = TwoSidedLevel::new(confidence)?;
    if any_nan(&[count, hours, prior_shape, prior_khours, level.tail]) {
        return Ok(RateInterval::NAN);
    }
    let (shape, khours) = (prior_shape + count, prior_khours + hours / HOURS_PER_KHOUR);
    if khours == 0.0 {
        return Ok(RateInterval::UNKNOWN);
    }
    Ok(RateInterval {
        rate: Some(shape / khours),
        lower: gamma_lower_quantile(shape, level.tail)? / khours,
        upper: gamma_upper_quantile(shape, level.tail)? / khours,
    })
}
