//! Both tails of the beta law (the regularised incomplete beta function), each relatively exact, shapes to 1e12.

use super::super::error::{Result, StatisticsError};
use super::beta_inverse::UnitPoint;
use super::gamma::{GammaTails, gamma_tails};
use super::gauss_legendre::{NODES, WEIGHTS};
use super::saddle_point::{deviance, log1p_minus_x, stirling_error};
use std::f64::consts::PI;

const MAX_TERMS: usize = 3000;
const NEGLIGIBLE_SHAPE: f64 = 1e-100;
const HUGE_SHAPE: f64 = 1e100;
/// From this smaller shape on the tail is smooth enough for a fixed quadrature.
const QUADRATURE_MIN_SHAPE: f64 = 60.0;

/// P(X <= x), P(X > x) of a beta law, and the weight `x^a y^b / B(a, b)` (density times x y).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetaTails {
    pub lower: f64,
    pub upper: f64,
    pub weight: f64,
}

/// `x^a y^b / B(a, b)` with y = 1 - x given separately, so that neither end loses digits.
pub fn beta_weight(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let tilt = a * y - b * x;
    let n = a + b;
    let exponent = stirling_error(n)
        - stirling_error(a)
        - stirling_error(b)
        - deviance(a, n * x, -tilt)
        - deviance(b, n * y, tilt);
    (exponent - 0.5 * (2.0 * PI * (n / a.max(b) / a.min(b))).ln()).exp()
}

/// [`beta_weight`] by the distance in log odds from the mode `ln(a / b)`, what depends on the shapes alone worked out.
///
/// Not for shapes so large that the weight's exponent would lose its digits: its error grows like that of the distance
/// times the smaller shape.
pub(super) struct LogWeight {
    pub a: f64,
    pub b: f64,
    at_mode: f64,
}

impl LogWeight {
    pub fn new(a: f64, b: f64) -> Self {
        let n = a + b;
        let correction = stirling_error(n) - stirling_error(a) - stirling_error(b);
        let at_mode = correction.exp() * (a / n * b / (2.0 * PI)).sqrt();
        Self { a, b, at_mode }
    }

    /// The point at that distance and its weight.
    pub fn at(&self, from_mode: f64) -> (UnitPoint, f64) {
        let Self { a, b, at_mode } = *self;
        let (n, odds) = (a + b, from_mode.exp());
        // Seen from the smaller shape: the other side's terms would be large and cancel.
        let exponent = if a < b {
            a * from_mode - n * (a / n * (odds - 1.0)).ln_1p()
        } else {
            -b * from_mode - n * (b / n * (1.0 / odds - 1.0)).ln_1p()
        };
        (UnitPoint::from_parts(a * odds, b), at_mode * exponent.exp())
    }

    /// The distance at which the leading term of the tail, `weight / a` at x near 0, is `p`.
    pub fn start_of_tail(&self, p: f64) -> f64 {
        ((self.a * p / self.at_mode).ln() - (self.a + self.b) * (self.a / self.b).ln_1p()) / self.a
    }
}

/// Tails of Beta(a, b) at `x` = 1 - `y`, for a, b > 0.
///
/// DLMF 8.17.7 (series), 8.17.22 in the form of Didonato & Morris 1992 (continued fraction); for large shapes
/// Gauss–Legendre quadrature of the tail, whose integrand falls like a normal density.
pub fn beta_tails(a: f64, b: f64, x: f64, y: f64) -> Result<BetaTails> {
    if a.is_nan() || b.is_nan() || x.is_nan() || y.is_nan() {
        return Ok(BetaTails {
            lower: f64::NAN,
            upper: f64::NAN,
            weight: f64::NAN,
        });
    }
    if x <= 0.0 {
        return Ok(BetaTails {
            lower: 0.0,
            upper: 1.0,
            weight: 0.0,
        });
    }
    if y <= 0.0 {
        return Ok(BetaTails {
            lower: 1.0,
            upper: 0.0,
            weight: 0.0,
        });
    }
    // A shape of practically 0 puts all mass at its end.
    if a < NEGLIGIBLE_SHAPE {
        return Ok(BetaTails {
            lower: 1.0,
            upper: 0.0,
            weight: 0.0,
        });
    }
    if b < NEGLIGIBLE_SHAPE {
        return Ok(BetaTails {
            lower: 0.0,
            upper: 1.0,
            weight: 0.0,
        });
    }
    if a.max(b) > HUGE_SHAPE {
        return tails_in_the_limit(a, b, x, y);
    }
    let weight = beta_weight(a, b, x, y);
    let below_mean = a * y >= b * x;
    let lower = || lower_tail(a, b, x, y, weight).filter(|tail| tail.is_finite());
    let upper = || lower_tail(b, a, y, x, weight).filter(|tail| tail.is_finite());
    let from_lower = |tail: f64| (tail.min(1.0), (1.0 - tail).max(0.0));
    let from_upper = |tail: f64| ((1.0 - tail).max(0.0), tail.min(1.0));
    // The far side only where the near one fails: shapes near 0, whose mass sits at the ends.
    let both = if below_mean {
        lower().map(from_lower).or_else(|| upper().map(from_upper))
    } else {
        upper().map(from_upper).or_else(|| lower().map(from_lower))
    };
    let (lower, upper) = both
        .ok_or_else(|| StatisticsError::not_converged("incomplete beta function", &[("a", a), ("b", b), ("x", x)]))?;
    Ok(BetaTails { lower, upper, weight })
}

/// With one huge shape the law is a gamma law, with two it is a point.
fn tails_in_the_limit(a: f64, b: f64, x: f64, y: f64) -> Result<BetaTails> {
    if a < HUGE_SHAPE {
        let GammaTails { lower, upper, pmf } = gamma_tails(a, (b * x).min(f64::MAX))?;
        return Ok(BetaTails {
            lower,
            upper,
            weight: a * pmf,
        });
    }
    if b < HUGE_SHAPE {
        let GammaTails { lower, upper, pmf } = gamma_tails(b, (a * y).min(f64::MAX))?;
        return Ok(BetaTails {
            lower: upper,
            upper: lower,
            weight: b * pmf,
        });
    }
    let lower = if x / a < y / b { 0.0 } else { 1.0 };
    Ok(BetaTails {
        lower,
        upper: 1.0 - lower,
        weight: 0.0,
    })
}

/// P(X <= x) where x is not above the mean.
fn lower_tail(a: f64, b: f64, x: f64, y: f64, weight: f64) -> Option<f64> {
    if weight == 0.0 {
        return Some(0.0);
    }
    if x <= 0.9 && b * x <= 0.7 {
        return power_series(a, b, x, y, weight);
    }
    if a.min(b) >= QUADRATURE_MIN_SHAPE {
        return Some(quadrature(a, b, x, y, weight));
    }
    continued_fraction(a, b, x, y).map(|fraction| weight * fraction)
}

/// `x^a/(a B) (1 + a Σ (1-b)_n x^n / (n! (a+n)))`.
fn power_series(a: f64, b: f64, x: f64, y: f64, weight: f64) -> Option<f64> {
    let (mut coefficient, mut sum) = (1.0, 1.0);
    for n in 1..MAX_TERMS {
        let n = n as f64;
        coefficient *= (n - b) / n * x;
        let term = coefficient * a / (a + n);
        sum += term;
        if coefficient.abs() < 1e-17 {
            return Some(weight * (-b * y.ln_or_ln_1p(x)).exp() / a * sum);
        }
    }
    None
}

trait LnComplement {
    fn ln_or_ln_1p(self, complement: f64) -> f64;
}

impl LnComplement for f64 {
    /// ln y, from the complement x where that is the exact one.
    fn ln_or_ln_1p(self, complement: f64) -> f64 {
        if complement < 0.5 {
            (-complement).ln_1p()
        } else {
            self.ln()
        }
    }
}

/// `I_x / weight` by a continued fraction whose terms never cancel for x below the mean (Steed's way to sum it).
pub(super) fn continued_fraction(a: f64, b: f64, x: f64, y: f64) -> Option<f64> {
    let (n, step) = (a + b, 1.0 + y);
    let mut rise = a * y - b * x + 1.0;
    let mut inverse = 1.0 / (a + 1.0);
    let mut d = 1.0 / non_zero(a * inverse * rise);
    let (mut sum, mut difference) = (d, d);
    for m in 1..MAX_TERMS {
        let m = m as f64;
        rise += step;
        let share = x * inverse;
        let middle = m * (b - m) * share;
        let numerator = (a + m - 1.0) * share * (n + m - 1.0) * middle;
        inverse = 1.0 / (a + 2.0 * m + 1.0);
        let denominator = m + middle + (a + m) * inverse * rise;
        let next = 1.0 / non_zero(denominator + numerator * d);
        difference *= -numerator * d * next;
        d = next;
        sum += difference;
        // Two roundings of the last place may stay for ever.
        if difference.abs() < 5e-16 * sum.abs() {
            return Some(sum);
        }
    }
    None
}

fn non_zero(value: f64) -> f64 {
    if value.abs() < 1e-300 { 1e-300 } else { value }
}

/// `weight / (x y) ∫ exp(ln density(x - t) - ln density(x)) dt` over the part that double precision can see.
fn quadrature(a: f64, b: f64, x: f64, y: f64, weight: f64) -> f64 {
    let (a_1, b_1) = (a - 1.0, b - 1.0);
    let slope = (a * y - b * x + x - y) / (x * y);
    let fall = |t: f64| -slope * t + a_1 * log1p_minus_x(-t / x) + b_1 * log1p_minus_x(t / y);
    let end = visible_length(a_1, b_1, x, y, slope, fall);
    let half = 0.5 * end;
    let mut sum = 0.0;
    for (node, node_weight) in NODES.iter().zip(WEIGHTS) {
        sum += node_weight * (fall(half * (1.0 - node)).exp() + fall(half * (1.0 + node)).exp());
    }
    // Dividing by x and y one after the other keeps tiny values of either from underflowing.
    weight * (half / x) * (sum / y)
}

/// A length t where the log density has fallen by about 40: a normal approximation, then two Newton steps.
fn visible_length(a_1: f64, b_1: f64, x: f64, y: f64, slope: f64, fall: impl Fn(f64) -> f64) -> f64 {
    const DEPTH: f64 = 40.0;
    let curvature = a_1 / x / x + b_1 / y / y;
    let mut t = 2.0 * DEPTH / (slope + (slope * slope + 2.0 * DEPTH * curvature).sqrt());
    for _ in 0..2 {
        t = t.min(0.999 * x);
        let derivative = -slope - a_1 * t / (x * (x - t)) - b_1 * t / (y * (y + t));
        t -= (fall(t) + DEPTH) / derivative;
    }
    t.clamp(0.0, x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I_x(a, 1) = x^a; its complement is a continued fraction whose first denominator holds a - 1 = 0.
    #[test]
    fn shapes_of_one_have_their_closed_form() {
        for i in 1..100 {
            let x = 0.01 * f64::from(i);
            for a in [1.0, 2.0, 3.0, 10.0, 1000.0] {
                let upper = beta_tails(1.0, a, 1.0 - x, x).unwrap().upper;
                assert!(
                    (upper / x.powf(a) - 1.0).abs() < 1e-11 || upper < 1e-290,
                    "{a} {x}: {upper}"
                );
            }
        }
    }
}
