//! `channels`: the update channels in the order in which a board lists them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Int32Array, RecordBatch, StringArray};
use serde::Deserialize;

use super::vocabulary::{self, column, label_of};
use crate::error::Result;

/// `[channels.NAME]`: what may be said of a channel; what is not said keeps its default.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelSettings {
    pub label: Option<String>,
    /// How many days usually lie between two releases.
    pub update_interval_days: Option<i32>,
    /// The stage of a version without a suffix: `final`, on a beta channel `rc`.
    pub plain_stage: Option<String>,
    /// Other spellings.
    pub aliases: Vec<String>,
}

struct KnownChannel {
    name: &'static str,
    label: &'static str,
    update_interval_days: i32,
    plain_stage: &'static str,
}

/// Mozilla's channels with the intervals that Mission Control counted with.
const KNOWN: [KnownChannel; 4] = [
    KnownChannel {
        name: "release",
        label: "Release",
        update_interval_days: 42,
        plain_stage: "final",
    },
    KnownChannel {
        name: "beta",
        label: "Beta",
        update_interval_days: 14,
        plain_stage: "rc",
    },
    KnownChannel {
        name: "nightly",
        label: "Nightly",
        update_interval_days: 3,
        plain_stage: "final",
    },
    KnownChannel {
        name: "esr",
        label: "Extended support",
        update_interval_days: 42,
        plain_stage: "esr",
    },
];

/// Mozilla's channels, or those of the configuration where it names any.
pub(super) fn batch(settings: &BTreeMap<String, ChannelSettings>) -> Result<RecordBatch> {
    let known = |name: &str| KNOWN.iter().find(|known| known.name == name);
    let names: Vec<&str> = if settings.is_empty() {
        KNOWN.iter().map(|known| known.name).collect()
    } else {
        settings.keys().map(String::as_str).collect()
    };
    let nothing_said = ChannelSettings::default();
    let of = |name: &str| settings.get(name).unwrap_or(&nothing_said);
    let labels = names.iter().map(|name| {
        let given = of(name).label.clone();
        given.unwrap_or_else(|| known(name).map_or_else(|| label_of(name), |known| known.label.to_string()))
    });
    let intervals = names.iter().map(|name| {
        let given = of(name).update_interval_days;
        given.or_else(|| known(name).map(|known| known.update_interval_days))
    });
    let stages = names.iter().map(|name| {
        let given = of(name).plain_stage.clone();
        given.unwrap_or_else(|| known(name).map_or("final", |known| known.plain_stage).to_string())
    });
    let aliases = names.iter().map(|name| of(name).aliases.join(", "));
    let order = 1..=i32::try_from(names.len()).unwrap_or(i32::MAX);
    vocabulary::batch(vec![
        column(
            "channel",
            "name of the channel",
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
            "update_interval_days",
            "usual time between two releases (days)",
            Arc::new(intervals.collect::<Int32Array>()),
        ),
        column(
            "plain_stage",
            "stage of a version that has no suffix",
            Arc::new(StringArray::from_iter_values(stages)),
        ),
        column(
            "aliases",
            "other spellings",
            Arc::new(StringArray::from_iter_values(aliases)),
        ),
    ])
}
