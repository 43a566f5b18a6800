//! What a new release may count when it is no different: negative binomial quantiles and the verdict's interval.

use super::arguments::{any_nan, non_negative, open_unit, positive};
use super::error::{Result, StatisticsError};
use super::special::{
    beta_lower_quantile, beta_tails, gamma_lower_quantile, gamma_upper_quantile, normal_cdf, normal_upper_quantile,
};

/// The level of the acceptable interval, on each side.
const PREDICTIVE_TAIL: f64 = 0.025;
/// Degrees of freedom added to the number of previous releases: prior weight of the between-release spread less one.
const PRIOR_DEGREES: f64 = 3.0;
/// Largest count that a double holds exactly.
const LARGEST_COUNT: f64 = 9_007_199_254_740_992.0;

/// Lower end of the 95 % interval of a count with this expectation and predictive variance, after
/// `previous_releases` releases. Unit: events. None when nothing is expected.
///
/// Gamma law whose tail is mapped from Student's t with `previous_releases + 3` degrees of freedom; 0 where a count
/// of zero is itself not unusual.
pub fn predictive_lower(expected: f64, variance: f64, previous_releases: f64) -> Result<Option<f64>> {
    predictive(expected, variance, previous_releases, |law, tail| {
        if law.probability_of_zero() >= tail {
            return Ok(0.0);
        }
        Ok(law.scale() * gamma_lower_quantile(law.shape(), tail)?)
    })
}

/// Upper end of the interval of [`predictive_lower`]. Unit: events.
pub fn predictive_upper(expected: f64, variance: f64, previous_releases: f64) -> Result<Option<f64>> {
    predictive(expected, variance, previous_releases, |law, tail| {
        Ok(law.scale() * gamma_upper_quantile(law.shape() + 0.5, tail)?)
    })
}

struct PredictiveLaw {
    expected: f64,
    variance: f64,
}

impl PredictiveLaw {
    fn shape(&self) -> f64 {
        self.expected / self.variance * self.expected
    }

    fn scale(&self) -> f64 {
        self.variance / self.expected
    }

    /// Of the negative binomial with the same mean and variance; Poisson where it is not overdispersed.
    fn probability_of_zero(&self) -> f64 {
        let excess = self.variance - self.expected;
        if excess <= 0.0 {
            return (-self.expected).exp();
        }
        let ratio = excess / self.expected;
        (-(self.expected / ratio) * ratio.ln_1p()).exp()
    }
}

fn predictive(
    expected: f64,
    variance: f64,
    previous_releases: f64,
    bound: impl Fn(&PredictiveLaw, f64) -> Result<f64>,
) -> Result<Option<f64>> {
    let expected = non_negative("expected", expected)?;
    let variance = non_negative("variance", variance)?;
    let previous_releases = positive("previous_releases", previous_releases)?;
    if any_nan(&[expected, variance, previous_releases]) {
        return Ok(Some(f64::NAN));
    }
    if expected == 0.0 || variance == 0.0 {
        return Ok(None);
    }
    let t = student_upper_quantile(previous_releases + PRIOR_DEGREES, PREDICTIVE_TAIL)?;
    bound(&PredictiveLaw { expected, variance }, normal_cdf(-t)).map(Some)
}

/// The t with P(T > t) = q for Student's law, 0 < q <= ½.
pub fn student_upper_quantile(degrees: f64, q: f64) -> Result<f64> {
    if degrees > 1e15 {
        return Ok(normal_upper_quantile(q));
    }
    let point = beta_lower_quantile(0.5 * degrees, 0.5, 2.0 * q)?;
    Ok((degrees * point.y / point.x).sqrt())
}

/// P(X <= count) of the negative binomial law with this mean and size (variance `mean + mean² / size`).
pub fn nb_cdf(mean: f64, size: f64, count: f64) -> Result<f64> {
    let (mean, size) = (non_negative("mean", mean)?, positive("size", size)?);
    if any_nan(&[mean, size, count]) {
        return Ok(f64::NAN);
    }
    if count < 0.0 {
        return Ok(0.0);
    }
    if mean == 0.0 || count == f64::INFINITY {
        return Ok(1.0);
    }
    Ok(nb_tails(mean, size, count.floor())?.0)
}

/// P(X > count), exact where `1 - nb_cdf` would have lost digits.
pub fn nb_upper_tail(mean: f64, size: f64, count: f64) -> Result<f64> {
    let (mean, size) = (non_negative("mean", mean)?, positive("size", size)?);
    if any_nan(&[mean, size, count]) {
        return Ok(f64::NAN);
    }
    if count < 0.0 {
        return Ok(1.0);
    }
    if mean == 0.0 || count == f64::INFINITY {
        return Ok(0.0);
    }
    Ok(nb_tails(mean, size, count.floor())?.1)
}

/// (P(X <= count), P(X > count)) for a whole count.
fn nb_tails(mean: f64, size: f64, count: f64) -> Result<(f64, f64)> {
    let total = mean + size;
    let tails = beta_tails(size, count + 1.0, size / total, mean / total)?;
    Ok((tails.lower, tails.upper))
}

/// The smallest count with P(X <= count) >= p, 0 < p < 1.
pub fn nb_ppf(mean: f64, size: f64, p: f64) -> Result<f64> {
    let (mean, size, p) = (non_negative("mean", mean)?, positive("size", size)?, open_unit("p", p)?);
    if any_nan(&[mean, size, p]) {
        return Ok(f64::NAN);
    }
    if mean == 0.0 {
        return Ok(0.0);
    }
    let reached = |count: f64| -> Result<bool> { Ok(nb_tails(mean, size, count)?.0 >= p) };
    if reached(0.0)? {
        return Ok(0.0);
    }
    let (mut below, mut reaching) = (0.0, mean.ceil().clamp(1.0, LARGEST_COUNT));
    while !reached(reaching)? {
        if reaching >= LARGEST_COUNT {
            return Err(StatisticsError::not_converged(
                "nb_ppf",
                &[("mean", mean), ("size", size), ("p", p)],
            ));
        }
        below = reaching;
        reaching = (2.0 * reaching).min(LARGEST_COUNT);
    }
    while reaching - below > 1.0 {
        let middle = (0.5 * (below + reaching)).floor();
        if reached(middle)? {
            reaching = middle;
        } else {
            below = middle;
        }
    }
    Ok(reaching)
}
