//! Evidence that may be looked at continuously: e-processes of a rate ratio, as states that merge.
//!
//! Every e-value is a natural logarithm. Counts are events, exposures usage hours; a window in which either sample
//! has no exposure contributes nothing, whatever it counted.

use super::arguments::{any_nan, dispersion as check_dispersion, non_negative, positive};
use super::error::Result;
use super::special::{UnitPoint, beta_tails, deviance, ln_normal_cdf, stirling_error};
use super::sums::CompensatedSum;

/// Ratios in the grid mixture.
pub const GRID_POINTS: usize = 24;
const GRID_LOWEST: f64 = 1.05;
const GRID_HIGHEST: f64 = 5.0;
/// The normal mixture is tuned to this many events' worth of variance.
const NORMAL_MIXTURE_VARIANCE: f64 = 30.0;

/// Which side of the null ratio counts as evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// rate1 / rate0 is above the null ratio.
    Greater,
    /// rate1 / rate0 is below the null ratio.
    Less,
}

/// One window of both samples at a null ratio, checked. None when it carries no information.
fn window(
    count1: f64,
    hours1: f64,
    count0: f64,
    hours0: f64,
    null_ratio: f64,
) -> Result<Option<(f64, f64, UnitPoint)>> {
    let count1 = non_negative("count1", count1)?;
    let hours1 = non_negative("usage_hours1", hours1)?;
    let count0 = non_negative("count0", count0)?;
    let hours0 = non_negative("usage_hours0", hours0)?;
    let null_ratio = positive("null_ratio", null_ratio)?;
    if any_nan(&[count1, hours1, count0, hours0, null_ratio]) {
        return Ok(Some((
            f64::NAN,
            f64::NAN,
            UnitPoint {
                x: f64::NAN,
                y: f64::NAN,
            },
        )));
    }
    if hours1 == 0.0 || hours0 == 0.0 {
        return Ok(None);
    }
    Ok(Some((
        count1,
        count0,
        UnitPoint::from_parts(null_ratio * hours1, hours0),
    )))
}

/// Grid mixture over 24 ratios above the null (Lindon & Malek 2022): valid for varying exposure shares.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GridEProcess {
    /// Per ratio of the grid: the log likelihood ratio.
    sums: [CompensatedSum; GRID_POINTS],
}

impl GridEProcess {
    /// Adds a window; `null_ratio` must be the same for all.
    pub fn update(&mut self, count1: f64, hours1: f64, count0: f64, hours0: f64, null_ratio: f64) -> Result<()> {
        let Some((count1, count0, share)) = window(count1, hours1, count0, hours0, null_ratio)? else {
            return Ok(());
        };
        for (sum, ratio) in self.sums.iter_mut().zip(grid()) {
            sum.add(count1 * ratio.ln());
            sum.add(-(count1 + count0) * ((ratio - 1.0) * share.x).ln_1p());
        }
        Ok(())
    }

    /// Adds another partial state.
    pub fn merge(&mut self, other: &Self) {
        self.sums
            .iter_mut()
            .zip(&other.sums)
            .for_each(|(sum, other)| sum.merge(other));
    }

    /// ln E, tempered by a dispersion >= 1; 0 when nothing was seen.
    pub fn log_e(&self, dispersion: f64) -> Result<f64> {
        let dispersion = check_dispersion(dispersion)?;
        let tempered = self.sums.map(|sum| sum.value() / dispersion);
        if any_nan(&tempered) {
            return Ok(f64::NAN);
        }
        Ok(ln_sum_exp(&tempered) - (GRID_POINTS as f64).ln())
    }

    /// The state as numbers, for storing between partial aggregations.
    pub fn to_parts(&self) -> Vec<f64> {
        self.sums
            .iter()
            .flat_map(|sum| [sum.parts().0, sum.parts().1])
            .collect()
    }

    /// The state from [`Self::to_parts`]; missing numbers count as 0.
    pub fn from_parts(parts: &[f64]) -> Self {
        let part = |index: usize| parts.get(index).copied().unwrap_or(0.0);
        Self {
            sums: std::array::from_fn(|i| CompensatedSum::from_parts(part(2 * i), part(2 * i + 1))),
        }
    }
}

/// Log-spaced ratios from 1.05 to 5.
fn grid() -> &'static [f64; GRID_POINTS] {
    static GRID: std::sync::LazyLock<[f64; GRID_POINTS]> = std::sync::LazyLock::new(|| {
        let step = (GRID_HIGHEST / GRID_LOWEST).ln() / (GRID_POINTS - 1) as f64;
        std::array::from_fn(|i| GRID_LOWEST * (step * i as f64).exp())
    });
    &GRID
}

/// ln Σ exp(x).
pub fn ln_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest.is_infinite() {
        return largest;
    }
    largest + values.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
}

/// Normal mixture with estimated variance (Howard, Ramdas, McAuliffe & Sekhon 2021): two sums.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NormalEProcess {
    excess: CompensatedSum,
    variance: CompensatedSum,
}

impl NormalEProcess {
    /// Adds a window; `null_ratio` must be the same for all.
    pub fn update(&mut self, count1: f64, hours1: f64, count0: f64, hours0: f64, null_ratio: f64) -> Result<()> {
        if let Some((count1, count0, share)) = window(count1, hours1, count0, hours0, null_ratio)? {
            self.excess.add(count1 * share.y);
            self.excess.add(-count0 * share.x);
            self.variance.add((count1 + count0) * share.x * share.y);
        }
        Ok(())
    }

    /// Adds another partial state.
    pub fn merge(&mut self, other: &Self) {
        self.excess.merge(&other.excess);
        self.variance.merge(&other.variance);
    }

    /// Σ(count1 - n p)
    pub fn excess(&self) -> f64 {
        self.excess.value()
    }

    /// dispersion · Σ n p (1 - p)
    pub fn variance(&self, dispersion: f64) -> f64 {
        dispersion * self.variance.value()
    }

    /// ln E for a dispersion >= 1; at most 0 when nothing was seen.
    pub fn log_e(&self, dispersion: f64, direction: Direction) -> Result<f64> {
        let dispersion = check_dispersion(dispersion)?;
        let excess = match direction {
            Direction::Greater => self.excess(),
            Direction::Less => -self.excess(),
        };
        let prior = NORMAL_MIXTURE_VARIANCE * dispersion;
        let total = self.variance(dispersion) + prior;
        let z = excess / total.sqrt();
        Ok(0.5 * (prior / total).ln() + 0.5 * z * z + ln_normal_cdf(z) + std::f64::consts::LN_2)
    }

    /// The state as four numbers, for storing between partial aggregations.
    pub fn to_parts(&self) -> [f64; 4] {
        let ((a, b), (c, d)) = (self.excess.parts(), self.variance.parts());
        [a, b, c, d]
    }

    /// The state from [`Self::to_parts`].
    pub fn from_parts([a, b, c, d]: [f64; 4]) -> Self {
        Self {
            excess: CompensatedSum::from_parts(a, b),
            variance: CompensatedSum::from_parts(c, d),
        }
    }
}

/// ln E of constant exposure shares in closed form: a Beta(c p0, c (1 - p0)) mixture of the share, two-sided and
/// restricted to shares above p0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetaLogE {
    pub two_sided: f64,
    pub greater: f64,
}

/// The closed form for totals of both samples at ratio 1; `concentration` is the mixture's weight in events.
pub fn beta_log_e(count1: f64, hours1: f64, count0: f64, hours0: f64, concentration: f64) -> Result<BetaLogE> {
    let concentration = positive("concentration", concentration)?;
    let Some((count1, count0, share)) = window(count1, hours1, count0, hours0, 1.0)? else {
        return Ok(BetaLogE {
            two_sided: 0.0,
            greater: 0.0,
        });
    };
    let (prior1, prior0) = (concentration * share.x, concentration * share.y);
    let (shape1, shape0) = (prior1 + count1, prior0 + count0);
    let total = shape1 + shape0;
    // Both Stirling main parts combine into deviances from the null share: no large terms are left to cancel.
    let tilt = shape1 * share.y - shape0 * share.x;
    let two_sided = deviance(shape1, total * share.x, -tilt)
        + deviance(shape0, total * share.y, tilt)
        + ln_beta_correction(shape1, shape0)
        - ln_beta_correction(prior1, prior0);
    let above = beta_tails(shape1, shape0, share.x, share.y)?.upper.ln();
    let prior_above = beta_tails(prior1, prior0, share.x, share.y)?.upper.ln();
    Ok(BetaLogE {
        two_sided,
        greater: two_sided + above - prior_above,
    })
}

/// ln B(a, b) less its entropy part `a ln(a / (a + b)) + b ln(b / (a + b))`, less ½ ln 2π.
fn ln_beta_correction(a: f64, b: f64) -> f64 {
    0.5 * ((a + b) / a / b).ln() + stirling_error(a) + stirling_error(b) - stirling_error(a + b)
}
