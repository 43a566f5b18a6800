//! One rate: point, standard error, two-sided intervals by eight methods, one-sided upper bound.
//!
//! `count` is events, `usage_hours` hours of use; every rate is per khour (1000 usage hours).

use super::arguments::{
    any_nan, confidence as check_confidence, count as check_count, non_negative, usage_hours as check_hours,
};
use super::error::{Result, StatisticsError};
use super::method::RateMethod;
use super::special::{
    Tail, gamma_lower_quantile, gamma_start, gamma_tails, gamma_upper_quantile, normal_upper_quantile, solve_log_scale,
};

/// Usage hours in a khour.
pub const HOURS_PER_KHOUR: f64 = 1000.0;

/// A rate per khour with its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateInterval {
    /// None where nothing is known (no exposure).
    pub rate: Option<f64>,
    pub lower: f64,
    pub upper: f64,
}

impl RateInterval {
    pub(super) const NAN: Self = Self {
        rate: Some(f64::NAN),
        lower: f64::NAN,
        upper: f64::NAN,
    };
    pub(super) const UNKNOWN: Self = Self {
        rate: None,
        lower: 0.0,
        upper: f64::INFINITY,
    };
}

/// The confidence of a two-sided interval, prepared: the tail on each side and the normal quantile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoSidedLevel {
    /// alpha
    pub alpha: f64,
    /// alpha / 2
    pub tail: f64,
    /// The normal quantile of 1 - alpha / 2.
    pub z: f64,
}

impl TwoSidedLevel {
    /// From a confidence strictly between 0 and 1. NaN gives NaN everywhere.
    pub fn new(confidence: f64) -> Result<Self> {
        let alpha = 1.0 - check_confidence(confidence)?;
        let tail = 0.5 * alpha;
        Ok(Self {
            alpha,
            tail,
            z: normal_upper_quantile(tail),
        })
    }
}

/// Events per khour: `1000 count / usage_hours`; None without exposure.
pub fn rate_per_khour(count: f64, usage_hours: f64) -> Result<Option<f64>> {
    rate_per(count, usage_hours, HOURS_PER_KHOUR)
}

/// `per * count / exposure`: events per any unit of exposure; None without exposure.
pub fn rate_per(count: f64, exposure: f64, per: f64) -> Result<Option<f64>> {
    let (count, exposure) = (check_count(count)?, non_negative("exposure", exposure)?);
    let per = non_negative("per", per)?;
    if any_nan(&[count, exposure, per]) {
        return Ok(Some(f64::NAN));
    }
    Ok((exposure > 0.0).then(|| scaled(count, exposure, per)))
}

/// `value / exposure * per` in the order that neither overflows nor underflows early.
pub(super) fn scaled(value: f64, exposure: f64, per: f64) -> f64 {
    let product = value * per;
    if product.is_finite() {
        product / exposure
    } else {
        value / exposure * per
    }
}

/// Events to expect at a rate per khour over some usage hours.
pub fn events_expected(rate_per_khour: f64, usage_hours: f64) -> Result<f64> {
    let (rate, hours) = (
        non_negative("rate_per_khour", rate_per_khour)?,
        check_hours(usage_hours)?,
    );
    Ok(rate * hours / HOURS_PER_KHOUR)
}

/// Usage hours in khours.
pub fn khours(usage_hours: f64) -> Result<f64> {
    Ok(check_hours(usage_hours)? / HOURS_PER_KHOUR)
}

/// Standard error of a Poisson rate, per khour: `1000 √count / usage_hours`; None without exposure.
pub fn rate_se(count: f64, usage_hours: f64) -> Result<Option<f64>> {
    let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
    if any_nan(&[count, hours]) {
        return Ok(Some(f64::NAN));
    }
    Ok((hours > 0.0).then(|| scaled(count.sqrt(), hours, HOURS_PER_KHOUR)))
}

/// Two-sided interval of a rate, per khour, from events and usage hours.
///
/// Without exposure the rate is None and the interval [0, Inf]. lower <= rate <= upper always holds.
pub fn rate_ci(count: f64, usage_hours: f64, confidence: f64, method: RateMethod) -> Result<RateInterval> {
    rate_ci_at(count, usage_hours, &TwoSidedLevel::new(confidence)?, method)
}

/// As [`rate_ci`], for a level prepared once (a literal confidence over many rows).
pub fn rate_ci_at(count: f64, usage_hours: f64, level: &TwoSidedLevel, method: RateMethod) -> Result<RateInterval> {
    let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
    if any_nan(&[count, hours, level.tail]) {
        return Ok(RateInterval::NAN);
    }
    if hours == 0.0 {
        return Ok(RateInterval::UNKNOWN);
    }
    let (lower, upper) = mean_interval(count, level, method)?;
    Ok(interval_per_khour(count, lower, upper, hours))
}

/// Bounds of a mean count, scaled to rates per khour.
pub(super) fn interval_per_khour(count: f64, lower: f64, upper: f64, hours: f64) -> RateInterval {
    RateInterval {
        rate: Some(scaled(count, hours, HOURS_PER_KHOUR)),
        lower: scaled(lower, hours, HOURS_PER_KHOUR),
        upper: scaled(upper, hours, HOURS_PER_KHOUR),
    }
}

/// Lower bound of a rate per khour, as [`rate_ci`] but computing one side only.
pub fn rate_lower_at(count: f64, usage_hours: f64, level: &TwoSidedLevel, method: RateMethod) -> Result<f64> {
    one_side(count, usage_hours, level, 0.0, |count| mean_lower(count, level, method))
}

/// Upper bound of a rate per khour, as [`rate_ci`] but computing one side only.
pub fn rate_upper_at(count: f64, usage_hours: f64, level: &TwoSidedLevel, method: RateMethod) -> Result<f64> {
    one_side(count, usage_hours, level, f64::INFINITY, |count| {
        mean_upper(count, level, method)
    })
}

fn one_side(
    count: f64,
    usage_hours: f64,
    level: &TwoSidedLevel,
    unknown: f64,
    bound: impl Fn(f64) -> Result<f64>,
) -> Result<f64> {
    let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
    if any_nan(&[count, hours, level.tail]) {
        return Ok(f64::NAN);
    }
    if hours == 0.0 {
        return Ok(unknown);
    }
    Ok(scaled(bound(count)?, hours, HOURS_PER_KHOUR))
}

/// Two-sided interval of the mean count. Unit: events.
pub fn mean_interval(count: f64, level: &TwoSidedLevel, method: RateMethod) -> Result<(f64, f64)> {
    Ok((mean_lower(count, level, method)?, mean_upper(count, level, method)?))
}

/// Lower bound of the mean count, never negative, never above the count. Unit: events.
pub fn mean_lower(count: f64, level: &TwoSidedLevel, method: RateMethod) -> Result<f64> {
    if count == 0.0 {
        return Ok(0.0);
    }
    let z = level.z;
    let lower = match method {
        RateMethod::Exact => exact_lower(count, level.tail)?,
        RateMethod::MidP => midp_lower(count, level.tail)?,
        RateMethod::Score => count / score_upper(count, z) * count,
        RateMethod::Byar => count * (1.0 - 1.0 / (9.0 * count) - z / (3.0 * count.sqrt())).max(0.0).powi(3),
        RateMethod::Jeffreys => gamma_lower_quantile(count + 0.5, level.tail)?,
        RateMethod::Anscombe => ((count + 0.375).sqrt() - 0.5 * z).max(0.0).powi(2) - 0.375,
        RateMethod::FreemanTukey => 0.25 * ((double_root(count) - z).max(0.0).powi(2) - 1.0),
        RateMethod::Wald => count - z * count.sqrt(),
    };
    Ok(lower.clamp(0.0, count))
}

/// Upper bound of the mean count, never below the count. Unit: events.
pub fn mean_upper(count: f64, level: &TwoSidedLevel, method: RateMethod) -> Result<f64> {
    let z = level.z;
    let upper = match method {
        RateMethod::Exact => exact_upper(count, level.tail)?,
        RateMethod::MidP => midp_upper(count, level.tail)?,
        RateMethod::Score => score_upper(count, z),
        RateMethod::Byar => {
            let next = count + 1.0;
            next * (1.0 - 1.0 / (9.0 * next) + z / (3.0 * next.sqrt())).powi(3)
        }
        RateMethod::Jeffreys => gamma_upper_quantile(count + 0.5, level.tail)?,
        RateMethod::Anscombe => ((count + 0.375).sqrt() + 0.5 * z).powi(2) - 0.375,
        RateMethod::FreemanTukey => 0.25 * ((double_root(count) + z).powi(2) - 1.0),
        RateMethod::Wald => count + z * count.sqrt(),
    };
    Ok(upper.max(count))
}

/// Variance-stabilised interval of the mean count, `(√count ∓ z/2)²`. Unit: events.
pub fn variance_stabilised_interval(count: f64, level: &TwoSidedLevel) -> (f64, f64) {
    let (root, half) = (count.sqrt(), 0.5 * level.z);
    ((root - half).max(0.0).powi(2), (root + half).powi(2))
}

/// Garwood 1936, lower: P⁻¹(count, tail).
pub(super) fn exact_lower(count: f64, tail: f64) -> Result<f64> {
    if count == 0.0 {
        Ok(0.0)
    } else {
        named(gamma_lower_quantile(count, tail), "exact lower bound", count, tail)
    }
}

/// Garwood 1936, upper: Q⁻¹(count + 1, tail).
pub(super) fn exact_upper(count: f64, tail: f64) -> Result<f64> {
    if count == 0.0 {
        return Ok(-tail.ln());
    }
    named(
        gamma_upper_quantile(count + 1.0, tail),
        "exact upper bound",
        count,
        tail,
    )
}

/// Says in a failure which count and tail were asked for.
fn named(result: Result<f64>, function: &'static str, count: f64, tail: f64) -> Result<f64> {
    result.map_err(|_| StatisticsError::not_converged(function, &[("count", count), ("alpha/2", tail)]))
}

fn score_upper(count: f64, z: f64) -> f64 {
    count + 0.5 * z * z + z * (count + 0.25 * z * z).sqrt()
}

fn double_root(count: f64) -> f64 {
    count.sqrt() + (count + 1.0).sqrt()
}

/// Lancaster 1961: the mean at which P(X > count) + ½ P(X = count) = tail.
fn midp_lower(count: f64, tail: f64) -> Result<f64> {
    let z = -normal_upper_quantile(tail);
    // For a count near 0 the condition is ½ P(X = count) = tail, and its root may be below the smallest double.
    if count < 1e-100 || (2.0 * tail).ln() / count < -740.0 {
        return Ok(0.0);
    }
    midp(count, gamma_start(count + 0.5, z), tail, |mean| {
        let tails = gamma_tails(count, mean)?;
        Ok(MidPTail {
            value: tails.lower - 0.5 * tails.pmf,
            pmf: tails.pmf,
            sign: 1.0,
        })
    })
}

/// The mean at which P(X < count) + ½ P(X = count) = tail.
fn midp_upper(count: f64, tail: f64) -> Result<f64> {
    if count == 0.0 {
        return Ok(-(2.0 * tail).ln());
    }
    let z = normal_upper_quantile(tail);
    midp(count, gamma_start(count + 0.5, z), tail, |mean| {
        let tails = gamma_tails(count, mean)?;
        Ok(MidPTail {
            value: tails.upper + 0.5 * tails.pmf,
            pmf: tails.pmf,
            sign: -1.0,
        })
    })
}

struct MidPTail {
    value: f64,
    pmf: f64,
    /// +1 where the value grows with the mean.
    sign: f64,
}

fn midp(count: f64, start: f64, tail: f64, at: impl Fn(f64) -> Result<MidPTail>) -> Result<f64> {
    let arguments = [("count", count), ("alpha/2", tail)];
    solve_log_scale(count, start.ln(), &arguments, |mean| {
        let MidPTail { value, pmf, sign } = at(mean)?;
        // d value / d ln mean = ± ½ pmf (mean + count), and d pmf / d ln mean = pmf (count - mean).
        let growth = 0.5 * pmf * (mean + count) / value;
        let bend = 0.5 * pmf * ((count - mean) * (mean + count) + mean) / value;
        Ok(Tail {
            residual: sign * (value / tail).ln(),
            slope: growth,
            curvature: bend - sign * growth * growth,
        })
    })
}

/// One-sided upper bound of a rate per khour at a confidence; with no events it is `-ln(1 - confidence)` events.
///
/// Inf without exposure.
pub fn rate_upper_bound(count: f64, usage_hours: f64, confidence: f64) -> Result<f64> {
    let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
    let alpha = 1.0 - check_confidence(confidence)?;
    if any_nan(&[count, hours, alpha]) {
        return Ok(f64::NAN);
    }
    if hours == 0.0 {
        return Ok(f64::INFINITY);
    }
    Ok(scaled(exact_upper(count, alpha)?, hours, HOURS_PER_KHOUR))
}
