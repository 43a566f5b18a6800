//! The fields of a ping that count, named as in the JSON. Everything else is passed over without being looked at.
//!
//! A ping is the client's document with what the server knew of it beside it, in either of two forms: `meta` as the
//! first pipeline wrote it, or `metadata`, `submission_timestamp` and `normalized_…` as the second does.

use serde::Deserialize;

use super::values::{Experiments, Text, Whole, object};

#[derive(Debug, Deserialize)]
pub struct Document<'a> {
    #[serde(borrow, rename = "type")]
    pub ping_type: Option<Text<'a>>,
    #[serde(borrow, rename = "creationDate")]
    pub creation_date: Option<Text<'a>>,
    #[serde(borrow)]
    pub submission_timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    pub normalized_app_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub normalized_channel: Option<Text<'a>>,
    #[serde(borrow)]
    pub normalized_country_code: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub meta: Option<Meta<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub metadata: Option<Metadata<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub application: Option<Application<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub environment: Option<Environment<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub payload: Option<Payload<'a>>,
    // Core pings have no sections.
    #[serde(borrow)]
    pub os: Option<Text<'a>>,
    #[serde(borrow)]
    pub osversion: Option<Text<'a>>,
    #[serde(borrow)]
    pub arch: Option<Text<'a>>,
    #[serde(borrow, rename = "displayVersion")]
    pub display_version: Option<Text<'a>>,
    pub durations: Option<Whole>,
}

/// What the first pipeline's server said of a ping.
#[derive(Debug, Default, Deserialize)]
pub struct Meta<'a> {
    /// Arrival, in nanoseconds since 1970.
    #[serde(rename = "Timestamp")]
    pub timestamp: Option<Whole>,
    #[serde(borrow, rename = "docType")]
    pub doc_type: Option<Text<'a>>,
    #[serde(borrow, rename = "appName")]
    pub app_name: Option<Text<'a>>,
    #[serde(borrow, rename = "appVersion")]
    pub app_version: Option<Text<'a>>,
    #[serde(borrow, rename = "appBuildId")]
    pub app_build_id: Option<Text<'a>>,
    #[serde(borrow, rename = "normalizedChannel")]
    pub normalized_channel: Option<Text<'a>>,
    #[serde(borrow, rename = "geoCountry")]
    pub geo_country: Option<Text<'a>>,
    /// The day by which a build's age is judged, as `YYYYMMDD`; else the day of arrival.
    #[serde(borrow, rename = "submissionDate")]
    pub submission_date: Option<Text<'a>>,
}

/// What the second pipeline's server said of a ping.
#[derive(Debug, Default, Deserialize)]
pub struct Metadata<'a> {
    #[serde(borrow)]
    pub document_type: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub geo: Option<Geo<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub uri: Option<Uri<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct Geo<'a> {
    #[serde(borrow)]
    pub country: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Uri<'a> {
    #[serde(borrow)]
    pub app_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub app_version: Option<Text<'a>>,
    #[serde(borrow)]
    pub app_build_id: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct Application<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub channel: Option<Text<'a>>,
    #[serde(borrow, rename = "displayVersion")]
    pub display_version: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct Environment<'a> {
    #[serde(borrow, default, deserialize_with = "object")]
    pub build: Option<Build<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub system: Option<System<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub addons: Option<Addons<'a>>,
    #[serde(borrow)]
    pub experiments: Option<Experiments<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct Build<'a> {
    #[serde(borrow)]
    pub version: Option<Text<'a>>,
    #[serde(borrow, rename = "buildId")]
    pub build_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub architecture: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct System<'a> {
    #[serde(borrow, default, deserialize_with = "object")]
    pub os: Option<Os<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct Os<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub version: Option<Text<'a>>,
}

/// Where experiments stood before environments had a section for them.
#[derive(Debug, Deserialize)]
pub struct Addons<'a> {
    #[serde(borrow, rename = "activeExperiment", default, deserialize_with = "object")]
    pub active_experiment: Option<ActiveExperiment<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct ActiveExperiment<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub branch: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct Payload<'a> {
    // Main pings.
    #[serde(default, deserialize_with = "object")]
    pub info: Option<Info>,
    #[serde(default, deserialize_with = "object")]
    pub histograms: Option<Histograms>,
    #[serde(rename = "keyedHistograms", default, deserialize_with = "object")]
    pub keyed_histograms: Option<KeyedHistograms>,
    // Crash pings.
    #[serde(borrow, rename = "processType")]
    pub process_type: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub metadata: Option<CrashMetadata<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct Info {
    #[serde(rename = "subsessionLength")]
    pub subsession_length: Option<Whole>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Histograms {
    #[serde(default, deserialize_with = "object")]
    pub browser_shim_usage_blocked: Option<Histogram>,
    #[serde(default, deserialize_with = "object")]
    pub permissions_sql_corrupted: Option<Histogram>,
    #[serde(default, deserialize_with = "object")]
    pub defective_permissions_sql_removed: Option<Histogram>,
    #[serde(default, deserialize_with = "object")]
    pub slow_script_notice_count: Option<Histogram>,
    #[serde(default, deserialize_with = "object")]
    pub slow_script_page_count: Option<Histogram>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct KeyedHistograms {
    #[serde(default, deserialize_with = "object")]
    pub subprocess_crashes_with_dump: Option<SubprocessCrashes>,
}

#[derive(Debug, Default, Deserialize)]
pub struct SubprocessCrashes {
    #[serde(default, deserialize_with = "object")]
    pub gpu: Option<Histogram>,
    #[serde(default, deserialize_with = "object")]
    pub plugin: Option<Histogram>,
    #[serde(default, deserialize_with = "object")]
    pub gmplugin: Option<Histogram>,
}

#[derive(Debug, Deserialize)]
pub struct Histogram {
    #[serde(default, deserialize_with = "object")]
    pub values: Option<HistogramValues>,
}

#[derive(Debug, Deserialize)]
pub struct HistogramValues {
    /// A counter's only bucket.
    #[serde(rename = "0")]
    pub zero: Option<Whole>,
}

#[derive(Debug, Deserialize)]
pub struct CrashMetadata<'a> {
    #[serde(borrow, rename = "StartupCrash")]
    pub startup_crash: Option<Text<'a>>,
    #[serde(borrow)]
    pub ipc_channel_error: Option<Text<'a>>,
}
