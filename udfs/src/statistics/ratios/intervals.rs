//! Intervals of a rate ratio and of a rate difference, and the decisions that follow from them.

use super::super::arguments::{any_nan, confidence as check_confidence, non_negative};
use super::super::error::Result;
use super::super::method::{RateMethod, RatioMethod};
use super::super::rate_intervals::{HOURS_PER_KHOUR, TwoSidedLevel, mean_interval, scaled};
use super::super::special::{
    BetaQuantile, Tail, UnitPoint, beta_tails, gamma_lower_quantile, gamma_upper_quantile, solve_log_odds,
};
use super::{RatioMemo, TwoSamples, binomial_pmf};

/// A rate ratio with its bounds; None where it is not defined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatioInterval {
    pub ratio: Option<f64>,
    pub lower: Option<f64>,
    pub upper: Option<f64>,
}

/// A difference of rates per khour with its bounds; None where it is not defined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DifferenceInterval {
    pub difference: Option<f64>,
    pub lower: f64,
    pub upper: f64,
}

/// `(count1 / hours1) / (count0 / hours0)`; +Inf when only count0 is 0; None without events or without an exposure.
pub fn rate_ratio(count1: f64, hours1: f64, count0: f64, hours0: f64) -> Result<Option<f64>> {
    let samples = TwoSamples::new(count1, hours1, count0, hours0)?;
    Ok(if samples.has_nan() {
        Some(f64::NAN)
    } else {
        point_ratio(&samples)
    })
}

fn point_ratio(samples: &TwoSamples) -> Option<f64> {
    samples
        .is_informative()
        .then(|| samples.ratio_at_odds(samples.count1 / samples.count0))
}

/// Two-sided interval of the rate ratio; [0, Inf] without events or without an exposure.
///
/// `wald_log` has no bounds (None) when a count is zero.
pub fn rate_ratio_ci(
    count1: f64,
    hours1: f64,
    count0: f64,
    hours0: f64,
    confidence: f64,
    method: RatioMethod,
) -> Result<RatioInterval> {
    let memo = &mut RatioMemo::default();
    rate_ratio_ci_with(count1, hours1, count0, hours0, confidence, method, memo)
}

/// As [`rate_ratio_ci`], for many rows.
pub fn rate_ratio_ci_with(
    count1: f64,
    hours1: f64,
    count0: f64,
    hours0: f64,
    confidence: f64,
    method: RatioMethod,
    memo: &mut RatioMemo,
) -> Result<RatioInterval> {
    let level = memo.level(confidence)?;
    let samples = TwoSamples::new(count1, hours1, count0, hours0)?;
    if samples.has_nan() || level.tail.is_nan() {
        return Ok(RatioInterval {
            ratio: Some(f64::NAN),
            lower: Some(f64::NAN),
            upper: Some(f64::NAN),
        });
    }
    if method == RatioMethod::WaldLog {
        return Ok(wald_log(&samples, level.z));
    }
    if !samples.is_informative() {
        return Ok(RatioInterval {
            ratio: None,
            lower: Some(0.0),
            upper: Some(f64::INFINITY),
        });
    }
    // By symmetry the upper odds of sample 1 are the inverse of the lower odds of sample 0.
    let lower = lower_odds(samples.count1, samples.count0, &level, method, memo)?;
    let upper = 1.0 / lower_odds(samples.count0, samples.count1, &level, method, memo)?;
    let ratio = point_ratio(&samples);
    let at_most = |bound: f64| ratio.map_or(bound, |ratio| bound.min(ratio));
    let at_least = |bound: f64| ratio.map_or(bound, |ratio| bound.max(ratio));
    Ok(RatioInterval {
        ratio,
        lower: Some(at_most(samples.ratio_at_odds(lower))),
        upper: Some(at_least(samples.ratio_at_odds(upper))),
    })
}

/// Lower bound of the odds of an event being a success.
fn lower_odds(
    successes: f64,
    failures: f64,
    level: &TwoSidedLevel,
    method: RatioMethod,
    memo: &mut RatioMemo,
) -> Result<f64> {
    if successes < NEGLIGIBLE_COUNT {
        return Ok(0.0);
    }
    if method != RatioMethod::Score && successes.max(failures) > GAMMA_LIMIT {
        return lower_odds_in_the_limit(successes, failures, level.tail);
    }
    match method {
        RatioMethod::MidP => Ok(midp_lower(successes, failures, memo.quantile(level.tail))?.odds()),
        RatioMethod::Score => Ok(score_lower_odds(successes, failures, level.z)),
        RatioMethod::Exact | RatioMethod::WaldLog => exact_lower_odds(successes, failures, memo.quantile(level.tail)),
    }
}

/// Above this count the binomial law has become Poisson or a point, to any precision.
const GAMMA_LIMIT: f64 = 1e30;
/// Below this count the lower bound is beneath the smallest double.
const NEGLIGIBLE_COUNT: f64 = 1e-100;

fn lower_odds_in_the_limit(successes: f64, failures: f64, tail: f64) -> Result<f64> {
    if successes <= GAMMA_LIMIT {
        return Ok(gamma_lower_quantile(successes, tail)? / failures);
    }
    if failures <= GAMMA_LIMIT {
        return Ok(successes / gamma_upper_quantile(failures + 1.0, tail)?);
    }
    Ok(successes / failures)
}

/// Clopper–Pearson.
fn exact_lower_odds(successes: f64, failures: f64, quantile: &BetaQuantile) -> Result<f64> {
    if successes < NEGLIGIBLE_COUNT {
        return Ok(0.0);
    }
    if successes.max(failures) > GAMMA_LIMIT {
        return lower_odds_in_the_limit(successes, failures, quantile.p());
    }
    Ok(quantile.of(successes, failures + 1.0)?.odds())
}

/// The share at which P(X > successes) + ½ P(X = successes) = tail.
fn midp_lower(successes: f64, failures: f64, exact: &BetaQuantile) -> Result<UnitPoint> {
    let (a, b, tail) = (successes, failures + 1.0, exact.p());
    // Not above the x with ½ x^successes = tail, which may be beneath the smallest double.
    if (2.0 * tail).ln() / successes < -740.0 {
        return Ok(UnitPoint { x: 0.0, y: 1.0 });
    }
    let start = exact.of(a, b)?;
    let arguments = [("count1", successes), ("count0", failures), ("alpha/2", tail)];
    solve_log_odds(a, b, start.odds().ln().max(-745.0), &arguments, |point| {
        let pmf = binomial_pmf(successes, failures, point);
        let value = beta_tails(a, b, point.x, point.y)?.lower - 0.5 * pmf;
        // Derivatives by the log odds: of the tail successes·y·pmf, of the probability pmf·(successes·y - failures·x).
        let spread = successes * point.y + failures * point.x;
        let drift = successes * point.y - failures * point.x;
        let slope = 0.5 * pmf * spread / value;
        let bend = 0.5 * pmf * (drift * spread + (failures - successes) * point.x * point.y) / value;
        Ok(Tail {
            residual: (value / tail).ln(),
            slope,
            curvature: bend - slope * slope,
        })
    })
}

/// Wilson's interval as odds; the product of both limits is known, so that neither is a difference.
fn score_lower_odds(successes: f64, failures: f64, z: f64) -> f64 {
    let n = successes + failures;
    let root = z * (successes / n * failures + 0.25 * z * z).sqrt();
    let upper_part = |count: f64| count + 0.5 * z * z + root;
    let lower_part = successes / upper_part(successes) * successes * (1.0 + z * z / n);
    lower_part / upper_part(failures)
}

fn wald_log(samples: &TwoSamples, z: f64) -> RatioInterval {
    let ratio = point_ratio(samples);
    let defined = samples.is_informative() && samples.count1 > 0.0 && samples.count0 > 0.0;
    let Some(point) = ratio.filter(|_| defined) else {
        return RatioInterval {
            ratio,
            lower: None,
            upper: None,
        };
    };
    let half_width = z * (1.0 / samples.count1 + 1.0 / samples.count0).sqrt();
    RatioInterval {
        ratio,
        lower: Some(point * (-half_width).exp()),
        upper: Some(point * half_width.exp()),
    }
}

/// Interval of rate1 - rate0, per khour: MOVER on score limits (Donner & Zou 2012).
///
/// Without one of the exposures the difference is None and the interval [-Inf, Inf].
pub fn rate_diff_ci(count1: f64, hours1: f64, count0: f64, hours0: f64, confidence: f64) -> Result<DifferenceInterval> {
    let samples = TwoSamples::new(count1, hours1, count0, hours0)?;
    let level = TwoSidedLevel::new(confidence)?;
    if samples.has_nan() || level.tail.is_nan() {
        return Ok(DifferenceInterval {
            difference: Some(f64::NAN),
            lower: f64::NAN,
            upper: f64::NAN,
        });
    }
    if samples.hours1 == 0.0 || samples.hours0 == 0.0 {
        return Ok(DifferenceInterval {
            difference: None,
            lower: f64::NEG_INFINITY,
            upper: f64::INFINITY,
        });
    }
    let one = |count: f64, hours: f64| -> Result<[f64; 3]> {
        let (lower, upper) = mean_interval(count, &level, RateMethod::Score)?;
        Ok([count, count - lower, upper - count].map(|value| scaled(value, hours, HOURS_PER_KHOUR)))
    };
    let [rate1, below1, above1] = one(samples.count1, samples.hours1)?;
    let [rate0, below0, above0] = one(samples.count0, samples.hours0)?;
    let difference = rate1 - rate0;
    Ok(DifferenceInterval {
        difference: Some(difference),
        lower: difference - below1.hypot(above0),
        upper: difference + above1.hypot(below0),
    })
}

/// True when the one-sided exact upper bound of the rate ratio is below `1 + margin`. None when an argument is NaN.
pub fn rate_noninferior(
    count1: f64,
    hours1: f64,
    count0: f64,
    hours0: f64,
    margin: f64,
    confidence: f64,
) -> Result<Option<bool>> {
    let memo = &mut RatioMemo::default();
    rate_noninferior_with(count1, hours1, count0, hours0, margin, confidence, memo)
}

/// As [`rate_noninferior`], for many rows.
pub fn rate_noninferior_with(
    count1: f64,
    hours1: f64,
    count0: f64,
    hours0: f64,
    margin: f64,
    confidence: f64,
    memo: &mut RatioMemo,
) -> Result<Option<bool>> {
    let samples = TwoSamples::new(count1, hours1, count0, hours0)?;
    Decision::new(samples, margin, confidence)?
        .map(|decision| Ok(decision.is_informed() && decision.upper(memo)? < decision.limit))
        .transpose()
}

/// True when both one-sided exact bounds lie strictly between `1 / (1 + margin)` and `1 + margin` (two one-sided
/// tests). None when an argument is NaN.
pub fn rate_equivalent(
    count1: f64,
    hours1: f64,
    count0: f64,
    hours0: f64,
    margin: f64,
    confidence: f64,
) -> Result<Option<bool>> {
    let memo = &mut RatioMemo::default();
    rate_equivalent_with(count1, hours1, count0, hours0, margin, confidence, memo)
}

/// As [`rate_equivalent`], for many rows.
pub fn rate_equivalent_with(
    count1: f64,
    hours1: f64,
    count0: f64,
    hours0: f64,
    margin: f64,
    confidence: f64,
    memo: &mut RatioMemo,
) -> Result<Option<bool>> {
    let samples = TwoSamples::new(count1, hours1, count0, hours0)?;
    Decision::new(samples, margin, confidence)?
        .map(|decision| {
            Ok(decision.is_informed()
                && decision.lower(memo)? > 1.0 / decision.limit
                && decision.upper(memo)? < decision.limit)
        })
        .transpose()
}

/// Two samples to be judged by one-sided exact bounds of their rate ratio.
struct Decision {
    samples: TwoSamples,
    /// 1 + margin
    limit: f64,
    /// 1 - confidence
    alpha: f64,
}

impl Decision {
    /// None when an argument is NaN.
    fn new(samples: TwoSamples, margin: f64, confidence: f64) -> Result<Option<Self>> {
        let margin = non_negative("margin", margin)?;
        let alpha = 1.0 - check_confidence(confidence)?;
        let undefined = samples.has_nan() || any_nan(&[margin, alpha]);
        Ok((!undefined).then_some(Self {
            samples,
            limit: 1.0 + margin,
            alpha,
        }))
    }

    /// Without events or without an exposure nothing can be decided.
    fn is_informed(&self) -> bool {
        self.samples.is_informative()
    }

    fn lower(&self, memo: &mut RatioMemo) -> Result<f64> {
        let samples = &self.samples;
        let odds = exact_lower_odds(samples.count1, samples.count0, memo.quantile(self.alpha))?;
        Ok(samples.ratio_at_odds(odds))
    }

    fn upper(&self, memo: &mut RatioMemo) -> Result<f64> {
        let samples = &self.samples;
        let odds = exact_lower_odds(samples.count0, samples.count1, memo.quantile(self.alpha))?;
        Ok(samples.ratio_at_odds(1.0 / odds))
    }
}
