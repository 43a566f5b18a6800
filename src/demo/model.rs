//! The model behind the demo: who runs which version, for how many hours, and how often it crashes.
//!
//! The numbers are chosen to look like Firefox's in 2018 and are nobody's measurements. Every healthy release has the
//! same reporting delay by age, so that the rate seen at a given age differs between releases by their own level only.

use std::f64::consts::TAU;
use std::ops::Range;

use super::calendar::{Application, Build, Channel, MINUTES_PER_DAY, builds_of};
use super::faults::{REGRESSION_FACTOR, is_regressed};
use super::population::Platform;
use super::random::{normal_of_key, uniform_of_key};

/// The kinds of crash that are drawn; startup and shutdown crashes are a share of main and content crashes.
pub(super) const KINDS: usize = 5;
pub(super) const MAIN: usize = 0;
pub(super) const CONTENT: usize = 1;
pub(super) const GPU: usize = 2;
pub(super) const PLUGIN: usize = 3;
pub(super) const GMPLUGIN: usize = 4;
const KIND_NAMES: [&str; KINDS] = ["main", "content", "gpu", "plugin", "gmplugin"];

/// Some crashes are the start of a loop: a client that crashes again and again. The variance of a count is then about
/// 2.2 times its mean.
pub(super) const LOOP_SHARE: f64 = 0.06;
pub(super) const LOOP_LENGTH: f64 = 4.0;
const CRASHES_PER_START: f64 = 1.0 - LOOP_SHARE + LOOP_SHARE * LOOP_LENGTH;

/// Standard deviations of the logarithm of the rate: between versions, between the cells of one version, over time.
const VERSION_SD: f64 = 0.03;
const VERSION_CELL_SD: f64 = 0.035;
const DRIFT_SD: f64 = 0.05;
const DRIFT_PERIODS_HOURS: [f64; 4] = [31.0, 57.0, 101.0, 223.0];

/// Everything that runs on one channel of one application.
pub(super) struct Train {
    pub application: Application,
    pub channel: Channel,
    pub builds: Vec<Build>,
    hours_per_day: f64,
    /// Versions with a smaller share of the train's hours leave no rows.
    smallest_share: f64,
    adoption_hours: f64,
    /// The share that stays on an old version at first, and how many days it takes to halve.
    straggler_share: f64,
    straggler_halving_days: f64,
}

impl Train {
    pub(super) fn all() -> Vec<Train> {
        use Application::{Fennec, Firefox};
        use Channel::{Beta, Esr, Nightly, Release};
        vec![
            Train::new(Firefox, Release, 2_000_000.0),
            Train::new(Firefox, Beta, 180_000.0),
            Train::new(Firefox, Nightly, 26_000.0),
            Train::new(Firefox, Esr, 110_000.0),
            Train::new(Fennec, Release, 60_000.0),
            Train::new(Fennec, Beta, 5_000.0),
            Train::new(Fennec, Nightly, 2_000.0),
        ]
    }

    fn new(application: Application, channel: Channel, hours_per_day: f64) -> Train {
        let (smallest_share, adoption_hours, straggler_share, straggler_halving_days) = match channel {
            Channel::Release => (0.001, 20.0, 0.012, 45.0),
            Channel::Beta => (0.002, 12.0, 0.008, 8.0),
            Channel::Nightly => (0.006, 8.0, 0.02, 2.0),
            Channel::Esr => (0.002, 60.0, 0.01, 30.0),
        };
        Train {
            application,
            channel,
            builds: builds_of(application, channel),
            hours_per_day,
            smallest_share,
            adoption_hours,
            straggler_share,
            straggler_halving_days,
        }
    }

    /// Hours of use per 5-minute window at this time, over all versions.
    pub(super) fn hours_per_window(&self, minute: i64) -> f64 {
        self.hours_per_day / 288.0 * daily_rhythm(minute) * weekly_rhythm(minute)
    }

    /// The builds that can have users on this day; older ones are below the smallest share.
    pub(super) fn builds_in_use(&self, day: i64) -> Range<usize> {
        let started = |minute| self.builds.partition_point(|build| build.starts_at < minute);
        let end = started((day + 1) * MINUTES_PER_DAY);
        let generations = if self.channel == Channel::Nightly { 12 } else { 20 };
        started(day * MINUTES_PER_DAY).saturating_sub(generations)..end
    }

    /// The share of the train's use that each of `builds` has, a range of `self.builds`.
    pub(super) fn shares(&self, builds: Range<usize>, minute: i64, shares: &mut Vec<f64>) {
        let builds = self.builds.get(builds).unwrap_or_default();
        shares.clear();
        shares.resize(builds.len(), 0.0);
        let day = minute.div_euclid(MINUTES_PER_DAY);
        // ESR keeps two majors alive: the new one takes its share of the users slowly, the old one keeps the rest.
        let newest_major = self
            .builds
            .iter()
            .filter(|build| build.starts_at <= minute)
            .map(|build| build.major)
            .max();
        let mut left = [1.0, 1.0];
        let mut superseded_at = [None, None];
        let slow_share = if self.channel == Channel::Esr {
            self.new_major_share(newest_major, minute)
        } else {
            1.0
        };
        for (build, share) in builds.iter().zip(shares.iter_mut()).rev() {
            if build.starts_at > minute {
                continue;
            }
            let is_old_major = self.channel == Channel::Esr && Some(build.major) != newest_major;
            let line = usize::from(is_old_major);
            let line_share = if is_old_major { 1.0 - slow_share } else { slow_share };
            let adopted = self.adopted(build, minute);
            let current = left[line] * adopted;
            left[line] -= current;
            let stragglers = superseded_at[line].map_or(0.0, |at| self.stragglers(minute - at));
            superseded_at[line] = Some(build.starts_at);
            let found = current.max(stragglers) * line_share;
            if found >= self.smallest_share && day <= build.last_day {
                *share = found;
            }
        }
    }

    fn new_major_share(&self, newest_major: Option<u32>, minute: i64) -> f64 {
        let first = self.builds.iter().find(|build| Some(build.major) == newest_major);
        let has_older = self
            .builds
            .first()
            .is_some_and(|oldest| Some(oldest.major) != newest_major);
        match first {
            Some(first) if has_older => 0.2 * (1.0 - (-((minute - first.starts_at) as f64) / (480.0 * 60.0)).exp()),
            _ => 1.0,
        }
    }

    /// The share of those who would update that has updated; a new major goes to a quarter of them on its first day.
    fn adopted(&self, build: &Build, minute: i64) -> f64 {
        let age_hours = (minute - build.starts_at) as f64 / 60.0;
        let offered_hours = match build.opens_major {
            true if age_hours < 24.0 => age_hours / 4.0,
            true => age_hours - 18.0,
            false => age_hours,
        };
        0.97 * (1.0 - (-offered_hours / self.adoption_hours).exp())
    }

    fn stragglers(&self, minutes_since_superseded: i64) -> f64 {
        let days = minutes_since_superseded as f64 / MINUTES_PER_DAY as f64;
        let arrived = 1.0 - (-days / 2.0).exp();
        self.straggler_share * arrived * 0.5_f64.powf(days / self.straggler_halving_days)
    }
}

/// The share of a version's hours that has been reported by those who use it now. Crashes report at once, hours at
/// the end of a session or of a day: the first hour of a release shows about 30 times its true rate, the first day
/// 1.5 times, the first four days 1.1 times.
pub(super) fn hours_completeness(age_minutes: i64) -> f64 {
    let age_hours = (age_minutes as f64 + 2.5).max(0.0) / 60.0;
    let at_session_end = 1.0 - (-(age_hours / 9.0).powf(1.3)).exp();
    let at_day_end = 1.0 - (-age_hours / 60.0).exp();
    0.8 * at_session_end + 0.2 * at_day_end
}

/// Use over the day, 1 on average, highest at 17:00 UTC.
pub(super) fn daily_rhythm(minute: i64) -> f64 {
    let angle = TAU * ((minute.rem_euclid(MINUTES_PER_DAY)) as f64 / MINUTES_PER_DAY as f64 - 17.0 / 24.0);
    1.0 + 0.35 * angle.cos() + 0.06 * (2.0 * angle).cos()
}

fn weekly_rhythm(minute: i64) -> f64 {
    // 1970-01-01 was a Thursday.
    const FROM_THURSDAY: [f64; 7] = [1.03, 1.0, 0.91, 0.93, 1.04, 1.05, 1.04];
    FROM_THURSDAY[minute.div_euclid(MINUTES_PER_DAY).rem_euclid(7) as usize]
}

/// The share of a train's hours that a platform has.
pub(super) fn platform_share(channel: Channel, platform: Platform) -> f64 {
    let desktop = match channel {
        Channel::Release | Channel::Beta => [0.80, 0.12, 0.08],
        Channel::Nightly => [0.70, 0.15, 0.15],
        Channel::Esr => [0.84, 0.06, 0.10],
    };
    match platform {
        Platform::Windows => desktop[0],
        Platform::Mac => desktop[1],
        Platform::Linux => desktop[2],
        Platform::Android => 1.0,
    }
}

/// Starts of crashes (a loop counts once) per hour of use, by kind, of one version on one platform.
pub(super) fn crash_starts_per_hour(seed: u64, build: &Build, platform: Platform) -> [f64; KINDS] {
    let version = format!("{:?} {:?} {}", build.application, build.channel, build.display_version);
    let regressed = is_regressed(
        application_name(build.application),
        build.channel.name(),
        build.display_version.as_str(),
    );
    let mut rates = rates_per_khour(build.application, build.channel);
    for (kind, rate) in rates.iter_mut().enumerate() {
        let own = VERSION_SD * normal_of_key(seed, &version)
            + VERSION_CELL_SD * normal_of_key(seed, &format!("{version} {} {}", platform.name(), KIND_NAMES[kind]));
        let level = if regressed { REGRESSION_FACTOR } else { own.exp() };
        *rate *= platform_factor(platform, kind) * level / 1000.0 / CRASHES_PER_START;
    }
    rates
}

/// Crashes per 1000 hours on Windows (or on Android), by kind.
fn rates_per_khour(application: Application, channel: Channel) -> [f64; KINDS] {
    match (application, channel) {
        (Application::Firefox, Channel::Release) => [1.4, 1.9, 0.12, 0.30, 0.02],
        (Application::Firefox, Channel::Beta) => [6.0, 7.0, 0.40, 0.50, 0.30],
        (Application::Firefox, Channel::Nightly) => [3.0, 4.0, 0.60, 0.50, 0.40],
        (Application::Firefox, Channel::Esr) => [1.0, 0.8, 0.10, 0.40, 0.10],
        (Application::Fennec, Channel::Nightly) => [6.0, 0.0, 0.0, 0.0, 0.0],
        (Application::Fennec, Channel::Beta) => [4.0, 0.0, 0.0, 0.0, 0.0],
        (Application::Fennec, _) => [2.0, 0.0, 0.0, 0.0, 0.0],
    }
}

fn platform_factor(platform: Platform, kind: usize) -> f64 {
    match (platform, kind) {
        (Platform::Windows | Platform::Android, _) => 1.0,
        (_, GPU) => 0.0,
        (Platform::Mac, MAIN) => 0.8,
        (Platform::Mac, CONTENT) => 0.7,
        (Platform::Mac, _) => 0.5,
        (Platform::Linux, MAIN) => 1.2,
        (Platform::Linux, CONTENT) => 0.9,
        (Platform::Linux, PLUGIN) => 0.3,
        (Platform::Linux, _) => 0.5,
    }
}

pub(super) fn application_name(application: Application) -> &'static str {
    match application {
        Application::Firefox => "Firefox",
        Application::Fennec => "Fennec",
    }
}

/// How the rate of a channel on a platform drifts: a few slow waves with phases of their own.
pub(super) struct Drift {
    phases: [[f64; DRIFT_PERIODS_HOURS.len()]; KINDS],
}

impl Drift {
    pub(super) fn new(seed: u64, train: &Train, platform: Platform) -> Drift {
        let mut phases = [[0.0; DRIFT_PERIODS_HOURS.len()]; KINDS];
        for (kind, waves) in phases.iter_mut().enumerate() {
            for (wave, phase) in waves.iter_mut().enumerate() {
                let place = format!("{:?} {:?} {}", train.application, train.channel, platform.name());
                *phase = TAU * uniform_of_key(seed, &format!("drift {place} {} {wave}", KIND_NAMES[kind]));
            }
        }
        Drift { phases }
    }

    /// The factor of each kind's rate at this time, 1 on average.
    pub(super) fn factors(&self, minute: i64) -> [f64; KINDS] {
        let hours = minute as f64 / 60.0;
        let amplitude = DRIFT_SD * (2.0 / DRIFT_PERIODS_HOURS.len() as f64).sqrt();
        self.phases.map(|waves| {
            let waves = waves.iter().zip(DRIFT_PERIODS_HOURS);
            (amplitude
                * waves
                    .map(|(phase, period)| (TAU * hours / period + phase).sin())
                    .sum::<f64>())
            .exp()
        })
    }
}
