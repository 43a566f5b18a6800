//! A change inside one release: cumulative sum and generalised likelihood ratio over ordered windows.

use super::arguments::{any_nan, count as check_count, positive, usage_hours as check_hours};
use super::error::{Result, StatisticsError};
use super::rate_intervals::HOURS_PER_KHOUR;
use super::special::deviance;
use std::collections::VecDeque;

/// Poisson cumulative sum (Lucas 1985): `C = max(0, C + k ln ratio - expected (ratio - 1))`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PoissonCusum {
    level: f64,
}

impl PoissonCusum {
    /// Adds the next window of events and usage hours; returns the level after it. The base rate is per khour.
    pub fn step(&mut self, count: f64, usage_hours: f64, base_rate_per_khour: f64, ratio: f64) -> Result<f64> {
        let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
        let base_rate = positive("base_rate_per_khour", base_rate_per_khour)?;
        let ratio = positive("ratio", ratio)?;
        let expected = base_rate * hours / HOURS_PER_KHOUR;
        let level = self.level + count * ratio.ln() - expected * (ratio - 1.0);
        self.level = if level < 0.0 { 0.0 } else { level };
        Ok(self.level)
    }
}

/// Poisson generalised likelihood ratio over the last windows: `max_s [K ln(K / E) - (K - E)]`, s to now.
#[derive(Debug, Clone, PartialEq)]
pub struct PoissonGlr {
    max_windows: usize,
    /// (events, expected events), newest last.
    windows: VecDeque<(f64, f64)>,
}

/// No longer look back is allowed: the cost of a row grows with it.
pub const GLR_MAX_WINDOWS: usize = 10_000;

impl PoissonGlr {
    /// Looks back over at most `max_windows` windows, the current one included.
    pub fn new(max_windows: i64) -> Result<Self> {
        match usize::try_from(max_windows) {
            Ok(windows) if (1..=GLR_MAX_WINDOWS).contains(&windows) => Ok(Self {
                max_windows: windows,
                windows: VecDeque::new(),
            }),
            _ => Err(StatisticsError::invalid(
                "max_windows",
                "between 1 and 10000",
                max_windows,
            )),
        }
    }

    /// Adds the next window of events and usage hours; returns the statistic. The base rate is per khour.
    ///
    /// A stretch without exposure says nothing.
    pub fn step(&mut self, count: f64, usage_hours: f64, base_rate_per_khour: f64) -> Result<f64> {
        let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
        let base_rate = positive("base_rate_per_khour", base_rate_per_khour)?;
        if any_nan(&[count, hours, base_rate]) {
            return Ok(f64::NAN);
        }
        if self.windows.len() == self.max_windows {
            self.windows.pop_front();
        }
        self.windows.push_back((count, base_rate * hours / HOURS_PER_KHOUR));
        let (mut events, mut expected, mut largest) = (0.0, 0.0, 0.0_f64);
        for (count, mean) in self.windows.iter().rev() {
            events += count;
            expected += mean;
            if expected > 0.0 {
                largest = largest.max(log_likelihood_ratio(events, expected));
            }
        }
        Ok(largest)
    }
}

/// `K ln(K / E) - (K - E)`, never negative.
fn log_likelihood_ratio(events: f64, expected: f64) -> f64 {
    if events == 0.0 {
        expected
    } else {
        deviance(events, expected, expected - events).max(0.0)
    }
}
