//! Quantiles of the gamma law: the series around the mode, refined where it is not exact; where it is no start at all, a
//! bracketed search.

use super::super::error::{Result, StatisticsError};
use super::gamma::{GammaTails, gamma_tails};
use super::log_odds_series::log_gamma_quantile;
use super::normal::normal_upper_quantile;
use super::refinement::LogTail;
use super::saddle_point::ln_gamma_1p;

const MAX_STEPS: usize = 200;
/// Where the series is off by more, it is no start.
const SERIES_FAILS: f64 = 1.0;
const MAX_REFINEMENTS: usize = 4;
/// A cubically convergent step smaller than this, in standard deviations, was the last one needed.
const LAST_STEP: f64 = 2e-5;

/// The x with P(Gamma(shape, 1) <= x) = p, for shape > 0 and 0 <= p <= 1. Unit: events (a mean).
pub fn gamma_lower_quantile(shape: f64, p: f64) -> Result<f64> {
    if shape.is_nan() || !(0.0..=1.0).contains(&p) {
        return Ok(f64::NAN);
    }
    if p > 0.5 {
        return upper_or_small(shape, 1.0 - p, (-(1.0 - p)).ln_1p());
    }
    lower(shape, p, p.ln())
}

/// The x with P(Gamma(shape, 1) > x) = q, for shape > 0 and 0 <= q <= 1. Unit: events (a mean).
pub fn gamma_upper_quantile(shape: f64, q: f64) -> Result<f64> {
    if shape.is_nan() || !(0.0..=1.0).contains(&q) {
        return Ok(f64::NAN);
    }
    if q > 0.5 {
        return lower(shape, 1.0 - q, (-q).ln_1p());
    }
    upper_or_small(shape, q, (-q).ln_1p())
}

/// The upper quantile; for shapes below 1 whose quantile is below 1 the search runs over the logarithm instead.
fn upper_or_small(shape: f64, q: f64, ln_p: f64) -> Result<f64> {
    if q == 0.0 {
        return Ok(f64::INFINITY);
    }
    if shape == 1.0 {
        return Ok(-q.ln());
    }
    if shape < 1.0 && gamma_tails(shape, 1.0)?.upper < q {
        return lower(shape, 1.0 - q, ln_p);
    }
    let z = normal_upper_quantile(q);
    let log_tail = |x: f64, tails: &GammaTails| LogTail {
        residual: (tails.upper / q).ln(),
        slope: -shape * tails.pmf / tails.upper,
        drift: [shape - x, -x, -x],
    };
    if let Some(x) = near_mode(shape, z, log_tail) {
        return Ok(x);
    }
    let start = gamma_start(shape, z);
    solve_linear_scale(shape, start, &[("shape", shape), ("q", q)], |x| {
        let tails = gamma_tails(shape, x)?;
        let hazard = tails.pmf * shape / x / tails.upper;
        Ok(Tail {
            residual: (tails.upper / q).ln(),
            slope: -hazard,
            curvature: -hazard * ((shape - 1.0) / x - 1.0 + hazard),
        })
    })
}

fn lower(shape: f64, p: f64, ln_p: f64) -> Result<f64> {
    if p == 0.0 {
        return Ok(0.0);
    }
    if shape == 1.0 {
        return Ok(-(-p).ln_1p());
    }
    let z = -normal_upper_quantile(p);
    let log_tail = |x: f64, tails: &GammaTails| LogTail {
        residual: (tails.lower / p).ln(),
        slope: shape * tails.pmf / tails.lower,
        drift: [shape - x, -x, -x],
    };
    if let Some(x) = near_mode(shape, z, log_tail) {
        return Ok(x);
    }
    let power_start = (ln_p + ln_gamma_1p(shape)) / shape;
    if power_start < -740.0 {
        return Ok(0.0);
    }
    let wilson_hilferty_is_good = shape >= 20.0 || (shape > 0.8 && cube_root(shape, z) > 0.25);
    let start = if wilson_hilferty_is_good {
        gamma_start(shape, z).ln()
    } else {
        power_start + (power_start.exp() / (shape + 1.0)).min(1.0)
    };
    solve_log_scale(shape, start, &[("shape", shape), ("p", p)], |x| {
        let tails = gamma_tails(shape, x)?;
        let slope = shape * tails.pmf / tails.lower;
        let ln_lower = if tails.lower > 0.5 {
            (-tails.upper).ln_1p() - ln_p
        } else {
            (tails.lower / p).ln()
        };
        Ok(Tail {
            residual: ln_lower,
            slope,
            curvature: slope * (shape - x - slope),
        })
    })
}

/// The quantile by the series, its sum refined on the scale of ln x where it is not exact.
fn near_mode(shape: f64, z: f64, log_tail: impl Fn(f64, &GammaTails) -> LogTail) -> Option<f64> {
    if shape < 1.0 {
        return None;
    }
    let by_series = log_gamma_quantile(shape, z);
    if by_series.is_exact() {
        return Some(shape * by_series.from_mode.exp());
    }
    if by_series.uncertainty > SERIES_FAILS {
        return None;
    }
    let mut x = shape * by_series.from_mode.exp();
    for _ in 0..MAX_REFINEMENTS {
        let refinement = log_tail(x, &gamma_tails(shape, x).ok()?).refinement()?;
        x *= refinement.step.exp();
        if refinement.is_last() {
            return Some(x);
        }
    }
    None
}

/// A logarithm of a tail over its target, and its first two derivatives.
#[derive(Debug, Clone, Copy)]
pub struct Tail {
    pub residual: f64,
    pub slope: f64,
    pub curvature: f64,
}

/// A first guess of the gamma quantile at the normal quantile `z` (negative for the lower tail).
pub fn gamma_start(shape: f64, z: f64) -> f64 {
    if shape >= 20.0 {
        let guess = log_gamma_quantile(shape, z);
        if guess.uncertainty < SERIES_FAILS {
            return shape * guess.from_mode.exp();
        }
    }
    let root = cube_root(shape, z).max(0.05);
    shape * root * root * root
}

fn cube_root(shape: f64, z: f64) -> f64 {
    1.0 - 1.0 / (9.0 * shape) + z / (3.0 * shape.sqrt())
}

/// Root of an increasing function of `ln x`; returns x.
pub fn solve_log_scale(
    shape: f64,
    start: f64,
    arguments: &[(&str, f64)],
    tail: impl Fn(f64) -> Result<Tail>,
) -> Result<f64> {
    let search = Search {
        start,
        low: -745.0,
        high: 709.0,
        deviation: 1.0 / shape.sqrt().max(1.0),
        longest: 4.0,
        increasing: true,
    };
    Ok(search.solve(arguments, |u| tail(u.exp()))?.exp())
}

/// Root of a decreasing function of `x` >= 0.
pub fn solve_linear_scale(
    shape: f64,
    start: f64,
    arguments: &[(&str, f64)],
    tail: impl Fn(f64) -> Result<Tail>,
) -> Result<f64> {
    let deviation = shape.sqrt().max(1.0);
    let search = Search {
        start,
        low: 0.0,
        high: f64::MAX,
        deviation,
        longest: 20.0 * deviation + start,
        increasing: false,
    };
    search.solve(arguments, tail)
}

/// A search for the root of a monotone function inside a bracket.
pub(super) struct Search {
    pub start: f64,
    pub low: f64,
    pub high: f64,
    /// The scale on which the function bends: steps are judged in this unit.
    pub deviation: f64,
    /// No single step is longer.
    pub longest: f64,
    pub increasing: bool,
}

impl Search {
    /// Halley's iteration; every evaluation narrows the bracket, and where a step would leave it, it is halved.
    pub(super) fn solve(self, arguments: &[(&str, f64)], tail: impl Fn(f64) -> Result<Tail>) -> Result<f64> {
        let Self {
            start,
            mut low,
            mut high,
            deviation,
            mut longest,
            increasing,
        } = self;
        let mut at = start.clamp(low, high);
        for _ in 0..MAX_STEPS {
            let tail = tail(at)?;
            if tail.residual == 0.0 {
                return Ok(at);
            }
            let root_is_below = (tail.residual > 0.0) == increasing;
            if root_is_below {
                high = at;
            } else {
                low = at;
            }
            let direction = if root_is_below { -1.0 } else { 1.0 };
            let wanted = halley_step(&tail);
            if wanted.abs() < LAST_STEP * deviation || wanted.abs() <= 4.0 * f64::EPSILON * at.abs() {
                return Ok(at + wanted);
            }
            let step = if wanted.is_finite() && wanted * direction > 0.0 {
                wanted
            } else {
                direction * longest
            };
            let mut next = at + step.clamp(-longest, longest);
            if step.abs() >= longest {
                // Still far away: run faster each time.
                longest *= 2.0;
            }
            if !(next > low && next < high) {
                next = 0.5 * (low + high);
                if next == low || next == high {
                    return Ok(next);
                }
            }
            at = next;
        }
        Err(StatisticsError::not_converged("quantile", arguments))
    }
}

fn halley_step(tail: &Tail) -> f64 {
    let newton = -tail.residual / tail.slope;
    newton / (1.0 + 0.5 * newton * tail.curvature / tail.slope).max(0.3)
}
