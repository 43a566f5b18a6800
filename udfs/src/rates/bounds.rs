//! Bounds of many rates: what depends on the confidence alone is worked out once, and so are the bounds of counts
//! that come again, as low counts do in 5-minute windows.

use crate::FunctionError;
use crate::arguments::{Parameter, Row};
use crate::statistics::arguments;
use crate::statistics::method::RateMethod;
use crate::statistics::rate_intervals::{RateInterval, TwoSidedLevel, mean_lower, mean_upper, rate_per_khour};

pub(crate) const METHOD: Parameter = Parameter::choice("method", RateMethod::NAMES);

/// Slots for remembered bounds; counts that differ by a multiple of it share one.
const SLOTS: usize = 1024;

/// Remembers bounds within a batch. Arguments of a row: count, hours, confidence, method.
#[derive(Debug, Default)]
pub struct BoundsMemo {
    level: Option<Level>,
    lower: Vec<Option<Remembered>>,
    upper: Vec<Option<Remembered>>,
}

/// A confidence and a method, made ready.
#[derive(Debug, Clone, Copy)]
struct Level {
    confidence: f64,
    choice: usize,
    level: TwoSidedLevel,
    method: RateMethod,
}

#[derive(Debug, Clone, Copy)]
struct Remembered {
    count: f64,
    confidence: f64,
    method: RateMethod,
    mean: f64,
}

impl BoundsMemo {
    pub(crate) fn lower(&mut self, row: &Row) -> Result<f64, FunctionError> {
        let level = self.level(row)?;
        let (count, hours) = checked(row)?;
        if hours == 0.0 {
            return Ok(0.0);
        }
        let mean = remembered(&mut self.lower, count, &level, mean_lower)?;
        per_khour(mean, hours)
    }

    pub(crate) fn upper(&mut self, row: &Row) -> Result<f64, FunctionError> {
        let level = self.level(row)?;
        let (count, hours) = checked(row)?;
        if hours == 0.0 {
            return Ok(f64::INFINITY);
        }
        let mean = remembered(&mut self.upper, count, &level, mean_upper)?;
        per_khour(mean, hours)
    }

    pub(crate) fn interval(&mut self, row: &Row) -> Result<RateInterval, FunctionError> {
        let (lower, upper) = (self.lower(row)?, self.upper(row)?);
        Ok(RateInterval {
            rate: rate_per_khour(row.number(0), row.number(1))?,
            lower,
            upper,
        })
    }

    fn level(&mut self, row: &Row) -> Result<Level, FunctionError> {
        let (confidence, choice) = (row.number(2), row.choice(3));
        match self.level {
            Some(level) if level.confidence == confidence && level.choice == choice => Ok(level),
            _ => {
                let method = RateMethod::ALL[choice];
                let level = Level {
                    confidence,
                    choice,
                    level: TwoSidedLevel::new(confidence)?,
                    method,
                };
                self.level = Some(level);
                Ok(level)
            }
        }
    }
}

fn checked(row: &Row) -> Result<(f64, f64), FunctionError> {
    Ok((arguments::count(row.number(0))?, arguments::usage_hours(row.number(1))?))
}

/// The bound of the mean count from the slot of the count, or worked out and put there.
fn remembered(
    slots: &mut Vec<Option<Remembered>>,
    count: f64,
    level: &Level,
    bound: fn(f64, &TwoSidedLevel, RateMethod) -> crate::statistics::Result<f64>,
) -> Result<f64, FunctionError> {
    if slots.is_empty() {
        slots.resize(SLOTS, None);
    }
    let slot = &mut slots[count as usize % SLOTS];
    let matching = slot
        .filter(|known| known.count == count && known.confidence == level.confidence && known.method == level.method);
    if let Some(known) = matching {
        return Ok(known.mean);
    }
    let mean = bound(count, &level.level, level.method)?;
    *slot = Some(Remembered {
        count,
        confidence: level.confidence,
        method: level.method,
        mean,
    });
    Ok(mean)
}

/// Scales a mean count as the point rate is scaled, so that lower <= rate <= upper survives rounding.
fn per_khour(mean: f64, hours: f64) -> Result<f64, FunctionError> {
    Ok(rate_per_khour(mean, hours)?.unwrap_or(f64::NAN))
}
