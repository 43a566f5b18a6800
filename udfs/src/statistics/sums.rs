//! Compensated sums whose partial states merge: the order of rows and partitions does not show in the result.

/// Neumaier's sum: the rounding error of each addition is kept and added at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CompensatedSum {
    sum: f64,
    correction: f64,
}

impl CompensatedSum {
    /// A state from its two parts, as stored by an aggregate.
    pub fn from_parts(sum: f64, correction: f64) -> Self {
        Self { sum, correction }
    }

    /// The two parts of the state.
    pub fn parts(&self) -> (f64, f64) {
        (self.sum, self.correction)
    }

    /// Adds one value.
    pub fn add(&mut self, value: f64) {
        let (total, error) = two_sum(self.sum, value);
        self.sum = total;
        self.correction += error;
    }

    /// Adds another partial state.
    pub fn merge(&mut self, other: &Self) {
        self.add(other.sum);
        self.correction += other.correction;
    }

    /// The sum; the correction is dropped where the sum itself is infinite or NaN.
    pub fn value(&self) -> f64 {
        if self.sum.is_finite() {
            self.sum + self.correction
        } else {
            self.sum
        }
    }
}

/// A sum of exact products and quotients in about 106 bits (double-double).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DoubleDouble {
    high: f64,
    low: f64,
}

impl DoubleDouble {
    /// A number from its two parts.
    pub fn from_parts(high: f64, low: f64) -> Self {
        let (high, low) = two_sum(high, low);
        Self { high, low }
    }

    /// The two parts of the number.
    pub fn parts(&self) -> (f64, f64) {
        (self.high, self.low)
    }

    /// `left * right` without rounding.
    pub fn product(left: f64, right: f64) -> Self {
        let high = left * right;
        Self {
            high,
            low: f64::mul_add(left, right, -high),
        }
    }

    /// The nearest double.
    pub fn value(&self) -> f64 {
        if self.high.is_finite() {
            self.high + self.low
        } else {
            self.high
        }
    }
}

impl From<f64> for DoubleDouble {
    fn from(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }
}

impl std::ops::Add for DoubleDouble {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (sum, error) = two_sum(self.high, other.high);
        let (low_sum, low_error) = two_sum(self.low, other.low);
        let (sum, error) = quick_two_sum(sum, error + low_sum);
        let (high, low) = quick_two_sum(sum, error + low_error);
        Self { high, low }
    }
}

impl std::ops::Neg for DoubleDouble {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            high: -self.high,
            low: -self.low,
        }
    }
}

impl std::ops::Sub for DoubleDouble {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + (-other)
    }
}

impl std::ops::Mul for DoubleDouble {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let product = Self::product(self.high, other.high);
        let cross = self.high * other.low + self.low * other.high;
        let (high, low) = quick_two_sum(product.high, product.low + cross);
        Self { high, low }
    }
}

impl std::ops::Div for DoubleDouble {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self - other * Self::from(first);
        let second = rest.high / other.high;
        let rest = rest - other * Self::from(second);
        let third = rest.high / other.high;
        let (high, low) = quick_two_sum(first, second);
        Self { high, low } + Self::from(third)
    }
}

/// Sum and its exact rounding error (Knuth).
fn two_sum(left: f64, right: f64) -> (f64, f64) {
    let sum = left + right;
    let virtual_right = sum - left;
    let error = (left - (sum - virtual_right)) + (right - virtual_right);
    (sum, error)
}

/// As [`two_sum`], for `|left| >= |right|` (Dekker).
fn quick_two_sum(left: f64, right: f64) -> (f64, f64) {
    let sum = left + right;
    (sum, right - (sum - left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_survive_beside_large_ones() {
        let mut sum = CompensatedSum::default();
        [1e16, 1.0, -1e16, 1.0].into_iter().for_each(|value| sum.add(value));
        assert_eq!(sum.value(), 2.0);
    }

    #[test]
    fn any_split_merges_to_the_same_sum() {
        let values: Vec<f64> = (0..4000).map(|i| 0.1 * f64::from(i) + 1e9 / f64::from(i + 1)).collect();
        let mut whole = CompensatedSum::default();
        values.iter().for_each(|&value| whole.add(value));
        for cut in [0, 1, 17, 2000, 4000] {
            let (mut left, mut right) = (CompensatedSum::default(), CompensatedSum::default());
            values[..cut].iter().for_each(|&value| left.add(value));
            values[cut..].iter().for_each(|&value| right.add(value));
            left.merge(&right);
            assert_eq!(left.value(), whole.value());
        }
    }

    #[test]
    fn quotients_keep_a_hundred_bits() {
        let third = DoubleDouble::from(1.0) / DoubleDouble::from(3.0);
        let rest = third * DoubleDouble::from(3.0) - DoubleDouble::from(1.0);
        assert!(rest.value().abs() < 1e-31, "{rest:?}");
    }

    #[test]
    fn infinite_sums_stay_infinite() {
        let mut sum = CompensatedSum::default();
        [f64::MAX, f64::MAX].into_iter().for_each(|value| sum.add(value));
        assert_eq!(sum.value(), f64::INFINITY);
    }
}
