//! Enough data? Widths reached, events needed, exposure needed.

use super::arguments::{
    any_nan, count as check_count, dispersion as check_dispersion, open_unit, positive, usage_hours as check_hours,
};
use super::error::{Result, StatisticsError};
use super::method::RateMethod;
use super::quasi::quasi_mean_interval;
use super::rate_intervals::{TwoSidedLevel, mean_interval};
use super::special::normal_upper_quantile;

/// Largest count that a double holds exactly.
const LARGEST_COUNT: f64 = 9_007_199_254_740_992.0;

/// True when half the exact interval is at most `relative_half_width` of the rate; false without events or exposure.
/// None when an argument is NaN. Counts are events, exposures usage hours.
pub fn rate_enough(
    count: f64,
    usage_hours: f64,
    relative_half_width: f64,
    confidence: f64,
    dispersion: f64,
) -> Result<Option<bool>> {
    let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
    let wanted = positive("relative_half_width", relative_half_width)?;
    let level = TwoSidedLevel::new(confidence)?;
    let dispersion = check_dispersion(dispersion)?;
    if any_nan(&[count, hours, wanted, level.tail, dispersion]) {
        return Ok(None);
    }
    if hours == 0.0 || count == 0.0 {
        return Ok(Some(false));
    }
    let (lower, upper) = quasi_mean_interval(count, dispersion, &level, RateMethod::Exact)?;
    Ok(Some(upper - lower <= 2.0 * count * wanted))
}

/// The fewest events whose exact interval is no wider than `relative_half_width` of the rate on each side.
pub fn min_events(relative_half_width: f64, confidence: f64) -> Result<f64> {
    let wanted = positive("relative_half_width", relative_half_width)?;
    let level = TwoSidedLevel::new(confidence)?;
    if any_nan(&[wanted, level.tail]) {
        return Ok(f64::NAN);
    }
    let enough = |count: f64| -> Result<bool> {
        let (lower, upper) = mean_interval(count, &level, RateMethod::Exact)?;
        Ok(upper - lower <= 2.0 * count * wanted)
    };
    // The normal approximation is always too few.
    let mut below = 0.0;
    let mut reaching = (min_events_wald(wanted, &level).floor() + 1.0).clamp(1.0, LARGEST_COUNT);
    while !enough(reaching)? {
        if reaching >= LARGEST_COUNT {
            return Err(StatisticsError::invalid(
                "relative_half_width",
                "large enough that fewer than 2^53 events reach it",
                relative_half_width,
            ));
        }
        below = reaching;
        reaching = (2.0 * reaching).min(LARGEST_COUNT);
    }
    while reaching - below > 1.0 {
        let middle = (0.5 * (below + reaching)).floor();
        if enough(middle)? {
            reaching = middle;
        } else {
            below = middle;
        }
    }
    Ok(reaching)
}

/// Events by the normal approximation, `z² / x²`.
pub fn min_events_wald(relative_half_width: f64, level: &TwoSidedLevel) -> f64 {
    let quotient = level.z / relative_half_width;
    quotient * quotient
}

/// Exposure in khours per release with which a one-sided test finds a rate ratio, by the variance-stabilised form.
///
/// `arms` is 2 for two releases of equal exposure, 1 against a known baseline.
pub fn khours_to_detect(
    rate_per_khour: f64,
    ratio: f64,
    power: f64,
    alpha: f64,
    dispersion: f64,
    arms: i64,
) -> Result<f64> {
    let rate = positive("rate_per_khour", rate_per_khour)?;
    let ratio = positive("ratio", ratio)?;
    if ratio == 1.0 {
        return Err(StatisticsError::invalid("ratio", "different from 1", ratio));
    }
    let power = open_unit("power", power)?;
    let alpha = open_unit("alpha", alpha)?;
    let dispersion = check_dispersion(dispersion)?;
    let per_arm = match arms {
        1 => 4.0,
        2 => 2.0,
        other => return Err(StatisticsError::invalid("arms", "1 or 2", other)),
    };
    let z = normal_upper_quantile(alpha) + normal_upper_quantile(1.0 - power);
    let distance = (ratio - 1.0) / (ratio.sqrt() + 1.0);
    Ok(dispersion * z * z / (per_arm * rate * distance * distance))
}
