//! What is planted in the demo data: a regression, an experiment and the faults of collection.

use chrono::{DateTime, Utc};

use super::DemoSpec;
use super::calendar::minute_of;

/// What a planted fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Every crash measure of one version has 1.6 times its usual rate.
    Regression,
    /// Rows appear once for the population and again per experiment branch.
    Experiment,
    /// A measure is no longer collected: NULL everywhere from the first window on.
    MeasureStopped,
    /// `content_shutdown_crashes` are counted more than once, so that they exceed `content_crashes`.
    ShutdownAboveContent,
    /// No rows at all.
    Gap,
    /// One row has a negative count.
    NegativeCount,
    /// A few test installations report before the release.
    PreRelease,
}

/// One planted fault: what, where, and from when until (exclusive) when. `None` means all of them.
#[derive(Clone, Copy, Debug)]
pub struct PlantedFault {
    pub kind: FaultKind,
    pub application: &'static str,
    pub channel: Option<&'static str>,
    /// `windows`, `mac` or `linux`.
    pub platform: Option<&'static str>,
    /// The display version.
    pub version: Option<&'static str>,
    pub measure: Option<&'static str>,
    pub(super) first_minute: i64,
    pub(super) end_minute: i64,
}

impl PlantedFault {
    /// The start of the first window that is affected.
    pub fn first_window(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.first_minute * 60, 0).unwrap_or_default()
    }

    /// The start of the first window that is no longer affected.
    pub fn end(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.end_minute * 60, 0).unwrap_or_default()
    }

    pub(super) fn covers(&self, minute: i64) -> bool {
        (self.first_minute..self.end_minute).contains(&minute)
    }
}

/// `experiment_id` of the experiment, and its two branches.
pub const EXPERIMENT_ID: &str = "pref-flip-demo";
pub const EXPERIMENT_BRANCHES: [&str; 2] = ["control", "treatment"];
/// The share of the rows of channel release that belong to enrolled clients while the experiment runs.
pub(super) const ENROLLED_SHARE: f64 = 0.1;
/// Content crashes of the treatment branch, relative to the control branch.
pub(super) const TREATMENT_CONTENT_RATIO: f64 = 1.25;

/// The factor of the regression.
pub const REGRESSION_FACTOR: f64 = 1.6;

const REGRESSION: PlantedFault = PlantedFault {
    kind: FaultKind::Regression,
    application: "Firefox",
    channel: Some("beta"),
    platform: None,
    version: Some("60.0b7"),
    measure: None,
    first_minute: minute_of(2018, 3, 27, 15, 0),
    end_minute: minute_of(2018, 6, 7, 0, 0),
};

const EXPERIMENT: PlantedFault = PlantedFault {
    kind: FaultKind::Experiment,
    application: "Firefox",
    channel: Some("release"),
    platform: None,
    version: None,
    measure: None,
    first_minute: minute_of(2018, 4, 10, 0, 0),
    end_minute: minute_of(2018, 5, 8, 0, 0),
};

const GMPLUGIN_STOPPED: PlantedFault = PlantedFault {
    kind: FaultKind::MeasureStopped,
    application: "Firefox",
    channel: None,
    platform: Some("windows"),
    version: None,
    measure: Some("gmplugin_crashes"),
    first_minute: minute_of(2018, 3, 20, 0, 0),
    end_minute: minute_of(2018, 6, 7, 0, 0),
};

const SHUTDOWN_ABOVE_CONTENT: PlantedFault = PlantedFault {
    kind: FaultKind::ShutdownAboveContent,
    application: "Firefox",
    channel: Some("release"),
    platform: Some("mac"),
    version: None,
    measure: Some("content_shutdown_crashes"),
    first_minute: minute_of(2018, 4, 12, 0, 0),
    end_minute: minute_of(2018, 4, 19, 0, 0),
};

const GAP: PlantedFault = PlantedFault {
    kind: FaultKind::Gap,
    application: "Firefox",
    channel: Some("release"),
    platform: Some("mac"),
    version: None,
    measure: None,
    first_minute: minute_of(2018, 2, 26, 8, 0),
    end_minute: minute_of(2018, 2, 26, 12, 0),
};

const NEGATIVE_COUNT: PlantedFault = PlantedFault {
    kind: FaultKind::NegativeCount,
    application: "Firefox",
    channel: Some("release"),
    platform: Some("linux"),
    version: None,
    measure: Some("content_crashes"),
    first_minute: minute_of(2018, 6, 4, 10, 15),
    end_minute: minute_of(2018, 6, 4, 10, 20),
};

const PRE_RELEASE: PlantedFault = PlantedFault {
    kind: FaultKind::PreRelease,
    application: "Firefox",
    channel: Some("release"),
    platform: Some("windows"),
    version: Some("60.0"),
    measure: None,
    first_minute: minute_of(2018, 5, 6, 9, 10),
    end_minute: minute_of(2018, 5, 8, 18, 10),
};

/// Everything planted in the default demo; the table in the module's documentation says the same in words.
pub const PLANTED_FAULTS: &[PlantedFault] = &[
    REGRESSION,
    EXPERIMENT,
    GMPLUGIN_STOPPED,
    SHUTDOWN_ABOVE_CONTENT,
    GAP,
    NEGATIVE_COUNT,
    PRE_RELEASE,
];

/// The windows in which the test installations of `PRE_RELEASE` report, and their hours of use.
pub(super) const PRE_RELEASE_PINGS: [(i64, f64); 5] = [
    (minute_of(2018, 5, 6, 9, 10), 0.25),
    (minute_of(2018, 5, 7, 9, 40), 0.75),
    (minute_of(2018, 5, 7, 14, 35), 0.125),
    (minute_of(2018, 5, 8, 11, 0), 1.5),
    (minute_of(2018, 5, 8, 18, 5), 0.5),
];

/// The count of the row that `NEGATIVE_COUNT` spoils.
pub(super) const NEGATIVE_VALUE: i64 = -4;

/// The planted faults that overlap with the days of `spec`.
pub fn planted_faults(spec: &DemoSpec) -> Vec<&'static PlantedFault> {
    let (first, end) = spec.minutes();
    PLANTED_FAULTS
        .iter()
        .filter(|fault| fault.first_minute < end && fault.end_minute > first)
        .collect()
}

pub(super) fn is_regressed(application: &str, channel: &str, version: &str) -> bool {
    REGRESSION.application == application && REGRESSION.channel == Some(channel) && REGRESSION.version == Some(version)
}

pub(super) fn experiment_runs(minute: i64) -> bool {
    EXPERIMENT.covers(minute)
}

pub(super) fn gmplugin_is_collected(platform: &str, minute: i64) -> bool {
    GMPLUGIN_STOPPED.platform != Some(platform) || minute < GMPLUGIN_STOPPED.first_minute
}

pub(super) fn shutdown_exceeds_content(channel: &str, platform: &str, minute: i64) -> bool {
    SHUTDOWN_ABOVE_CONTENT.channel == Some(channel)
        && SHUTDOWN_ABOVE_CONTENT.platform == Some(platform)
        && SHUTDOWN_ABOVE_CONTENT.covers(minute)
}

pub(super) fn is_gap(channel: &str, platform: &str, minute: i64) -> bool {
    GAP.channel == Some(channel) && GAP.platform == Some(platform) && GAP.covers(minute)
}

pub(super) fn has_negative_count(minute: i64) -> bool {
    NEGATIVE_COUNT.covers(minute)
}
