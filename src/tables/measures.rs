//! `measures`: what is counted, with label and unit, which measures make the score, and below which rate few events do
//! not matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, Float64Array, RecordBatch, StringArray};
use serde::Deserialize;

use super::vocabulary::{self, column, label_of};
use crate::error::Result;
use crate::sources::{further_measures, standard_measures};

/// `[measures.NAME]`: what may be said of a measure; what is not said keeps its default.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MeasureSettings {
    pub label: Option<String>,
    /// What is counted, such as `crashes`.
    pub unit: Option<String>,
    /// Whether the measure is part of the score of a channel.
    pub key: Option<bool>,
    /// A rate per 1000 usage hours; where the upper bound is not above it, few events are not a low sample.
    pub negligible_rate: Option<f64>,
}

/// Mission Control's score adds up the rates of these two.
const KEY_MEASURES: [&str; 2] = ["main_crashes", "content_crashes"];

pub(super) fn batch(names: &[String], settings: &BTreeMap<String, MeasureSettings>) -> Result<RecordBatch> {
    let nothing_said = MeasureSettings::default();
    let of = |name: &String| settings.get(name).unwrap_or(&nothing_said);
    let all_known: Vec<_> = standard_measures().chain(further_measures()).collect();
    let known = |name: &str| all_known.iter().find(|known| known.name == name);
    let labels = names.iter().map(|name| {
        let given = of(name).label.clone();
        given.unwrap_or_else(|| known(name).map_or_else(|| label_of(name), |known| known.label.clone()))
    });
    let units = names.iter().map(|name| {
        let given = of(name).unit.clone();
        given.unwrap_or_else(|| known(name).map_or_else(|| "events".to_string(), |known| known.unit.clone()))
    });
    // Where a configuration names key measures, Mozilla's are not added to them.
    let any_key = settings.values().any(|measure| measure.key == Some(true));
    let is_key = names.iter().map(|name| {
        let default = !any_key && KEY_MEASURES.contains(&name.as_str());
        Some(of(name).key.unwrap_or(default))
    });
    let negligible = names.iter().map(|name| of(name).negligible_rate.unwrap_or(0.0));
    vocabulary::batch(vec![
        column(
            "measure",
            "name of the measure",
            Arc::new(StringArray::from_iter_values(names)),
        ),
        column(
            "label",
            "what to call it in a chart",
            Arc::new(StringArray::from_iter_values(labels)),
        ),
        column(
            "unit",
            "what is counted",
            Arc::new(StringArray::from_iter_values(units)),
        ),
        column(
            "is_key",
            "whether it is part of the score of a channel",
            Arc::new(is_key.collect::<BooleanArray>()),
        ),
        column(
            "negligible_rate",
            "rate below which few events are not a low sample (per 1000 usage hours)",
            Arc::new(Float64Array::from_iter_values(negligible)),
        ),
    ])
}
