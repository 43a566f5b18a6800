//! How much more counts vary than Poisson counts would: Pearson's factor in one pass, negative binomial size.
//!
//! Counts are events, exposures usage hours. Sums are kept in double-double, so that a factor of 1e-3 at mean counts
//! of 1e9 still has ten digits.

use super::arguments::{count as check_count, usage_hours as check_hours};
use super::error::Result;
use super::sums::DoubleDouble;

/// Counts in rows without exposure may be this share of all counts.
const MAX_UNEXPOSED_SHARE: f64 = 0.05;

/// State of `dispersion` and `nb_size_mom`. Rows without exposure are skipped.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DispersionState {
    /// Rows with exposure.
    pub rows: u64,
    counts: DoubleDouble,
    hours: DoubleDouble,
    count_squares_per_hour: DoubleDouble,
    count_squares: DoubleDouble,
    count_hours: DoubleDouble,
    hour_squares: DoubleDouble,
    counts_without_hours: DoubleDouble,
}

/// Numbers in a stored state, besides the row count.
pub const DISPERSION_PARTS: usize = 14;

impl DispersionState {
    /// Adds one row.
    pub fn update(&mut self, count: f64, usage_hours: f64) -> Result<()> {
        let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
        if hours == 0.0 {
            self.counts_without_hours = self.counts_without_hours + count.into();
            return Ok(());
        }
        let square = DoubleDouble::product(count, count);
        self.rows += 1;
        self.counts = self.counts + count.into();
        self.hours = self.hours + hours.into();
        self.count_squares_per_hour = self.count_squares_per_hour + square / hours.into();
        self.count_squares = self.count_squares + square;
        self.count_hours = self.count_hours + DoubleDouble::product(count, hours);
        self.hour_squares = self.hour_squares + DoubleDouble::product(hours, hours);
        Ok(())
    }

    /// Adds another partial state.
    pub fn merge(&mut self, other: &Self) {
        let merged = Self::from_sums(self.rows + other.rows, {
            let (left, right) = (self.sums(), other.sums());
            std::array::from_fn(|i| left[i] + right[i])
        });
        *self = merged;
    }

    /// Pearson's dispersion factor `1/(n-1) Σ (k - R h)² / (R h)`, R = Σk / Σh.
    ///
    /// None for fewer than two rows with exposure, without events, or when more than 5 % of the events lie in rows
    /// without exposure.
    pub fn dispersion(&self) -> Option<f64> {
        let (counts, unexposed) = (self.counts.value(), self.counts_without_hours.value());
        if (counts + unexposed).is_nan() || self.hours.value().is_nan() {
            return Some(f64::NAN);
        }
        if self.rows < 2 || counts == 0.0 || unexposed > MAX_UNEXPOSED_SHARE * (counts + unexposed) {
            return None;
        }
        let excess = self.count_squares_per_hour * self.hours / self.counts - self.counts;
        Some(excess.value().max(0.0) / (self.rows - 1) as f64)
    }

    /// Method-of-moments size of the negative binomial law, `Σ(R h)² / Σ[(k - R h)² - R h]`.
    ///
    /// None without overdispersion, without rows with exposure or without events.
    pub fn nb_size(&self) -> Option<f64> {
        let (counts, hours) = (self.counts.value(), self.hours.value());
        if counts.is_nan() || hours.is_nan() || self.counts_without_hours.value().is_nan() {
            return Some(f64::NAN);
        }
        if self.rows == 0 || counts == 0.0 {
            return None;
        }
        let rate = self.counts / self.hours;
        let mean_squares = rate * rate * self.hour_squares;
        let excess =
            self.count_squares - DoubleDouble::from(2.0) * rate * self.count_hours + mean_squares - self.counts;
        (excess.value() > 0.0).then(|| (mean_squares / excess).value())
    }

    /// The state as numbers, for storing between partial aggregations; `rows` is kept apart.
    pub fn to_parts(&self) -> [f64; DISPERSION_PARTS] {
        let sums = self.sums();
        std::array::from_fn(|i| {
            if i % 2 == 0 {
                sums[i / 2].parts().0
            } else {
                sums[i / 2].parts().1
            }
        })
    }

    /// The state from its rows and [`Self::to_parts`].
    pub fn from_parts(rows: u64, parts: [f64; DISPERSION_PARTS]) -> Self {
        Self::from_sums(
            rows,
            std::array::from_fn(|i| DoubleDouble::from_parts(parts[2 * i], parts[2 * i + 1])),
        )
    }

    fn sums(&self) -> [DoubleDouble; 7] {
        [
            self.counts,
            self.hours,
            self.count_squares_per_hour,
            self.count_squares,
            self.count_hours,
            self.hour_squares,
            self.counts_without_hours,
        ]
    }

    fn from_sums(rows: u64, sums: [DoubleDouble; 7]) -> Self {
        let [
            counts,
            hours,
            count_squares_per_hour,
            count_squares,
            count_hours,
            hour_squares,
            counts_without_hours,
        ] = sums;
        Self {
            rows,
            counts,
            hours,
            count_squares_per_hour,
            count_squares,
            count_hours,
            hour_squares,
            counts_without_hours,
        }
    }
}
