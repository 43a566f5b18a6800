//! `targets`: which rate is aimed at and which is too much, for colouring a chart. Empty unless configured.

use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, StringArray};
use serde::Deserialize;

use super::vocabulary::{self, column};
use crate::error::Result;

/// One `[[targets]]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TargetSettings {
    pub application: Option<String>,
    pub channel: Option<String>,
    pub platform: Option<String>,
    pub measure: Option<String>,
    /// Events per 1000 usage hours.
    pub target_rate: Option<f64>,
    /// Events per 1000 usage hours.
    pub critical_rate: Option<f64>,
}

pub(super) fn batch(targets: &[TargetSettings]) -> Result<RecordBatch> {
    let text = |of: fn(&TargetSettings) -> Option<&str>| Arc::new(targets.iter().map(of).collect::<StringArray>());
    let rate = |of: fn(&TargetSettings) -> Option<f64>| Arc::new(targets.iter().map(of).collect::<Float64Array>());
    vocabulary::batch(vec![
        column(
            "application",
            "application; NULL for all",
            text(|target| target.application.as_deref()),
        ),
        column(
            "channel",
            "channel; NULL for all",
            text(|target| target.channel.as_deref()),
        ),
        column(
            "platform",
            "platform; NULL for all",
            text(|target| target.platform.as_deref()),
        ),
        column(
            "measure",
            "measure; NULL for all",
            text(|target| target.measure.as_deref()),
        ),
        column(
            "target_rate",
            "rate to stay below (per 1000 usage hours)",
            rate(|target| target.target_rate),
        ),
        column(
            "critical_rate",
            "rate that is too much (per 1000 usage hours)",
            rate(|target| target.critical_rate),
        ),
    ])
}
