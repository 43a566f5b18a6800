//! Both tails of the gamma law (the regularised incomplete gamma functions P and Q), each relatively exact.

use super::super::error::{Result, StatisticsError};
use super::saddle_point::{ln_gamma_1p, log1p_minus_x, poisson_pmf};
use super::temme_table::{COLUMNS, ROWS, TABLE};
use std::f64::consts::PI;

const MAX_TERMS: usize = 2000;
const EPSILON: f64 = 1e-17;
/// Temme's expansion is used from this shape on, where |eta| <= 1.
const TEMME_MIN_SHAPE: f64 = 20.0;
/// Up to this shape a whole-numbered upper tail is a finite Poisson sum, cheaper than anything else.
const FINITE_SUM_MAX_SHAPE: f64 = 60.0;

/// P(X <= x) and P(X > x) of a gamma law, and the Poisson probability `e^-x x^shape / Γ(shape + 1)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GammaTails {
    pub lower: f64,
    pub upper: f64,
    /// `poisson_pmf(shape, x)`; the density is `pmf * shape / x`.
    pub pmf: f64,
}

impl GammaTails {
    fn from_lower(lower: f64, pmf: f64) -> Self {
        Self {
            lower,
            upper: 1.0 - lower,
            pmf,
        }
    }

    fn from_upper(upper: f64, pmf: f64) -> Self {
        Self {
            lower: 1.0 - upper,
            upper,
            pmf,
        }
    }
}

/// Tails of Gamma(shape, 1) at `x`, for shape > 0 and x >= 0. Unit: events (a mean), not a rate.
///
/// DLMF 8.11.4 (series), 8.9.2 (continued fraction), 8.12 (Temme's expansion), 8.7.1 (small shapes).
pub fn gamma_tails(shape: f64, x: f64) -> Result<GammaTails> {
    if shape.is_nan() || x.is_nan() {
        return Ok(GammaTails {
            lower: f64::NAN,
            upper: f64::NAN,
            pmf: f64::NAN,
        });
    }
    if x <= 0.0 {
        return Ok(GammaTails::from_lower(0.0, 0.0));
    }
    if x == f64::INFINITY {
        return Ok(GammaTails::from_upper(0.0, 0.0));
    }
    let pmf = poisson_pmf(shape, x);
    let tails = if shape >= TEMME_MIN_SHAPE && x > 0.3 * shape && x < 2.3 * shape {
        Some(temme(shape, x, pmf))
    } else if shape < 1.0 && x < 1.1 {
        upper_for_small_shape(shape, x)
            .map(|upper| GammaTails::from_upper(upper, pmf))
            .map(|tails| {
                // The series for P is exact where P is the smaller tail.
                match lower_series(shape, x, pmf) {
                    Some(lower) if lower < 0.5 => GammaTails::from_lower(lower, pmf),
                    _ => tails,
                }
            })
    } else if x < shape + 1.0 {
        lower_series(shape, x, pmf).map(|lower| GammaTails::from_lower(lower, pmf))
    } else if shape <= FINITE_SUM_MAX_SHAPE && shape == shape.trunc() {
        Some(GammaTails::from_upper(upper_finite_sum(shape, x, pmf), pmf))
    } else {
        upper_fraction(shape, x, pmf).map(|upper| GammaTails::from_upper(upper, pmf))
    };
    tails
        .filter(|tails| tails.lower.is_finite() && tails.upper.is_finite())
        .ok_or_else(|| StatisticsError::not_converged("incomplete gamma function", &[("shape", shape), ("x", x)]))
}

/// P = pmf (1 + x/(a+1) + x²/((a+1)(a+2)) + …).
fn lower_series(shape: f64, x: f64, pmf: f64) -> Option<f64> {
    let (mut term, mut sum, mut denominator) = (1.0, 1.0, shape);
    for _ in 0..MAX_TERMS {
        denominator += 1.0;
        term *= x / denominator;
        sum += term;
        if term < EPSILON * sum {
            return Some((pmf * sum).min(1.0));
        }
    }
    None
}

/// Q = P(Poisson(x) < a) = pmf · (a/x) (1 + (a-1)/x + (a-1)(a-2)/x² + …), finite for whole a.
fn upper_finite_sum(shape: f64, x: f64, pmf: f64) -> f64 {
    let inverse = 1.0 / x;
    let (mut term, mut sum, mut factor) = (1.0, 1.0, shape - 1.0);
    while factor > 0.0 {
        term *= factor * inverse;
        sum += term;
        if term < EPSILON * sum {
            break;
        }
        factor -= 1.0;
    }
    (pmf * shape * inverse * sum).min(1.0)
}

/// Q by Legendre's continued fraction (modified Lentz).
fn upper_fraction(shape: f64, x: f64, pmf: f64) -> Option<f64> {
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - shape;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for i in 1..MAX_TERMS {
        let i = i as f64;
        let a = -i * (i - shape);
        b += 2.0;
        d = 1.0 / non_zero(a * d + b);
        c = non_zero(b + a / c);
        let factor = d * c;
        fraction *= factor;
        // Two roundings of the last place may stay for ever.
        if (factor - 1.0).abs() < 5e-16 {
            return Some((pmf * shape * fraction).min(1.0));
        }
    }
    None
}

fn non_zero(value: f64) -> f64 {
    if value.abs() < 1e-300 { 1e-300 } else { value }
}

/// Q for shape < 1 and x about 1 or less: 1 - P would lose every digit of a small Q.
fn upper_for_small_shape(shape: f64, x: f64) -> Option<f64> {
    let exponent = shape * x.ln() - ln_gamma_1p(shape);
    let (mut power, mut sum) = (1.0, 0.0);
    for n in 1..MAX_TERMS {
        let n = n as f64;
        power *= -x / n;
        let term = power * shape / (shape + n);
        sum += term;
        if power.abs() < EPSILON {
            return Some((-exponent.exp_m1() - exponent.exp() * sum).clamp(0.0, 1.0));
        }
    }
    None
}

/// Temme's uniform expansion: ½ erfc(±eta √(a/2)) ± pmf-sized correction.
fn temme(shape: f64, x: f64, pmf: f64) -> GammaTails {
    let mu = (x - shape) / shape;
    let half_eta_square = -log1p_minus_x(mu);
    let eta = (2.0 * half_eta_square).sqrt().copysign(mu);
    // e^(-a eta²/2) / √(2πa), from the probability already at hand (Γ*(a) is exp(stirling_error)).
    let scale = (-shape * half_eta_square).exp() / (2.0 * PI * shape).sqrt();
    let correction = scale * temme_sum(shape, eta);
    let main = 0.5 * libm::erfc((shape * half_eta_square).sqrt());
    if eta > 0.0 {
        GammaTails::from_upper((main + correction).clamp(0.0, 1.0), pmf)
    } else {
        GammaTails::from_lower((main - correction).clamp(0.0, 1.0), pmf)
    }
}

/// Σ_k a^-k Σ_n d[k][n] eta^n with as many terms as double precision can see.
fn temme_sum(shape: f64, eta: f64) -> f64 {
    let rows = match shape {
        a if a > 1e8 => 2,
        a if a > 1e5 => 3,
        a if a > 3e3 => 4,
        a if a > 500.0 => 6,
        a if a > 100.0 => 8,
        _ => ROWS,
    };
    let columns = match eta.abs() {
        e if e < 1e-4 => 4,
        e if e < 0.01 => 7,
        e if e < 0.05 => 9,
        e if e < 0.2 => 13,
        e if e < 0.5 => 19,
        _ => COLUMNS,
    };
    let inverse = 1.0 / shape;
    let mut sum = 0.0;
    for row in TABLE[..rows].iter().rev() {
        let inner = row[..columns]
            .iter()
            .rev()
            .fold(0.0, |sum, coefficient| sum * eta + coefficient);
        sum = sum * inverse + inner;
    }
    sum
}
