//! Many questions at once: adjusted p-values, decisions by e-values, and the mean of e-values.

use super::error::{Result, StatisticsError};
use super::method::AdjustMethod;

/// Adjusted p-values of one family, in the order given. NULL (None) stays NULL and is not counted; one NaN makes
/// every adjusted value NaN.
pub fn adjust_p_values(p_values: &[Option<f64>], method: AdjustMethod) -> Result<Vec<Option<f64>>> {
    for p in p_values.iter().flatten() {
        if !p.is_nan() && !(0.0..=1.0).contains(p) {
            return Err(StatisticsError::invalid("p", "between 0 and 1", p));
        }
    }
    if p_values.iter().flatten().any(|p| p.is_nan()) {
        return Ok(p_values.iter().map(|p| p.map(|_| f64::NAN)).collect());
    }
    let mut order: Vec<(usize, f64)> = p_values
        .iter()
        .enumerate()
        .filter_map(|(i, p)| p.map(|p| (i, p)))
        .collect();
    order.sort_by(|left, right| left.1.total_cmp(&right.1));
    let mut adjusted = vec![None; p_values.len()];
    let family = order.len() as f64;
    if method == AdjustMethod::Holm {
        let mut largest = 0.0_f64;
        for (rank, (index, p)) in order.iter().enumerate() {
            largest = largest.max(p * (family - rank as f64)).min(1.0);
            adjusted[*index] = Some(largest);
        }
        return Ok(adjusted);
    }
    let penalty = match method {
        AdjustMethod::BenjaminiYekutieli => (1..=order.len()).map(|rank| 1.0 / rank as f64).sum(),
        _ => 1.0,
    };
    let mut smallest = 1.0_f64;
    for (rank, (index, p)) in order.iter().enumerate().rev() {
        smallest = smallest.min(p * penalty * (family / (rank + 1) as f64));
        adjusted[*index] = Some(smallest);
    }
    Ok(adjusted)
}

/// e-BH (Wang & Ramdas 2022) on log e-values: which are rejected at level `alpha`. Valid under any dependence.
///
/// NULL stays NULL and is not counted; one NaN makes every answer NULL.
pub fn ebh_reject(log_e_values: &[Option<f64>], alpha: f64) -> Result<Vec<Option<bool>>> {
    let alpha = super::arguments::open_unit("alpha", alpha)?;
    if alpha.is_nan() || log_e_values.iter().flatten().any(|log_e| log_e.is_nan()) {
        return Ok(vec![None; log_e_values.len()]);
    }
    let mut sorted: Vec<f64> = log_e_values.iter().flatten().copied().collect();
    sorted.sort_by(|left, right| right.total_cmp(left));
    let family = sorted.len() as f64;
    let threshold = sorted
        .iter()
        .enumerate()
        .rev()
        .find(|(rank, log_e)| **log_e >= (family / ((rank + 1) as f64 * alpha)).ln())
        .map(|(_, log_e)| *log_e);
    Ok(log_e_values
        .iter()
        .map(|log_e| log_e.map(|log_e| threshold.is_some_and(|threshold| log_e >= threshold)))
        .collect())
}

/// State of `e_combine`: the log of the mean e-value, valid under any dependence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanLogE {
    largest: f64,
    /// Σ exp(log_e - largest)
    scaled_sum: f64,
    pub rows: u64,
}

impl Default for MeanLogE {
    fn default() -> Self {
        Self {
            largest: f64::NEG_INFINITY,
            scaled_sum: 0.0,
            rows: 0,
        }
    }
}

impl MeanLogE {
    /// Adds one log e-value (also ±Inf).
    pub fn update(&mut self, log_e: f64) {
        self.merge(&Self {
            largest: log_e,
            scaled_sum: 1.0,
            rows: 1,
        });
    }

    /// Adds another partial state.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        if other.largest.is_nan() || self.largest.is_nan() {
            self.largest = f64::NAN;
            return;
        }
        if other.largest > self.largest {
            self.scaled_sum *= (self.largest - other.largest).exp();
            self.largest = other.largest;
        }
        let weight = if other.largest == self.largest {
            1.0
        } else {
            (other.largest - self.largest).exp()
        };
        self.scaled_sum += other.scaled_sum * weight;
    }

    /// ln of the mean; None without rows.
    pub fn log_mean(&self) -> Option<f64> {
        if self.rows == 0 {
            return None;
        }
        if !self.largest.is_finite() {
            return Some(self.largest);
        }
        Some(self.largest + (self.scaled_sum / self.rows as f64).ln())
    }

    /// The state besides `rows`, for storing between partial aggregations.
    pub fn to_parts(&self) -> [f64; 2] {
        [self.largest, self.scaled_sum]
    }

    /// The state from its rows and [`Self::to_parts`].
    pub fn from_parts(rows: u64, [largest, scaled_sum]: [f64; 2]) -> Self {
        Self {
            largest,
            scaled_sum,
            rows,
        }
    }
}
