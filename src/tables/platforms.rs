//! `platforms`: the operating systems by the one name that every view uses.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, Int32Array, RecordBatch, StringArray};
use serde::Deserialize;

use super::vocabulary::{self, column, label_of};
use crate::error::Result;

/// `[platforms.NAME]`: what may be said of a platform; what is not said keeps its default.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlatformSettings {
    pub label: Option<String>,
    /// Names in the source that mean this platform.
    pub aliases: Vec<String>,
    /// Whether the platform counts in the score of a channel.
    pub in_score: Option<bool>,
}

const KNOWN: [(&str, &str, &str); 5] = [
    ("windows", "Windows", "Windows_NT, Windows"),
    ("mac", "macOS", "Darwin, Mac"),
    ("linux", "Linux", "Linux"),
    ("android", "Android", "Android"),
    ("other", "Other", ""),
];

/// Mission Control's platforms, and those that the configuration adds.
pub(super) fn batch(settings: &BTreeMap<String, PlatformSettings>) -> Result<RecordBatch> {
    let known = |name: &str| KNOWN.iter().find(|known| known.0 == name);
    let mut names: Vec<&str> = KNOWN.iter().map(|known| known.0).collect();
    names.extend(settings.keys().map(String::as_str).filter(|name| known(name).is_none()));
    let nothing_said = PlatformSettings::default();
    let of = |name: &str| settings.get(name).unwrap_or(&nothing_said);
    let labels = names.iter().map(|name| {
        let given = of(name).label.clone();
        given.unwrap_or_else(|| known(name).map_or_else(|| label_of(name), |known| known.1.to_string()))
    });
    let aliases = names.iter().map(|name| {
        let own = known(name).map_or("", |known| known.2);
        let added = of(name).aliases.join(", ");
        [own, &added]
            .iter()
            .filter(|part| !part.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join(", ")
    });
    let in_score = names
        .iter()
        .map(|name| Some(of(name).in_score.unwrap_or(*name != "other")));
    let order = 1..=i32::try_from(names.len()).unwrap_or(i32::MAX);
    vocabulary::batch(vec![
        column(
            "platform",
            "name of the platform",
            Arc::new(StringArray::from_iter_values(&names)),
        ),
        column(
            "label",
            "what to call it in a chart",
            Arc::new(StringArray::from_iter_values(labels)),
        ),
        column(
            "sort_order",
            "place on a board",
            Arc::new(Int32Array::from_iter_values(order)),
        ),
        column(
            "aliases",
            "names of it in the source",
            Arc::new(StringArray::from_iter_values(aliases)),
        ),
        column(
            "in_score",
            "whether it counts in the score of a channel",
            Arc::new(in_score.collect::<BooleanArray>()),
        ),
    ])
}
