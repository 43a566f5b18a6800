//! Quantiles of the beta law, found on the scale of log odds so that both `x` and `1 - x` are exact.
//!
//! A shape of 1 has a closed form. Otherwise the series around the mode: from shapes of about 15 on (60 for tails of
//! 1e-10) its sum is exact; below, it is the start of steps of fifth order. What is left is searched for in a bracket.

use super::super::error::Result;
use super::beta::{LogWeight, beta_tails, continued_fraction};
use super::gamma_inverse::{Search, Tail};
use super::log_odds_series::LogOddsSeries;
use super::normal::normal_upper_quantile;
use super::refinement::LogTail;
use super::saddle_point::ln_gamma_1p;
use std::cell::OnceCell;

/// A point of the unit interval that knows its distance from both ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitPoint {
    pub x: f64,
    /// 1 - x
    pub y: f64,
}

impl UnitPoint {
    /// The point with `ln(x / y) = log_odds`.
    pub fn from_log_odds(log_odds: f64) -> Self {
        let ratio = (-log_odds.abs()).exp();
        let (small, large) = (ratio / (1.0 + ratio), 1.0 / (1.0 + ratio));
        if log_odds < 0.0 {
            Self { x: small, y: large }
        } else {
            Self { x: large, y: small }
        }
    }

    /// The point with this `ln x` <= 0.
    fn from_ln_x(ln_x: f64) -> Self {
        Self {
            x: ln_x.exp(),
            y: -ln_x.exp_m1(),
        }
    }

    /// The share of `part` in `part + rest`.
    pub fn from_parts(part: f64, rest: f64) -> Self {
        let total = part + rest;
        if total.is_finite() && total > f64::MIN_POSITIVE {
            return Self {
                x: part / total,
                y: rest / total,
            };
        }
        // Too large or too small for their sum: only their ratio counts.
        let largest = part.max(rest);
        let (part, rest) = (part / largest, rest / largest);
        Self {
            x: part / (part + rest),
            y: rest / (part + rest),
        }
    }

    /// The same point seen from the other end.
    pub fn mirrored(&self) -> Self {
        Self { x: self.y, y: self.x }
    }

    /// x / (1 - x)
    pub fn odds(&self) -> f64 {
        self.x / self.y
    }
}

/// The x with P(Beta(a, b) <= x) = p, for a, b > 0 and 0 <= p <= 1.
pub fn beta_lower_quantile(a: f64, b: f64, p: f64) -> Result<UnitPoint> {
    BetaQuantile::new(p).of(a, b)
}

/// The quantiles of beta laws at one probability; what depends on the probability alone is worked out once.
#[derive(Debug, Clone, PartialEq)]
pub struct BetaQuantile {
    p: f64,
    series: OnceCell<LogOddsSeries>,
}

/// Where the series is off by more, the leading term of the tail is the better start.
const SERIES_FAILS: f64 = 1.0;
/// Refinements converge with the fifth order: one or two are enough for any start that is not hopeless.
const MAX_REFINEMENTS: usize = 4;

impl BetaQuantile {
    /// For the lower tail `p`.
    pub fn new(p: f64) -> Self {
        Self {
            p,
            series: OnceCell::new(),
        }
    }

    /// The lower tail whose quantiles these are.
    pub fn p(&self) -> f64 {
        self.p
    }

    /// The x with P(Beta(a, b) <= x) = p, for a, b > 0.
    pub fn of(&self, a: f64, b: f64) -> Result<UnitPoint> {
        let p = self.p;
        if a.is_nan() || b.is_nan() || !(0.0..=1.0).contains(&p) {
            return Ok(UnitPoint {
                x: f64::NAN,
                y: f64::NAN,
            });
        }
        if p > 0.5 {
            return Ok(beta_lower_quantile(b, a, 1.0 - p)?.mirrored());
        }
        if p == 0.0 {
            return Ok(UnitPoint { x: 0.0, y: 1.0 });
        }
        if a == 1.0 {
            return Ok(UnitPoint::from_ln_x((-p).ln_1p() / b).mirrored());
        }
        if b == 1.0 {
            return Ok(UnitPoint::from_ln_x(p.ln() / a));
        }
        match self.near_mode(a, b) {
            Some(odds_over_mode) => Ok(UnitPoint::from_parts(a * odds_over_mode, b)),
            None => searched(a, b, p),
        }
    }

    /// The odds of the quantile over those of the mode, a / b: by the series, its sum refined where it is not exact.
    fn near_mode(&self, a: f64, b: f64) -> Option<f64> {
        if a < 1.0 || b < 1.0 {
            return None;
        }
        let series = self
            .series
            .get_or_init(|| LogOddsSeries::new(-normal_upper_quantile(self.p)));
        let by_series = series.quantile(a, b);
        if by_series.is_exact() {
            return Some(by_series.from_mode.exp());
        }
        let law = LogWeight::new(a, b);
        let mut at = if by_series.uncertainty < SERIES_FAILS {
            by_series.from_mode
        } else {
            law.start_of_tail(self.p)
        };
        for _ in 0..MAX_REFINEMENTS {
            let refinement = self.tail(&law, at)?.refinement()?;
            at += refinement.step;
            if refinement.is_last() {
                return Some(at.exp());
            }
        }
        None
    }

    /// The tail at a distance in log odds above the mode.
    fn tail(&self, law: &LogWeight, from_mode: f64) -> Option<LogTail> {
        let (UnitPoint { x, y }, weight) = law.at(from_mode);
        let ratio = continued_fraction(law.a, law.b, x, y)?;
        let spread = (law.a + law.b) * x * y;
        Some(LogTail {
            residual: (weight * ratio / self.p).ln(),
            slope: 1.0 / ratio,
            drift: [law.a * y - law.b * x, -spread, -spread * (y - x)],
        })
    }
}

/// By a bracketed search, for whatever shapes.
fn searched(a: f64, b: f64, p: f64) -> Result<UnitPoint> {
    let start = start(a, b, p);
    if start < -745.0 {
        return Ok(UnitPoint { x: 0.0, y: 1.0 });
    }
    solve_log_odds(a, b, start, &[("a", a), ("b", b), ("p", p)], |point| {
        let tails = beta_tails(a, b, point.x, point.y)?;
        let slope = tails.weight / tails.lower;
        let curvature = slope * (a * point.y - b * point.x - slope);
        Ok(Tail {
            residual: (tails.lower / p).ln(),
            slope,
            curvature,
        })
    })
}

/// Root of an increasing function of the log odds whose scale is that of Beta(a, b).
pub fn solve_log_odds(
    a: f64,
    b: f64,
    start: f64,
    arguments: &[(&str, f64)],
    tail: impl Fn(UnitPoint) -> Result<Tail>,
) -> Result<UnitPoint> {
    let search = Search {
        start,
        low: -745.0,
        high: 709.0,
        deviation: (1.0 / a + 1.0 / b).sqrt().min(1.0),
        longest: 5.0,
        increasing: true,
    };
    let log_odds = search.solve(arguments, |log_odds| tail(UnitPoint::from_log_odds(log_odds)))?;
    Ok(UnitPoint::from_log_odds(log_odds))
}

/// A first guess of the log odds for the lower tail p <= ½.
fn start(a: f64, b: f64, p: f64) -> f64 {
    if a < 1.0 || b < 1.0 {
        return power_start(a, b, p);
    }
    let z = normal_upper_quantile(p);
    // Abramowitz & Stegun 26.5.22.
    let lambda = (z * z - 3.0) / 6.0;
    let (a_2, b_2) = (1.0 / (2.0 * a - 1.0), 1.0 / (2.0 * b - 1.0));
    let h = 2.0 / (a_2 + b_2);
    let w = z * (h + lambda).max(0.0).sqrt() / h - (b_2 - a_2) * (lambda + 5.0 / 6.0 - 2.0 / (3.0 * h));
    let normal = (a / b).ln() - 2.0 * w;
    if a < 3.0 {
        normal.min(power_start(a, b, p) + 1.0)
    } else {
        normal
    }
}

/// From the leading term `x^a / (a B(a, b))` of the tail.
fn power_start(a: f64, b: f64, p: f64) -> f64 {
    let ln_a_beta = ln_gamma_1p(a) - ln_gamma_ratio(a, b);
    let ln_x = (p.ln() + ln_a_beta) / a;
    let ln_mean = -(b / a).ln_1p();
    ln_x.min(ln_mean)
}

/// ln Γ(a + b) - ln Γ(b), roughly, for any sizes.
fn ln_gamma_ratio(a: f64, b: f64) -> f64 {
    if b > 1e6 {
        a * (b + 0.5 * (a - 1.0)).ln()
    } else {
        ln_gamma_1p(a + b) - (a + b).ln() - ln_gamma_1p(b) + b.ln()
    }
}
