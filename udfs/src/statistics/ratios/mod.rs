//! Two rates compared: ratio and difference, their intervals, tests and decisions.
//!
//! Given n = count1 + count0 events, count1 is binomial with probability `ratio h1 / (ratio h1 + h0)` (Przyborowski &
//! Wilenski 1940): everything exact rests on the beta law. Counts are events, exposures usage hours.

mod etest;
mod intervals;
mod memo;
mod tests_of_ratio;

pub use etest::ETEST_MAX_EVENTS;
pub use intervals::{
    DifferenceInterval, RatioInterval, rate_diff_ci, rate_equivalent, rate_equivalent_with, rate_noninferior,
    rate_noninferior_with, rate_ratio, rate_ratio_ci, rate_ratio_ci_with,
};
pub use memo::RatioMemo;
pub use tests_of_ratio::{rate_ratio_test, rate_ratio_z};

use super::arguments::{any_nan, non_negative};
use super::error::Result;
use super::special::{UnitPoint, beta_weight};

/// Two counts and their exposures, checked.
#[derive(Debug, Clone, Copy)]
struct TwoSamples {
    count1: f64,
    hours1: f64,
    count0: f64,
    hours0: f64,
}

impl TwoSamples {
    fn new(count1: f64, hours1: f64, count0: f64, hours0: f64) -> Result<Self> {
        Ok(Self {
            count1: non_negative("count1", count1)?,
            hours1: non_negative("usage_hours1", hours1)?,
            count0: non_negative("count0", count0)?,
            hours0: non_negative("usage_hours0", hours0)?,
        })
    }

    fn has_nan(&self) -> bool {
        any_nan(&[self.count1, self.hours1, self.count0, self.hours0])
    }

    /// Both exposures are above zero and at least one event was seen.
    fn is_informative(&self) -> bool {
        self.hours1 > 0.0 && self.hours0 > 0.0 && self.count1 + self.count0 > 0.0
    }

    /// The share of sample 1 among all events when the rate ratio is `ratio`.
    fn share(&self, ratio: f64) -> UnitPoint {
        UnitPoint::from_parts(ratio * self.hours1, self.hours0)
    }

    /// The rate ratio at which sample 1 has these odds among all events.
    fn ratio_at_odds(&self, odds: f64) -> f64 {
        let scaled = odds * self.hours0;
        if scaled.is_finite() && scaled > f64::MIN_POSITIVE {
            scaled / self.hours1
        } else {
            odds * (self.hours0 / self.hours1)
        }
    }
}

/// Binomial probability of `successes` against `failures` (also fractional) at a share.
fn binomial_pmf(successes: f64, failures: f64, share: UnitPoint) -> f64 {
    // The logarithm of a share comes from its complement where that is the smaller.
    let ln = |share: f64, complement: f64| {
        if complement < 0.5 {
            (-complement).ln_1p()
        } else {
            share.ln()
        }
    };
    if successes == 0.0 {
        return (failures * ln(share.y, share.x)).exp();
    }
    if failures == 0.0 {
        return (successes * ln(share.x, share.y)).exp();
    }
    beta_weight(successes, failures + 1.0, share.x, share.y) / (successes * share.y)
}
