//! Bounds that stay valid however often one looks: the gamma-mixture confidence sequence of one rate.

use super::arguments::{
    any_nan, confidence as check_confidence, count as check_count, positive, usage_hours as check_hours,
};
use super::error::{Result, StatisticsError};
use super::rate_intervals::HOURS_PER_KHOUR;
use super::special::{ln_gamma, stirling_error};

/// Bounds of a rate per khour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateBounds {
    pub lower: f64,
    pub upper: f64,
}

/// Confidence sequence of a rate per khour (Robbins 1970; Howard, Ramdas, McAuliffe & Sekhon 2021).
///
/// `count` is events, `usage_hours` hours; the mixture is Gamma(prior_shape, prior_khours) on the rate per khour.
/// [0, Inf] without exposure.
pub fn rate_cs(
    count: f64,
    usage_hours: f64,
    confidence: f64,
    prior_shape: f64,
    prior_khours: f64,
) -> Result<RateBounds> {
    let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
    let alpha = 1.0 - check_confidence(confidence)?;
    let shape = positive("prior_shape", prior_shape)?;
    let prior_khours = positive("prior_khours", prior_khours)?;
    if any_nan(&[count, hours, alpha, shape, prior_khours]) {
        return Ok(RateBounds {
            lower: f64::NAN,
            upper: f64::NAN,
        });
    }
    let khours = hours / HOURS_PER_KHOUR;
    if khours == 0.0 {
        return Ok(RateBounds {
            lower: 0.0,
            upper: f64::INFINITY,
        });
    }
    let depth = -alpha.ln() - log_e_at_observed_rate(count, khours, shape, prior_khours);
    if !depth.is_finite() {
        // Exposure or prior beyond what a double can weigh: nothing is known.
        return Ok(RateBounds {
            lower: 0.0,
            upper: f64::INFINITY,
        });
    }
    if count == 0.0 {
        return Ok(RateBounds {
            lower: 0.0,
            upper: depth / khours,
        });
    }
    let not_converged = || {
        StatisticsError::not_converged(
            "rate_cs",
            &[("count", count), ("usage_hours", hours), ("confidence", confidence)],
        )
    };
    // With mean = count e^u the log e-value rises above its minimum by count (e^u - 1 - u).
    let relative_depth = (depth / count).max(0.0);
    if !relative_depth.is_finite() {
        return Ok(RateBounds {
            lower: 0.0,
            upper: depth / khours,
        });
    }
    let below = exponential_excess_root(relative_depth, -1.0).ok_or_else(not_converged)?;
    let above = exponential_excess_root(relative_depth, 1.0).ok_or_else(not_converged)?;
    let upper = if above < 1.0 {
        count * above.exp()
    } else {
        count + depth + count * above
    };
    Ok(RateBounds {
        lower: count * below.exp() / khours,
        upper: upper / khours,
    })
}

/// ln E at rate = count / khours, its minimum; at most 0. Stirling's formula keeps the large terms apart.
fn log_e_at_observed_rate(count: f64, khours: f64, shape: f64, prior_khours: f64) -> f64 {
    let prior_part = -shape * (khours / prior_khours).ln_1p();
    if count == 0.0 {
        return prior_part;
    }
    let total = shape + count;
    prior_part - ln_gamma(shape) - count * (prior_khours / khours).ln_1p()
        + count * (shape / count).ln_1p()
        + (shape - 0.5) * total.ln()
        - shape
        + 0.5 * (2.0 * std::f64::consts::PI).ln()
        + stirling_error(total)
}

/// The root u of `e^u - 1 - u = depth` with the given sign; None if 100 Newton steps do not find it.
fn exponential_excess_root(depth: f64, sign: f64) -> Option<f64> {
    if depth == 0.0 {
        return Some(0.0);
    }
    let mut u = exponential_excess_start(depth, sign);
    for _ in 0..100 {
        // Newton on a convex function: after the first step every step comes from the far side and shrinks.
        let step = (exponential_excess(u) - depth) / u.exp_m1();
        u -= step;
        if u * sign <= 0.0 {
            u = sign * f64::MIN_POSITIVE.sqrt();
        }
        if step.abs() <= 4e-16 * u.abs() {
            return Some(u);
        }
        if step.abs() <= 1e-9 * u.abs() {
            return Some(u - (exponential_excess(u) - depth) / u.exp_m1());
        }
    }
    None
}

fn exponential_excess_start(depth: f64, sign: f64) -> f64 {
    if sign < 0.0 {
        if depth < 1.0 {
            -(2.0 * depth).sqrt() - depth / 3.0
        } else {
            -1.0 - depth
        }
    } else if depth < 1.0 {
        (2.0 * depth).sqrt()
    } else {
        (1.0 + depth + (1.0 + depth).ln()).ln()
    }
}

/// e^u - 1 - u, relatively exact near 0.
fn exponential_excess(u: f64) -> f64 {
    if u.abs() > 0.5 {
        return u.exp_m1() - u;
    }
    // u²/2! + u³/3! + …, Horner from the 18th power.
    (3..=18).rev().fold(1.0, |sum, n| 1.0 + sum * u / f64::from(n)) * 0.5 * u * u
}

/// The always-valid p-value of a running maximum of log e-values: `min(1, exp(-log_e))`.
pub fn always_valid_p(max_log_e: f64) -> f64 {
    if max_log_e.is_nan() {
        f64::NAN
    } else {
        (-max_log_e).exp().min(1.0)
    }
}
