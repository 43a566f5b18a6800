//! Rates adjusted for a shifting population: direct standardisation and the Mantel–Haenszel ratio, as merging states.
//!
//! Counts are events, exposures usage hours, rates per khour. One row is one stratum.

use super::arguments::{count as check_count, non_negative, usage_hours as check_hours};
use super::error::{Result, StatisticsError};
use super::method::{MissingStratum, StandardizedMethod};
use super::rate_intervals::{HOURS_PER_KHOUR, TwoSidedLevel};
use super::ratios::RatioInterval;
use super::special::{gamma_lower_quantile, gamma_upper_quantile};
use super::sums::CompensatedSum;

/// A directly standardised rate per khour; None where the reference has no exposure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StandardizedRate {
    pub rate: Option<f64>,
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    /// Share of the reference exposure that lies in strata with exposure of their own.
    pub ref_covered: Option<f64>,
}

/// State of `standardized_rate`. Weights are `ref_hours / usage_hours`, normalised at the end.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StandardizedState {
    strata: CompensatedSum,
    counts: CompensatedSum,
    hours: CompensatedSum,
    covered_reference: CompensatedSum,
    missing_reference: CompensatedSum,
    weighted_counts: CompensatedSum,
    square_weighted_counts: CompensatedSum,
    weights: CompensatedSum,
    square_weights: CompensatedSum,
    largest_weight: f64,
}

/// Numbers in a stored state.
pub const STANDARDIZED_PARTS: usize = 19;

impl StandardizedState {
    /// Adds one stratum. A stratum with reference hours but no usage hours is handled as `missing` says.
    pub fn update(&mut self, count: f64, usage_hours: f64, ref_hours: f64, missing: MissingStratum) -> Result<()> {
        let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
        let reference = non_negative("ref_hours", ref_hours)?;
        if hours == 0.0 {
            if reference > 0.0 && missing == MissingStratum::Error {
                return Err(StatisticsError::invalid(
                    "usage_hours",
                    "> 0 in a stratum with ref_hours > 0",
                    hours,
                ));
            }
            self.missing_reference.add(reference);
            return Ok(());
        }
        let weight = reference / hours;
        self.strata.add(1.0);
        self.counts.add(count);
        self.hours.add(hours);
        self.covered_reference.add(reference);
        self.weighted_counts.add(weight * count);
        self.square_weighted_counts.add(weight * weight * count);
        self.weights.add(weight);
        self.square_weights.add(weight * weight);
        if weight > self.largest_weight {
            self.largest_weight = weight;
        }
        Ok(())
    }

    /// Adds another partial state.
    pub fn merge(&mut self, other: &Self) {
        let largest_weight = self.largest_weight.max(other.largest_weight);
        for (sum, other) in self.sums_mut().into_iter().zip({ *other }.sums_mut()) {
            sum.merge(other);
        }
        self.largest_weight = largest_weight;
    }

    /// The rate, its gamma interval (Fay & Feuer 1997, or Tiwari and others 2006) and the covered share.
    ///
    /// With `MissingStratum::Pool` missing strata are given the pooled rate of the others.
    pub fn finish(
        &self,
        level: &TwoSidedLevel,
        method: StandardizedMethod,
        missing: MissingStratum,
    ) -> Result<StandardizedRate> {
        let (covered, absent) = (self.covered_reference.value(), self.missing_reference.value());
        let all = covered + absent;
        if all.is_nan() || self.weighted_counts.value().is_nan() || level.tail.is_nan() {
            let nan = Some(f64::NAN);
            return Ok(StandardizedRate {
                rate: nan,
                lower: nan,
                upper: nan,
                ref_covered: nan,
            });
        }
        let ref_covered = (all > 0.0).then(|| covered / all);
        if covered == 0.0 {
            return Ok(StandardizedRate {
                rate: None,
                lower: None,
                upper: None,
                ref_covered,
            });
        }
        let pooled = missing == MissingStratum::Pool;
        let total = if pooled { all } else { covered };
        // The pooled rate adds the same weight to every event of the covered strata.
        let shift = if pooled { absent / self.hours.value() } else { 0.0 };
        let (counts, strata) = (self.counts.value(), self.strata.value());
        let y = self.weighted_counts.value() + shift * counts;
        let v =
            self.square_weighted_counts.value() + 2.0 * shift * self.weighted_counts.value() + shift * shift * counts;
        let mean = self.weights.value() / strata;
        let (added, added_square) = match method {
            StandardizedMethod::FayFeuer => {
                let weight = self.largest_weight + shift;
                (weight, weight * weight)
            }
            StandardizedMethod::Tiwari => (
                mean + shift,
                self.square_weights.value() / strata + 2.0 * shift * mean + shift * shift,
            ),
        };
        let lower = if y > 0.0 {
            v / y * gamma_lower_quantile(y * (y / v), level.tail)?
        } else {
            0.0
        };
        let (y_next, v_next) = (y + added, v + added_square);
        let upper = v_next / y_next * gamma_upper_quantile(y_next * (y_next / v_next), level.tail)?;
        let per_khour = |value: f64| Some(value / total * HOURS_PER_KHOUR);
        Ok(StandardizedRate {
            rate: per_khour(y),
            lower: per_khour(lower.min(y)),
            upper: per_khour(upper.max(y)),
            ref_covered,
        })
    }

    /// The state as numbers, for storing between partial aggregations.
    pub fn to_parts(&self) -> [f64; STANDARDIZED_PARTS] {
        let mut parts = [self.largest_weight; STANDARDIZED_PARTS];
        let mut copy = *self;
        for (pair, sum) in parts.chunks_exact_mut(2).zip(copy.sums_mut()) {
            (pair[0], pair[1]) = sum.parts();
        }
        parts
    }

    /// The state from [`Self::to_parts`].
    pub fn from_parts(parts: [f64; STANDARDIZED_PARTS]) -> Self {
        let mut state = Self {
            largest_weight: parts[STANDARDIZED_PARTS - 1],
            ..Self::default()
        };
        for (pair, sum) in parts.chunks_exact(2).zip(state.sums_mut()) {
            *sum = CompensatedSum::from_parts(pair[0], pair[1]);
        }
        state
    }

    fn sums_mut(&mut self) -> [&mut CompensatedSum; 9] {
        [
            &mut self.strata,
            &mut self.counts,
            &mut self.hours,
            &mut self.covered_reference,
            &mut self.missing_reference,
            &mut self.weighted_counts,
            &mut self.square_weighted_counts,
            &mut self.weights,
            &mut self.square_weights,
        ]
    }
}

/// State of `standardized_ratio`: Mantel–Haenszel rate ratio over strata.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MantelHaenszelState {
    first: CompensatedSum,
    second: CompensatedSum,
    variance: CompensatedSum,
}

impl MantelHaenszelState {
    /// Adds one stratum; without exposure in it, it says nothing.
    pub fn update(&mut self, count1: f64, hours1: f64, count0: f64, hours0: f64) -> Result<()> {
        let count1 = non_negative("count1", count1)?;
        let hours1 = non_negative("usage_hours1", hours1)?;
        let count0 = non_negative("count0", count0)?;
        let hours0 = non_negative("usage_hours0", hours0)?;
        let total = hours1 + hours0;
        if total == 0.0 {
            return Ok(());
        }
        self.first.add(count1 * (hours0 / total));
        self.second.add(count0 * (hours1 / total));
        self.variance
            .add((count1 + count0) * (hours1 / total) * (hours0 / total));
        Ok(())
    }

    /// Adds another partial state.
    pub fn merge(&mut self, other: &Self) {
        self.first.merge(&other.first);
        self.second.merge(&other.second);
        self.variance.merge(&other.variance);
    }

    /// Ratio and interval on the log scale (Greenland & Robins 1985). Bounds are None when one side has no events;
    /// all is None without events.
    pub fn finish(&self, level: &TwoSidedLevel) -> RatioInterval {
        let (first, second) = (self.first.value(), self.second.value());
        if first == 0.0 && second == 0.0 {
            return RatioInterval {
                ratio: None,
                lower: None,
                upper: None,
            };
        }
        let ratio = first / second;
        if first == 0.0 || second == 0.0 {
            return RatioInterval {
                ratio: Some(ratio),
                lower: None,
                upper: None,
            };
        }
        let half_width = level.z * (self.variance.value() / first / second).sqrt();
        RatioInterval {
            ratio: Some(ratio),
            lower: Some(ratio * (-half_width).exp()),
            upper: Some(ratio * half_width.exp()),
        }
    }

    /// The state as numbers, for storing between partial aggregations.
    pub fn to_parts(&self) -> [f64; 6] {
        let [(a, b), (c, d), (e, f)] = [self.first.parts(), self.second.parts(), self.variance.parts()];
        [a, b, c, d, e, f]
    }

    /// The state from [`Self::to_parts`].
    pub fn from_parts([a, b, c, d, e, f]: [f64; 6]) -> Self {
        Self {
            first: CompensatedSum::from_parts(a, b),
            second: CompensatedSum::from_parts(c, d),
            variance: CompensatedSum::from_parts(e, f),
        }
    }
}
