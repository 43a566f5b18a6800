//! `verdict_settings`: what the verdicts on releases are made with, from `[verdict]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray};
use serde::Deserialize;

use super::vocabulary::{self, column};
use crate::error::{Error, Result};

/// `[verdict]`: the parameters of every channel, and what is different on some of them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerdictSettings {
    /// How often a healthy release may be called regressed in one of its cells, over all looks.
    pub alpha: Option<f64>,
    /// By how much a rate may be higher without being a regression, such as 0.1.
    pub margin: Option<f64>,
    /// How many cells (platforms times measures) a board looks at; more where it has more.
    pub board_cells: Option<u32>,
    /// Expected events, divided by the dispersion, before there is a verdict.
    pub minimum_expected: Option<f64>,
    /// How many earlier releases make the baseline.
    pub previous_releases: Option<u32>,
    /// By how much the rates of healthy releases differ: standard deviation of their logarithms.
    pub between_release_sd: Option<f64>,
    /// `[verdict.channels.NAME]`
    pub channels: BTreeMap<String, ChannelVerdictSettings>,
}

/// What is different on one channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelVerdictSettings {
    pub alpha: Option<f64>,
    pub margin: Option<f64>,
    pub board_cells: Option<u32>,
    pub minimum_expected: Option<f64>,
    pub previous_releases: Option<u32>,
    pub between_release_sd: Option<f64>,
}

/// All parameters of a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Parameters {
    alpha: f64,
    margin: f64,
    board_cells: u32,
    minimum_expected: f64,
    previous_releases: u32,
    between_release_sd: f64,
}

/// Calibrated by simulation: see the page on verdicts in sql/README.md.
const DEFAULT: Parameters = Parameters {
    alpha: 0.05,
    margin: 0.1,
    board_cells: 18,
    minimum_expected: 20.0,
    previous_releases: 4,
    between_release_sd: 0.1,
};

/// A nightly's version is a train of many builds, whose differences cancel.
const NIGHTLY: (&str, f64) = ("nightly", 0.05);

impl VerdictSettings {
    /// Refuses what no verdict can be made with.
    pub fn check(&self) -> Result<()> {
        for (channel, parameters) in self.rows() {
            let place = channel.map_or_else(|| "[verdict]".to_string(), |name| format!("[verdict.channels.{name}]"));
            parameters.check(&place)?;
        }
        Ok(())
    }

    /// The parameters of all channels (`None`), and of those that differ.
    fn rows(&self) -> Vec<(Option<&str>, Parameters)> {
        let general = ChannelVerdictSettings {
            alpha: self.alpha,
            margin: self.margin,
            board_cells: self.board_cells,
            minimum_expected: self.minimum_expected,
            previous_releases: self.previous_releases,
            between_release_sd: self.between_release_sd,
        };
        let all = DEFAULT.changed_by(&general);
        let mut channels: BTreeMap<&str, Parameters> = BTreeMap::new();
        if self.between_release_sd.is_none() {
            let (nightly, between_release_sd) = NIGHTLY;
            let parameters = Parameters {
                between_release_sd,
                ..all
            };
            channels.insert(nightly, parameters);
        }
        for (name, own) in &self.channels {
            let before = channels.get(name.as_str()).unwrap_or(&all);
            channels.insert(name, before.changed_by(own));
        }
        let of_channels = channels.into_iter().map(|(name, parameters)| (Some(name), parameters));
        std::iter::once((None, all)).chain(of_channels).collect()
    }
}

impl Parameters {
    fn changed_by(self, own: &ChannelVerdictSettings) -> Self {
        Self {
            alpha: own.alpha.unwrap_or(self.alpha),
            margin: own.margin.unwrap_or(self.margin),
            board_cells: own.board_cells.unwrap_or(self.board_cells),
            minimum_expected: own.minimum_expected.unwrap_or(self.minimum_expected),
            previous_releases: own.previous_releases.unwrap_or(self.previous_releases),
            between_release_sd: own.between_release_sd.unwrap_or(self.between_release_sd),
        }
    }

    fn check(&self, place: &str) -> Result<()> {
        let numbers = [
            (
                "alpha",
                self.alpha,
                self.alpha > 0.0 && self.alpha < 1.0,
                "between 0 and 1, both excluded",
            ),
            (
                "margin",
                self.margin,
                (0.0..10.0).contains(&self.margin),
                "from 0 to below 10, such as 0.1",
            ),
            (
                "board_cells",
                f64::from(self.board_cells),
                self.board_cells > 0,
                "above 0",
            ),
            (
                "minimum_expected",
                self.minimum_expected,
                self.minimum_expected > 0.0 && self.minimum_expected.is_finite(),
                "finite and above 0",
            ),
            (
                "previous_releases",
                f64::from(self.previous_releases),
                (2..=8).contains(&self.previous_releases),
                "from 2 to 8",
            ),
            (
                "between_release_sd",
                self.between_release_sd,
                self.between_release_sd > 0.0 && self.between_release_sd < 1.0,
                "between 0 and 1, both excluded",
            ),
        ];
        match numbers.into_iter().find(|(_, _, is_allowed, _)| !is_allowed) {
            Some((name, given, _, allowed)) => Err(Error::configuration(format!(
                "{name} in {place} must be {allowed} (got {given})"
            ))
            .with_hint("verdict_settings shows the parameters in force")),
            None => Ok(()),
        }
    }
}

pub(super) fn batch(settings: &VerdictSettings) -> Result<RecordBatch> {
    let rows = settings.rows();
    let number = |of: fn(&Parameters) -> f64| {
        let values = rows.iter().map(|(_, parameters)| of(parameters));
        Arc::new(Float64Array::from_iter_values(values))
    };
    let whole = |of: fn(&Parameters) -> u32| {
        let values = rows.iter().map(|(_, parameters)| i64::from(of(parameters)));
        Arc::new(Int64Array::from_iter_values(values))
    };
    let channels = rows.iter().map(|(channel, _)| *channel).collect::<StringArray>();
    vocabulary::batch(vec![
        column("channel", "channel; NULL for all that have no row", Arc::new(channels)),
        column(
            "alpha",
            "how often a healthy release may be called regressed somewhere on its board (share of releases)",
            number(|parameters| parameters.alpha),
        ),
        column(
            "margin",
            "how much higher a rate may be without being a regression (0.1: 10 percent)",
            number(|parameters| parameters.margin),
        ),
        column(
            "board_cells",
            "cells (platforms times measures) among which alpha is shared; more where a board has more (count)",
            whole(|parameters| parameters.board_cells),
        ),
        column(
            "minimum_expected",
            "expected events, divided by the dispersion, before there is a verdict (count)",
            number(|parameters| parameters.minimum_expected),
        ),
        column(
            "previous_releases",
            "earlier releases that make the baseline, at most (count)",
            whole(|parameters| parameters.previous_releases),
        ),
        column(
            "between_release_sd",
            "usual standard deviation between healthy releases of the logarithm of their rate",
            number(|parameters| parameters.between_release_sd),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_has_what_it_says_and_else_what_all_have() {
        let settings: VerdictSettings =
            toml::from_str("alpha = 0.01\n[channels.beta]\nmargin = 0.25").expect("settings");
        let rows = settings.rows();
        let of = |channel: Option<&str>| {
            rows.iter()
                .find(|(name, _)| *name == channel)
                .map(|(_, parameters)| *parameters)
        };
        let all = Parameters { alpha: 0.01, ..DEFAULT };
        assert_eq!(of(None), Some(all));
        assert_eq!(of(Some("beta")), Some(Parameters { margin: 0.25, ..all }));
        let nightly = Parameters {
            between_release_sd: 0.05,
            ..all
        };
        assert_eq!(of(Some("nightly")), Some(nightly));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let settings: VerdictSettings = toml::from_str("[channels.beta]\nprevious_releases = 1").expect("settings");
        let error = settings.check().expect_err("one release is no baseline");
        assert_eq!(
            error.message,
            "previous_releases in [verdict.channels.beta] must be from 2 to 8 (got 1)"
        );
        assert!(VerdictSettings::default().check().is_ok());
    }
}
