//! The E-test of a rate ratio (Krishnamoorthy & Thomson 2004): both counts random, unpooled statistic.

use super::super::error::{Result, StatisticsError};
use super::super::method::Alternative;
use super::super::special::{UnitPoint, poisson_pmf};
use super::{TwoSamples, binomial_pmf};

/// More events than this are refused: the cost grows with their square root, and the score test is as good there.
pub const ETEST_MAX_EVENTS: f64 = 1e6;

/// Ties of the statistic differ by rounding only.
const TIE: f64 = 1e-12;

/// Probability, at the null ratio and the pooled mean, of a statistic at least as extreme as the observed one.
pub(super) fn p_value(samples: &TwoSamples, share: UnitPoint, alternative: Alternative) -> Result<f64> {
    let events = samples.count1 + samples.count0;
    if events > ETEST_MAX_EVENTS {
        return Err(StatisticsError::invalid_with_hint(
            "count1 + count0",
            "at most 1000000 for method 'etest'",
            events,
            "use method 'score'",
        ));
    }
    let statistic = Statistic { odds: share.odds() };
    if !(statistic.odds > 0.0 && statistic.odds.is_finite()) {
        return Ok(1.0);
    }
    let observed = statistic.at(samples.count1, samples.count0);
    // Means are estimated from all events; points rarer than this cannot change the 17th digit of the p-value.
    let negligible = 1e-18 * binomial_pmf(samples.count1, samples.count0, share) * poisson_pmf(events, events);
    let first = PoissonWindow::new(events * share.x, negligible);
    let second = PoissonWindow::new(events * share.y, negligible);
    let tails = Tails {
        first: &first,
        second: &second,
        statistic: &statistic,
    };
    let p = match alternative {
        Alternative::Greater => tails.at_least(observed - TIE * (1.0 + observed.abs())),
        Alternative::Less => tails.at_most(observed + TIE * (1.0 + observed.abs())),
        Alternative::TwoSided => {
            let extreme = observed.abs() * (1.0 - TIE) - TIE;
            if extreme <= 0.0 {
                1.0
            } else {
                tails.at_least(extreme) + tails.at_most(-extreme)
            }
        }
    };
    Ok(p.min(1.0))
}

/// `(i - odds j) / √(i + odds² j)`: the difference of the rates over its standard error, in units of sample 1.
struct Statistic {
    odds: f64,
}

impl Statistic {
    fn at(&self, first: f64, second: f64) -> f64 {
        let variance = first + self.odds * self.odds * second;
        if variance == 0.0 {
            0.0
        } else {
            (first - self.odds * second) / variance.sqrt()
        }
    }
}

/// Poisson probabilities around the mean, as far as they matter.
struct PoissonWindow {
    start: f64,
    probabilities: Vec<f64>,
}

impl PoissonWindow {
    fn new(mean: f64, negligible: f64) -> Self {
        let mode = mean.floor();
        let peak = poisson_pmf(mode, mean);
        let floor = negligible.max(1e-300);
        let mut below = Vec::new();
        let (mut count, mut probability) = (mode, peak);
        while count > 0.0 && probability > floor {
            probability *= count / mean;
            count -= 1.0;
            below.push(probability);
        }
        below.reverse();
        let mut probabilities = below;
        let start = mode - probabilities.len() as f64;
        let (mut count, mut probability) = (mode, peak);
        while probability > floor {
            probabilities.push(probability);
            count += 1.0;
            probability *= mean / count;
        }
        if probabilities.is_empty() {
            probabilities.push(peak);
        }
        Self { start, probabilities }
    }

    fn count(&self, index: usize) -> f64 {
        self.start + index as f64
    }
}

struct Tails<'a> {
    first: &'a PoissonWindow,
    second: &'a PoissonWindow,
    statistic: &'a Statistic,
}

impl Tails<'_> {
    /// P(statistic >= limit). The statistic grows with the first count and falls with the second, so the border
    /// moves one way only.
    fn at_least(&self, limit: f64) -> f64 {
        let (mut border, mut mass, mut total) = (0, 0.0, 0.0);
        for (index, probability) in self.first.probabilities.iter().enumerate() {
            let count = self.first.count(index);
            while border < self.second.probabilities.len()
                && self.statistic.at(count, self.second.count(border)) >= limit
            {
                mass += self.second.probabilities[border];
                border += 1;
            }
            total += probability * mass;
        }
        total
    }

    /// P(statistic <= limit), mirrored: the first count's border moves with the second count.
    fn at_most(&self, limit: f64) -> f64 {
        let (mut border, mut mass, mut total) = (0, 0.0, 0.0);
        for (index, probability) in self.second.probabilities.iter().enumerate() {
            let count = self.second.count(index);
            while border < self.first.probabilities.len() && self.statistic.at(self.first.count(border), count) <= limit
            {
                mass += self.first.probabilities[border];
                border += 1;
            }
            total += probability * mass;
        }
        total
    }
}
