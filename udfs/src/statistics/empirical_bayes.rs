//! Rates of many small cells drawn towards their common mean, and the gamma law of rates behind them.

use super::arguments::{any_nan, count as check_count, usage_hours as check_hours};
use super::digamma::digamma_difference;
use super::error::{Result, StatisticsError};
use super::rate_intervals::HOURS_PER_KHOUR;
use super::special::{ln_gamma, ln_gamma_1p};
use super::sums::CompensatedSum;

/// Mean and variance of the rates behind the rows, per khour (Marshall 1991).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MarshallPrior {
    pub mean: f64,
    pub variance: f64,
}

impl MarshallPrior {
    /// From every row of the partition: events and usage hours. None without exposure or without rows.
    pub fn fit(rows: &[(f64, f64)]) -> Result<Option<Self>> {
        let (mut counts, mut khours, mut exposed) = (CompensatedSum::default(), CompensatedSum::default(), 0.0);
        for &(count, usage_hours) in rows {
            let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
            counts.add(count);
            khours.add(hours / HOURS_PER_KHOUR);
            exposed += if hours > 0.0 { 1.0 } else { 0.0 };
        }
        let (counts, khours) = (counts.value(), khours.value());
        if any_nan(&[counts, khours]) {
            return Ok(Some(Self {
                mean: f64::NAN,
                variance: f64::NAN,
            }));
        }
        if khours == 0.0 {
            return Ok(None);
        }
        let mean = counts / khours;
        let mut squares = CompensatedSum::default();
        for &(count, usage_hours) in rows.iter().filter(|(_, hours)| *hours > 0.0) {
            let khours = usage_hours / HOURS_PER_KHOUR;
            let distance = count / khours - mean;
            squares.add(khours * distance * distance);
        }
        let variance = (squares.value() / khours - mean / (khours / exposed)).max(0.0);
        Ok(Some(Self { mean, variance }))
    }

    /// The rate per khour of one row, drawn towards the mean; the mean itself without exposure.
    pub fn shrink(&self, count: f64, usage_hours: f64) -> f64 {
        let khours = usage_hours / HOURS_PER_KHOUR;
        if khours == 0.0 || self.variance == 0.0 {
            return self.mean;
        }
        let weight = self.variance / (self.variance + self.mean / khours);
        self.mean + weight * (count / khours - self.mean)
    }

    /// Shape of the gamma law with this mean and variance; Inf without variance.
    pub fn shape(&self) -> f64 {
        self.mean * self.mean / self.variance
    }

    /// Khours of the gamma law with this mean and variance; Inf without variance.
    pub fn khours(&self) -> f64 {
        self.mean / self.variance
    }
}

/// Shrunken rates per khour of a partition, in the order of its rows. NULL rows (None) stay NULL.
pub fn eb_rates(rows: &[Option<(f64, f64)>]) -> Result<Vec<Option<f64>>> {
    let present: Vec<(f64, f64)> = rows.iter().flatten().copied().collect();
    let prior = MarshallPrior::fit(&present)?;
    Ok(rows
        .iter()
        .map(|row| row.zip(prior).map(|((count, hours), prior)| prior.shrink(count, hours)))
        .collect())
}

/// A gamma law of rates per khour, fitted by maximum likelihood.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GammaPoissonFit {
    pub shape: f64,
    pub khours: f64,
    pub log_likelihood: f64,
}

/// Rows of `gamma_poisson_fit`; merges by concatenation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GammaPoissonState {
    /// (events, khours) of rows with exposure.
    rows: Vec<(f64, f64)>,
}

const SMALLEST_SHAPE: f64 = 1e-9;
const LARGEST_SHAPE: f64 = 1e9;

impl GammaPoissonState {
    /// Adds one row of events and usage hours; rows without exposure say nothing.
    pub fn update(&mut self, count: f64, usage_hours: f64) -> Result<()> {
        let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
        if hours != 0.0 {
            self.rows.push((count, hours / HOURS_PER_KHOUR));
        }
        Ok(())
    }

    /// Adds another partial state.
    pub fn merge(&mut self, other: &Self) {
        self.rows.extend_from_slice(&other.rows);
    }

    /// The rows as (events, khours), for storing between partial aggregations.
    pub fn rows(&self) -> &[(f64, f64)] {
        &self.rows
    }

    /// The state from stored rows.
    pub fn from_rows(rows: Vec<(f64, f64)>) -> Self {
        Self { rows }
    }

    /// The negative binomial fit. None with fewer than two rows, without events, or where rates do not vary more than
    /// Poisson counts explain (the likelihood then grows to an infinite shape).
    pub fn fit(&self) -> Result<Option<GammaPoissonFit>> {
        let events: f64 = self.rows.iter().map(|row| row.0).sum();
        let khours: f64 = self.rows.iter().map(|row| row.1).sum();
        if any_nan(&[events, khours]) {
            let nan = f64::NAN;
            return Ok(Some(GammaPoissonFit {
                shape: nan,
                khours: nan,
                log_likelihood: nan,
            }));
        }
        if self.rows.len() < 2 || events == 0.0 {
            return Ok(None);
        }
        // Sorted rows make the result independent of the order of arrival.
        let mut sorted = self.clone();
        sorted
            .rows
            .sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.total_cmp(&right.1)));
        let Some(shape) = sorted.best_shape(events / khours)? else {
            return Ok(None);
        };
        let mean = sorted.best_mean(shape, events / khours)?;
        Ok(Some(GammaPoissonFit {
            shape,
            khours: shape / mean,
            log_likelihood: sorted.log_likelihood(shape, mean),
        }))
    }

    /// Root of the profile score over ln shape: bracketed by factors of 8, then regula falsi (Illinois).
    fn best_shape(&self, start_mean: f64) -> Result<Option<f64>> {
        let score = |ln_shape: f64| -> Result<f64> {
            let shape = ln_shape.exp();
            Ok(self.shape_score(shape, self.best_mean(shape, start_mean)?))
        };
        let (mut low, mut high) = (0.0_f64, 0.0_f64);
        let (mut at_low, mut at_high) = (score(0.0)?, score(0.0)?);
        while at_high > 0.0 {
            (low, at_low) = (high, at_high);
            high += 8.0_f64.ln();
            if high > LARGEST_SHAPE.ln() {
                return Ok(None);
            }
            at_high = score(high)?;
        }
        while at_low <= 0.0 {
            (high, at_high) = (low, at_low);
            low -= 8.0_f64.ln();
            if low < SMALLEST_SHAPE.ln() {
                return Ok(None);
            }
            at_low = score(low)?;
        }
        for _ in 0..200 {
            let middle = (low * at_high - high * at_low) / (at_high - at_low);
            let middle = if middle > low && middle < high {
                middle
            } else {
                0.5 * (low + high)
            };
            let value = score(middle)?;
            if value == 0.0 || high - low < 1e-14 * middle.abs().max(1.0) {
                return Ok(Some(middle.exp()));
            }
            let (old_low, old_high) = (low, high);
            if value > 0.0 {
                (low, at_low) = (middle, value);
                at_high *= 0.5;
            } else {
                (high, at_high) = (middle, value);
                at_low *= 0.5;
            }
            if low - old_low < 1e-15 * middle.abs() && old_high - high < 1e-15 * middle.abs() {
                return Ok(Some(middle.exp()));
            }
        }
        Err(StatisticsError::not_converged(
            "gamma_poisson_fit",
            &[("rows", self.rows.len() as f64)],
        ))
    }

    /// The mean rate that maximises the likelihood at a shape: Newton on its logarithm (concave).
    fn best_mean(&self, shape: f64, start: f64) -> Result<f64> {
        let mut ln_mean = start.ln();
        for _ in 0..200 {
            let mean = ln_mean.exp();
            let (mut gradient, mut curvature) = (0.0, 0.0);
            for (count, khours) in &self.rows {
                let expected = mean * khours;
                let total = shape + expected;
                gradient += (count - expected) / total;
                curvature += expected / total * ((shape + count) / total);
            }
            let step = (gradient / curvature).clamp(-2.0, 2.0);
            ln_mean += step;
            if step.abs() < 1e-14 * ln_mean.abs().max(1.0) {
                return Ok(ln_mean.exp());
            }
        }
        Err(StatisticsError::not_converged("gamma_poisson_fit", &[("shape", shape)]))
    }

    /// Derivative of the log-likelihood by the shape.
    fn shape_score(&self, shape: f64, mean: f64) -> f64 {
        let mut sum = CompensatedSum::default();
        for (count, khours) in &self.rows {
            let expected = mean * khours;
            sum.add(digamma_difference(shape, *count) - (expected / shape).ln_1p());
            sum.add((expected - count) / (shape + expected));
        }
        sum.value()
    }

    fn log_likelihood(&self, shape: f64, mean: f64) -> f64 {
        let mut sum = CompensatedSum::default();
        for (count, khours) in &self.rows {
            let expected = mean * khours;
            sum.add(ln_gamma(shape + count) - ln_gamma(shape) - ln_gamma_1p(*count));
            sum.add(-shape * (expected / shape).ln_1p());
            if *count > 0.0 {
                sum.add(count * (expected / (shape + expected)).ln());
            }
        }
        sum.value()
    }
}
