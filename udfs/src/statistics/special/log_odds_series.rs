//! Quantiles of the log odds of a beta variable as a series around the mode, for any shapes that are not small.
//!
//! A Cornish–Fisher expansion in which the shapes enter through `s² = 1/a + 1/b` and `d = (b - a)/(a + b)` alone. It
//! follows from the differential equation of the quantile (Steinbrecher & Shaw 2008), see
//! `reference/log_odds_coefficients.py`. As b grows without end d becomes 1 and the odds, times b, a gamma variable.

use super::log_odds_table::{COEFFICIENTS, ORDERS};

/// Coefficients of the highest order in s.
const MOST: usize = ORDERS.div_ceil(2);
/// The last two orders together: below this nothing that double precision can see is missing.
const NOTHING_LEFT: f64 = 1e-16;
/// The last two orders together: the rest of the series is smaller.
const EXACT: f64 = 2e-13;
/// After so many orders it shows whether all of them will make the sum exact.
const ORDERS_TO_JUDGE: usize = 6;

/// The series at one normal quantile, its polynomials in that quantile worked out.
#[derive(Debug, Clone, PartialEq)]
pub struct LogOddsSeries {
    /// For each order, coefficients of d, d³, … or 1, d², …
    orders: [[f64; MOST]; ORDERS],
    /// Where [`ORDERS_TO_JUDGE`] leave more than this, all of them do not make the sum exact.
    too_much: f64,
}

/// What the series says about a quantile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// Log odds of the quantile above those of the mode, `ln(a / b)`.
    pub from_mode: f64,
    /// Roughly how far off it may be.
    pub uncertainty: f64,
}

impl Distance {
    /// As near as double precision allows.
    pub fn is_exact(&self) -> bool {
        self.uncertainty < EXACT
    }
}

impl LogOddsSeries {
    /// For the quantile whose lower tail is that of the standard normal law at `z`.
    pub fn new(z: f64) -> Self {
        let mut orders = [[0.0; MOST]; ORDERS];
        let mut rest = COEFFICIENTS.as_slice();
        for (order, coefficients) in orders.iter_mut().enumerate() {
            let odd = order % 2 == 1;
            for coefficient in &mut coefficients[..=order / 2] {
                let (powers, others) = rest.split_at((order + 3) / 2);
                *coefficient = polynomial(powers, z * z) * if odd { 1.0 } else { z };
                rest = others;
            }
        }
        Self {
            orders,
            too_much: too_much(z),
        }
    }

    /// The quantile of the log odds of Beta(a, b).
    pub fn quantile(&self, a: f64, b: f64) -> Distance {
        let (s, d) = ((1.0 / a + 1.0 / b).sqrt(), (b - a) / (a + b));
        let square = d * d;
        sum(s, self.too_much, |order| {
            let odd = order % 2 == 1;
            polynomial(&self.orders[order][..=order / 2], square) * if odd { d } else { 1.0 }
        })
    }
}

/// Where [`ORDERS_TO_JUDGE`] leave more than this, all of them do not make the sum exact.
fn too_much(z: f64) -> f64 {
    3e-7 + 1e-6 * z * z
}

/// `s Σ s^k coefficient(k)`, as far as it goes on.
fn sum(s: f64, too_much: f64, coefficient: impl Fn(usize) -> f64) -> Distance {
    let (mut power, mut from_mode) = (s, 0.0);
    let (mut before, mut uncertainty) = (f64::INFINITY, f64::INFINITY);
    for order in 0..ORDERS {
        let term = coefficient(order) * power;
        from_mode += term;
        uncertainty = before + term.abs();
        if uncertainty < NOTHING_LEFT || (order == ORDERS_TO_JUDGE && uncertainty > too_much) {
            break;
        }
        before = term.abs();
        power *= s;
    }
    Distance { from_mode, uncertainty }
}

/// The quantile of the logarithm of Gamma(shape, 1) above `ln shape`: the limit in which d is 1.
pub(super) fn log_gamma_quantile(shape: f64, z: f64) -> Distance {
    let square = z * z;
    sum(1.0 / shape.sqrt(), too_much(z), |order| {
        let odd = order % 2 == 1;
        polynomial(&GAMMA[order][..(order + 3) / 2], square) * if odd { 1.0 } else { z }
    })
}

/// Powers of z in the highest order.
const MOST_OF_Z: usize = (ORDERS + 2) / 2;
/// For each order, coefficients of z, z³, … or 1, z², …: sums over the powers of d.
const GAMMA: [[f64; MOST_OF_Z]; ORDERS] = {
    let mut sums = [[0.0; MOST_OF_Z]; ORDERS];
    let (mut order, mut next) = (0, 0);
    while order < ORDERS {
        let (powers_of_d, powers_of_z) = (order / 2 + 1, (order + 3) / 2);
        let mut i = 0;
        while i < powers_of_d * powers_of_z {
            sums[order][i % powers_of_z] += COEFFICIENTS[next];
            next += 1;
            i += 1;
        }
        order += 1;
    }
    sums
};

/// Horner's rule, constant first.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients
        .iter()
        .rev()
        .fold(0.0, |sum, coefficient| sum * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_end_is_the_mirror_image() {
        for z in [-6.4, -1.96, -0.3, 2.5] {
            for (a, b) in [(3.0, 40.0), (20.0, 20.0), (1e3, 70.0)] {
                let (here, there) = (
                    LogOddsSeries::new(z).quantile(a, b),
                    LogOddsSeries::new(-z).quantile(b, a),
                );
                assert!((here.from_mode + there.from_mode).abs() < 1e-13, "{z} {a} {b}");
                assert_eq!(here.uncertainty, there.uncertainty);
            }
        }
    }

    #[test]
    fn the_gamma_law_is_the_limit() {
        for z in [-6.4, -1.96, -0.3, 2.5] {
            for shape in [2.0, 16.0, 90.0, 1e6] {
                let (gamma, beta) = (
                    log_gamma_quantile(shape, z),
                    LogOddsSeries::new(z).quantile(shape, 1e300),
                );
                assert!((gamma.from_mode - beta.from_mode).abs() < 1e-13, "{z} {shape}");
            }
        }
    }

    /// Fisher's first terms for chi-squared on the logarithmic scale: `z s - (z² + 2) s² / 6 + …`.
    #[test]
    fn the_first_orders_are_the_known_ones() {
        let (shape, z) = (1e8_f64, 1.5);
        let s = 1.0 / shape.sqrt();
        let expected = z * s - (z * z + 2.0) * s * s / 6.0;
        assert!((log_gamma_quantile(shape, z).from_mode - expected).abs() < 3.0 * s * s * s);
    }
}
