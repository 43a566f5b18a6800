//! `[managed]`: the table that takes rows.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use serde::Deserialize;

use super::Config;
use crate::error::{Error, Result};
use crate::managed::{ManagedSettings, OnError};

/// `[managed]`: a Delta table that clients append to, served alone or beside the source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ManagedSection {
    /// A folder or a folder of an object store; made on the first start. Without it there is no managed table.
    pub location: Option<String>,
    /// How often small files are merged. What was acknowledged is in the table at once, for other programs too.
    pub flush_seconds: NonZeroU64,
    /// `refuse`: a bad row refuses its batch. `quarantine`: it goes to `mission_control.quarantine`.
    pub on_error: OnError,
    /// Days after which rows are dropped; none keeps them for ever.
    pub retention_days: Option<NonZeroU32>,
    /// How long files that were merged or dropped stay for readers of older versions.
    pub vacuum_hours: NonZeroU32,
    /// How long a batch's idempotency key is remembered.
    pub key_days: NonZeroU32,
    /// Options of the object store by its own names, such as `region` or `endpoint`.
    pub options: BTreeMap<String, String>,
}

const SECONDS_PER_HOUR: u64 = 3600;

fn at_least_one(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}

impl Default for ManagedSection {
    fn default() -> Self {
        Self {
            location: None,
            flush_seconds: NonZeroU64::new(5).unwrap_or(NonZeroU64::MIN),
            on_error: OnError::Refuse,
            retention_days: None,
            vacuum_hours: at_least_one(24),
            key_days: at_least_one(30),
            options: BTreeMap::new(),
        }
    }
}

impl ManagedSection {
    /// Refuses what cannot be meant, without looking at the table.
    pub fn check(&self) -> Result<()> {
        if self.location.as_deref() == Some("") {
            return Err(Error::configuration("managed.location is empty").with_hint("give a folder"));
        }
        Ok(())
    }
}

impl Config {
    /// The managed table, if one is configured.
    pub fn managed_settings(&self) -> Option<ManagedSettings> {
        let section = &self.managed;
        let hours = |hours: u64| Duration::from_secs(hours.saturating_mul(SECONDS_PER_HOUR));
        Some(ManagedSettings {
            location: section.location.clone()?,
            options: section.options.clone(),
            flush_interval: Duration::from_secs(section.flush_seconds.get()),
            on_error: section.on_error,
            retention_days: section.retention_days.map(NonZeroU32::get),
            vacuum_after: hours(u64::from(section.vacuum_hours.get())),
            keys_kept: hours(24 * u64::from(section.key_days.get())),
            measures: self.columns.measures.keys().cloned().collect(),
            platforms: self.platform_aliases(),
        })
    }
}
