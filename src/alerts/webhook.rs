//! Telling an address of each alert, with patience: what fails is tried again, and what succeeded is never repeated.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use serde_json::json;

use super::{Alert, AlertLog, AlertSettings};
use crate::error::{Error, Result};
use crate::shutdown::Shutdown;

const DEFAULT_ATTEMPTS: u32 = 8;
const DEFAULT_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
const TIMEOUT: Duration = Duration::from_secs(10);

/// Delivers alerts one after another, each until the address takes it or the attempts are used up; those stay
/// unsettled, for the next time this is called. Returns whether all were taken.
pub async fn deliver(
    settings: &AlertSettings,
    log: &Arc<AlertLog>,
    alerts: Vec<Alert>,
    shutdown: &Shutdown,
) -> Result<bool> {
    let Some(address) = &settings.webhook else {
        return Ok(true);
    };
    let client = Client::builder()
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| Error::internal(format!("no connection to the webhook can be made: {error}")))?;
    let mut all_taken = true;
    for alert in alerts {
        let taken = tokio::select! {
            () = shutdown.drained() => return Ok(false),
            taken = with_retries(settings, &client, address, &alert) => taken,
        };
        all_taken &= taken;
        if taken {
            let (log, key) = (Arc::clone(log), alert.key);
            tokio::task::spawn_blocking(move || log.settle(vec![key]))
                .await
                .map_err(|_| Error::internal("remembering an alert stopped unexpectedly"))??;
        }
    }
    Ok(all_taken)
}

async fn with_retries(settings: &AlertSettings, client: &Client, address: &str, alert: &Alert) -> bool {
    let attempts = settings.webhook_attempts.unwrap_or(DEFAULT_ATTEMPTS);
    let mut wait = settings
        .webhook_wait_seconds
        .map_or(DEFAULT_WAIT, Duration::from_secs_f64);
    for attempt in 1..=attempts {
        let Err(reason) = post(client, address, alert).await else {
            return true;
        };
        tracing::warn!(
            version = alert.key.version,
            measure = alert.key.measure,
            platform = alert.key.platform,
            attempt,
            attempts,
            reason,
            "the webhook did not take an alert"
        );
        if attempt < attempts {
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
    false
}

/// Posts one alert. The reason for a failure never holds the address, which may contain a secret.
async fn post(client: &Client, address: &str, alert: &Alert) -> std::result::Result<(), String> {
    let first_moment = chrono::DateTime::from_timestamp_micros(alert.first_moment_micros)
        .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    let body = json!({
        "application": alert.key.application,
        "channel": alert.key.channel,
        "platform": alert.key.platform,
        "measure": alert.key.measure,
        "version": alert.key.version,
        "verdict": "regressed",
        "first_moment": first_moment,
        "release_age_hours": alert.release_age_hours,
        "log_e": alert.log_e,
        "always_valid_p": alert.always_valid_p,
        "ratio": alert.ratio,
        "events": alert.events,
        "expected_events": alert.expected_events,
        "sentence": alert.sentence,
    });
    let request = client
        .post(address)
        .header("content-type", "application/json")
        .body(body.to_string());
    match request.send().await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("it answered {}", response.status().as_u16())),
        Err(error) => Err(error.without_url().to_string()),
    }
}
