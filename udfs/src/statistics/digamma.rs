//! Differences of the digamma function, for the score of the negative binomial law.

/// ψ(a + k) - ψ(a) for a > 0, k >= 0, without subtracting large values.
pub(super) fn digamma_difference(a: f64, k: f64) -> f64 {
    if k == k.trunc() && k <= 64.0 {
        return (0..k as u32).rev().map(|j| 1.0 / (a + f64::from(j))).sum();
    }
    // Lift both arguments above 10, where the asymptotic series holds.
    let mut lifted = 0.0;
    let mut low = a;
    while low < 10.0 {
        lifted += 1.0 / low;
        low += 1.0;
    }
    let mut high = a + k;
    while high < 10.0 {
        lifted -= 1.0 / high;
        high += 1.0;
    }
    lifted + ((high - low) / low).ln_1p() - (series(high) - series(low))
}

/// ln x - ψ(x) for x >= 10 (DLMF 5.11.2).
fn series(x: f64) -> f64 {
    let r = 1.0 / (x * x);
    let even = r * (1.0 / 12.0 - r * (1.0 / 120.0 - r * (1.0 / 252.0 - r * (1.0 / 240.0 - r * (1.0 / 132.0)))));
    0.5 / x + even
}

#[cfg(test)]
mod tests {
    use super::digamma_difference;

    #[test]
    fn agrees_with_the_finite_sum() {
        for a in [0.01, 0.7, 3.0, 9.5, 50.0, 1e4] {
            let sum: f64 = (0..300).rev().map(|j| 1.0 / (a + f64::from(j))).sum();
            let difference = digamma_difference(a, 300.0);
            assert!((difference / sum - 1.0).abs() < 1e-12, "{a}: {difference} {sum}");
        }
    }
}
