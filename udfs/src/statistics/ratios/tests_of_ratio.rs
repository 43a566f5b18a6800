//! p-values of a rate ratio against a null ratio.

use super::super::arguments::positive;
use super::super::error::Result;
use super::super::method::{Alternative, TestMethod};
use super::super::special::{UnitPoint, beta_tails, normal_cdf};
use super::{TwoSamples, binomial_pmf, etest};

/// p-value of the hypothesis that rate1 / rate0 is `null_ratio`; counts are events, exposures usage hours.
///
/// Two-sided `exact` and `midp` are twice the smaller tail, at most 1. Without events or without an exposure the
/// data says nothing: 1. `etest` is refused above [`super::ETEST_MAX_EVENTS`] events.
pub fn rate_ratio_test(
    count1: f64,
    hours1: f64,
    count0: f64,
    hours0: f64,
    null_ratio: f64,
    alternative: Alternative,
    method: TestMethod,
) -> Result<f64> {
    let samples = TwoSamples::new(count1, hours1, count0, hours0)?;
    let null_ratio = positive("null_ratio", null_ratio)?;
    if samples.has_nan() || null_ratio.is_nan() {
        return Ok(f64::NAN);
    }
    if !samples.is_informative() {
        return Ok(1.0);
    }
    let share = samples.share(null_ratio);
    let (greater, less) = match method {
        TestMethod::ETest => return etest::p_value(&samples, share, alternative),
        TestMethod::Score => {
            let z = score(&samples, share);
            (normal_cdf(-z), normal_cdf(z))
        }
        TestMethod::Exact => (upper_tail(&samples, share)?, lower_tail(&samples, share)?),
        TestMethod::MidP => {
            let half = 0.5 * binomial_pmf(samples.count1, samples.count0, share);
            (upper_tail(&samples, share)? - half, lower_tail(&samples, share)? - half)
        }
    };
    Ok(match alternative {
        Alternative::Greater => greater.clamp(0.0, 1.0),
        Alternative::Less => less.clamp(0.0, 1.0),
        Alternative::TwoSided => (2.0 * greater.min(less)).clamp(0.0, 1.0),
    })
}

/// The statistic of the score test, positive when rate1 / rate0 exceeds `null_ratio`; None without information.
pub fn rate_ratio_z(count1: f64, hours1: f64, count0: f64, hours0: f64, null_ratio: f64) -> Result<Option<f64>> {
    let samples = TwoSamples::new(count1, hours1, count0, hours0)?;
    let null_ratio = positive("null_ratio", null_ratio)?;
    if samples.has_nan() || null_ratio.is_nan() {
        return Ok(Some(f64::NAN));
    }
    Ok(samples
        .is_informative()
        .then(|| score(&samples, samples.share(null_ratio))))
}

fn score(samples: &TwoSamples, share: UnitPoint) -> f64 {
    let excess = samples.count1 * share.y - samples.count0 * share.x;
    let variance = (samples.count1 + samples.count0) * share.x * share.y;
    if excess == 0.0 { 0.0 } else { excess / variance.sqrt() }
}

/// P(X >= count1)
fn upper_tail(samples: &TwoSamples, share: UnitPoint) -> Result<f64> {
    binomial_at_least(samples.count1, samples.count0, share)
}

/// P(X <= count1), seen as the other sample's upper tail.
fn lower_tail(samples: &TwoSamples, share: UnitPoint) -> Result<f64> {
    binomial_at_least(samples.count0, samples.count1, share.mirrored())
}

fn binomial_at_least(successes: f64, failures: f64, share: UnitPoint) -> Result<f64> {
    if successes == 0.0 {
        return Ok(1.0);
    }
    Ok(beta_tails(successes, failures + 1.0, share.x, share.y)?.lower)
}
