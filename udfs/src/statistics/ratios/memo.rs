//! What the rows of a batch share: they ask, as a rule, for one confidence.

use super::super::error::Result;
use super::super::rate_intervals::TwoSidedLevel;
use super::super::special::BetaQuantile;

/// What depends on the confidence alone, as the latest row needed it.
#[derive(Debug)]
pub struct RatioMemo {
    level: Option<(f64, TwoSidedLevel)>,
    quantile: BetaQuantile,
}

impl Default for RatioMemo {
    fn default() -> Self {
        Self {
            level: None,
            quantile: BetaQuantile::new(f64::NAN),
        }
    }
}

impl RatioMemo {
    pub(super) fn level(&mut self, confidence: f64) -> Result<TwoSidedLevel> {
        match self.level {
            Some((known, level)) if known == confidence => Ok(level),
            _ => {
                let level = TwoSidedLevel::new(confidence)?;
                self.level = Some((confidence, level));
                Ok(level)
            }
        }
    }

    /// The quantiles of beta laws at the lower tail `p`.
    pub(super) fn quantile(&mut self, p: f64) -> &BetaQuantile {
        if self.quantile.p() != p {
            self.quantile = BetaQuantile::new(p);
        }
        &self.quantile
    }
}
