//! Alerts on releases that regressed: each said once, remembered in a file, and told to a webhook.

mod log;
mod webhook;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub use log::AlertLog;
pub use webhook::deliver;

/// `[alerts]`: where alerts are kept and whom they are told.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertSettings {
    /// The folder of `alerts.ndjson`. Without one, alerts are kept in memory and found anew at every start.
    pub folder: Option<PathBuf>,
    /// An http:// or https:// address that gets each alert of a newest release as a JSON object.
    pub webhook: Option<String>,
    /// How often a delivery is tried before it waits for the next start; 8 unless said.
    pub webhook_attempts: Option<u32>,
    /// The wait after the first failure, doubled after each further one; 2 seconds unless said.
    pub webhook_wait_seconds: Option<f64>,
}

impl AlertSettings {
    /// Refuses what no alert could be delivered with.
    pub fn check(&self) -> Result<()> {
        if let Some(address) = &self.webhook {
            let is_http = url::Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if !is_http {
                return Err(
                    Error::configuration("webhook in [alerts] must be an http:// or https:// address")
                        .with_hint("such as https://example.org/hooks/release-health"),
                );
            }
        }
        if self.webhook_attempts == Some(0) {
            return Err(Error::configuration(
                "webhook_attempts in [alerts] must be above 0 (got 0)",
            ));
        }
        match self.webhook_wait_seconds {
            Some(seconds) if !(seconds > 0.0 && seconds <= 3600.0) => Err(Error::configuration(format!(
                "webhook_wait_seconds in [alerts] must be above 0 and at most 3600 (got {seconds})"
            ))),
            _ => Ok(()),
        }
    }
}

/// What an alert is about; there is one alert for each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AlertKey {
    pub application: String,
    pub channel: String,
    pub platform: String,
    pub measure: String,
    pub version: String,
}

/// A regression as it was when it was first found. Later data change none of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    #[serde(flatten)]
    pub key: AlertKey,
    /// The time, in the data, of the look that found it: microseconds since 1970.
    pub first_moment_micros: i64,
    pub release_age_hours: f64,
    /// The evidence at that moment: natural logarithm of the e-value.
    pub log_e: f64,
    pub always_valid_p: f64,
    pub ratio: f64,
    pub events: f64,
    pub expected_events: f64,
    pub sentence: String,
}
