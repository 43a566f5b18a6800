//! Which builds of Firefox were in the field when: the release dates of 2017 and 2018 as the demo needs them.
//!
//! Dates of releases, betas and ESR: product-details 1.0 (`firefox.json`, `mobile_history_*.json`). Days on which
//! the nightly's version changed: the Firefox release calendar. The time of day and the build ids are made up, apart
//! from the rule that a build is a few days (releases), a day (betas) or hours (nightlies) older than its release.

use chrono::{Datelike, NaiveDate};

use super::random::uniform_of_key;

pub(super) const MINUTES_PER_DAY: i64 = 24 * 60;
const HOUR: i64 = 60;

/// The first day demo data can have: 55.0 is new, with 54 in the field before it.
pub(super) const FIRST_DAY: i64 = days_from_civil(2017, 8, 8);
/// The day after the last one.
pub(super) const HORIZON_DAY: i64 = days_from_civil(2018, 6, 7);

const FIREFOX_RELEASES: &[(&str, &str)] = &[
    ("54.0", "2017-06-13"),
    ("54.0.1", "2017-06-29"),
    ("55.0", "2017-08-08"),
    ("55.0.1", "2017-08-10"),
    ("55.0.2", "2017-08-16"),
    ("55.0.3", "2017-08-25"),
    ("56.0", "2017-09-28"),
    ("56.0.1", "2017-10-09"),
    ("56.0.2", "2017-10-26"),
    ("57.0", "2017-11-14"),
    ("57.0.1", "2017-11-30"),
    ("57.0.2", "2017-12-07"),
    ("57.0.3", "2017-12-28"),
    ("57.0.4", "2018-01-04"),
    ("58.0", "2018-01-23"),
    ("58.0.1", "2018-01-29"),
    ("58.0.2", "2018-02-07"),
    ("59.0", "2018-03-13"),
    ("59.0.1", "2018-03-16"),
    ("59.0.2", "2018-03-26"),
    ("59.0.3", "2018-04-30"),
    ("60.0", "2018-05-09"),
    ("60.0.1", "2018-05-16"),
    ("60.0.2", "2018-06-06"),
];

const FENNEC_RELEASES: &[(&str, &str)] = &[
    ("54.0", "2017-06-13"),
    ("54.0.1", "2017-06-29"),
    ("55.0", "2017-08-08"),
    ("55.0.2", "2017-08-16"),
    ("56.0", "2017-09-28"),
    ("57.0", "2017-11-14"),
    ("57.0.1", "2017-11-30"),
    ("57.0.4", "2018-01-04"),
    ("58.0", "2018-01-23"),
    ("58.0.1", "2018-01-29"),
    ("58.0.2", "2018-02-07"),
    ("59.0", "2018-03-13"),
    ("59.0.1", "2018-03-16"),
    ("59.0.2", "2018-03-26"),
    ("60.0", "2018-05-03"),
    ("60.0.1", "2018-05-16"),
    ("60.0.2", "2018-06-06"),
];

const FIREFOX_ESRS: &[(&str, &str)] = &[
    ("52.2.0", "2017-06-13"),
    ("52.2.1", "2017-06-29"),
    ("52.3.0", "2017-08-08"),
    ("52.4.0", "2017-09-28"),
    ("52.4.1", "2017-10-10"),
    ("52.5.0", "2017-11-14"),
    ("52.5.2", "2017-12-07"),
    ("52.5.3", "2017-12-28"),
    ("52.6.0", "2018-01-23"),
    ("52.7.0", "2018-03-13"),
    ("52.7.1", "2018-03-14"),
    ("52.7.2", "2018-03-16"),
    ("52.7.3", "2018-03-26"),
    ("52.7.4", "2018-04-30"),
    ("52.8.0", "2018-05-09"),
    ("52.8.1", "2018-06-06"),
    ("60.0", "2018-05-09"),
    ("60.0.1", "2018-05-16"),
    ("60.0.2", "2018-06-06"),
];

/// Per major: the number of the first beta and the dates from it on, one beta after another.
const FIREFOX_BETAS: &[(u32, u32, &[&str])] = &[
    (
        55,
        1,
        &[
            "2017-06-14",
            "2017-06-16",
            "2017-06-20",
            "2017-06-23",
            "2017-06-27",
            "2017-06-30",
            "2017-07-07",
            "2017-07-11",
            "2017-07-14",
            "2017-07-18",
            "2017-07-21",
            "2017-07-25",
            "2017-07-28",
        ],
    ),
    (
        56,
        1,
        &[
            "2017-08-09",
            "2017-08-11",
            "2017-08-16",
            "2017-08-21",
            "2017-08-22",
            "2017-08-25",
            "2017-08-30",
            "2017-09-01",
            "2017-09-06",
            "2017-09-08",
            "2017-09-12",
            "2017-09-15",
        ],
    ),
    (
        57,
        3,
        &[
            "2017-09-26",
            "2017-09-29",
            "2017-10-03",
            "2017-10-06",
            "2017-10-10",
            "2017-10-13",
            "2017-10-17",
            "2017-10-20",
            "2017-10-24",
            "2017-10-27",
            "2017-10-31",
            "2017-11-03",
        ],
    ),
    (
        58,
        4,
        &[
            "2017-11-15",
            "2017-11-21",
            "2017-11-24",
            "2017-11-28",
            "2017-12-01",
            "2017-12-05",
            "2017-12-08",
            "2017-12-12",
            "2017-12-19",
            "2017-12-28",
            "2018-01-04",
            "2018-01-09",
            "2018-01-12",
        ],
    ),
    (
        59,
        3,
        &[
            "2018-01-24",
            "2018-01-26",
            "2018-01-29",
            "2018-02-02",
            "2018-02-06",
            "2018-02-09",
            "2018-02-13",
            "2018-02-16",
            "2018-02-20",
            "2018-02-23",
            "2018-02-27",
            "2018-03-02",
        ],
    ),
    (
        60,
        3,
        &[
            "2018-03-14",
            "2018-03-16",
            "2018-03-20",
            "2018-03-23",
            "2018-03-27",
            "2018-03-30",
            "2018-04-03",
            "2018-04-05",
            "2018-04-10",
            "2018-04-13",
            "2018-04-17",
            "2018-04-20",
            "2018-04-24",
            "2018-04-27",
        ],
    ),
    (
        61,
        3,
        &[
            "2018-05-08",
            "2018-05-11",
            "2018-05-15",
            "2018-05-18",
            "2018-05-22",
            "2018-05-25",
            "2018-05-29",
            "2018-05-31",
            "2018-06-05",
        ],
    ),
];

/// The first nightly of each version.
const NIGHTLIES: &[(&str, &str)] = &[
    ("56.0a1", "2017-06-12"),
    ("57.0a1", "2017-08-02"),
    ("58.0a1", "2017-09-21"),
    ("59.0a1", "2017-11-13"),
    ("60.0a1", "2018-01-22"),
    ("61.0a1", "2018-03-12"),
    ("62.0a1", "2018-05-07"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Application {
    Firefox,
    Fennec,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Release,
    Beta,
    Nightly,
    Esr,
}

impl Channel {
    pub(super) fn name(self) -> &'static str {
        match self {
            Channel::Release => "release",
            Channel::Beta => "beta",
            Channel::Nightly => "nightly",
            Channel::Esr => "esr",
        }
    }

    /// From the start of a release's day (or of a nightly's build) to its first ping. One value per channel, so that
    /// releases compared at the same age after their calendar date have the same delay behind them.
    fn minutes_to_first_ping(self) -> i64 {
        match self {
            Channel::Release => 14 * HOUR,
            Channel::Beta => 15 * HOUR,
            Channel::Nightly => 90,
            Channel::Esr => 13 * HOUR,
        }
    }
}

/// One build of one version.
#[derive(Clone, Debug)]
pub(super) struct Build {
    pub application: Application,
    pub channel: Channel,
    /// Without beta number and esr suffix, as the dimension `version` has it: `60.0` for 60.0b7.
    pub version: String,
    pub display_version: String,
    pub build_id: String,
    pub major: u32,
    /// A version such as 58.0 that opens a major and is throttled on its first day.
    pub opens_major: bool,
    /// Minutes since 1970 of the first ping.
    pub starts_at: i64,
    /// The last day with data of this build: pings of builds more than six months old are dropped.
    pub last_day: i64,
}

/// Every build of one application and channel, oldest first.
pub(super) fn builds_of(application: Application, channel: Channel) -> Vec<Build> {
    let mut builds: Vec<Build> = match (application, channel) {
        (Application::Firefox, Channel::Release) => dated(application, channel, FIREFOX_RELEASES),
        (Application::Fennec, Channel::Release) => dated(application, channel, FENNEC_RELEASES),
        (Application::Firefox, Channel::Esr) => dated(application, channel, FIREFOX_ESRS),
        (Application::Fennec, Channel::Esr) => Vec::new(),
        (_, Channel::Beta) => betas(application),
        (_, Channel::Nightly) => nightlies(application),
    };
    builds.sort_by(|one, other| one.starts_at.cmp(&other.starts_at).then(one.major.cmp(&other.major)));
    builds
}

fn dated(application: Application, channel: Channel, releases: &[(&str, &str)]) -> Vec<Build> {
    let suffix = if channel == Channel::Esr { "esr" } else { "" };
    releases
        .iter()
        .map(|(version, date)| {
            let opens_major = version.matches('.').count() == 1;
            let days_built_before = if opens_major { 4 } else { 1 };
            build(
                application,
                channel,
                version,
                &format!("{version}{suffix}"),
                parse_day(date),
                days_built_before,
            )
        })
        .collect()
}

fn betas(application: Application) -> Vec<Build> {
    let numbered = FIREFOX_BETAS.iter().flat_map(|(major, first, dates)| {
        dates
            .iter()
            .zip(*first..)
            .map(move |(date, number)| (*major, number, parse_day(date)))
    });
    numbered
        .map(|(major, number, day)| {
            build(
                application,
                Channel::Beta,
                &format!("{major}.0"),
                &format!("{major}.0b{number}"),
                day,
                1,
            )
        })
        .collect()
}

/// Two builds a day, at ten in the morning and at night.
fn nightlies(application: Application) -> Vec<Build> {
    let ends = NIGHTLIES
        .iter()
        .skip(1)
        .map(|(_, date)| parse_day(date))
        .chain([HORIZON_DAY]);
    let mut builds = Vec::new();
    for ((version, first), end) in NIGHTLIES.iter().zip(ends) {
        for day in parse_day(first)..end {
            for hour in [10, 22] {
                builds.push(nightly(application, version, day, hour));
            }
        }
    }
    builds
}

fn nightly(application: Application, version: &str, day: i64, hour: i64) -> Build {
    let mut nightly = build(application, Channel::Nightly, version, version, day, 0);
    let minute = (uniform_of_key(0, &nightly.build_id) * 10.0) as i64;
    nightly.build_id = format!("{}{hour:02}{minute:02}{:02}", compact_date(day), (minute * 7) % 60);
    nightly.starts_at += hour * HOUR;
    nightly
}

fn build(
    application: Application,
    channel: Channel,
    version: &str,
    display_version: &str,
    release_day: i64,
    days_built_before: i64,
) -> Build {
    let built_on = release_day - days_built_before;
    let key = format!("{application:?} {display_version}");
    let second_of_day = (uniform_of_key(0, &key) * 86_400.0) as i64;
    let clock = format!(
        "{:02}{:02}{:02}",
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60
    );
    Build {
        application,
        channel,
        version: version.to_owned(),
        display_version: display_version.to_owned(),
        build_id: format!("{}{clock}", compact_date(built_on)),
        major: version
            .split('.')
            .next()
            .and_then(|major| major.parse().ok())
            .unwrap_or(0),
        opens_major: channel == Channel::Release && version.matches('.').count() == 1,
        starts_at: release_day * MINUTES_PER_DAY + channel.minutes_to_first_ping(),
        last_day: built_on + 183,
    }
}

/// Days since 1970-01-01 (Howard Hinnant's `days_from_civil`, for years after 1970).
pub(super) const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year / 400;
    let year_of_era = shifted_year - era * 400;
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Minutes since 1970 of a time in UTC.
pub(super) const fn minute_of(year: i64, month: i64, day: i64, hour: i64, minute: i64) -> i64 {
    days_from_civil(year, month, day) * MINUTES_PER_DAY + hour * HOUR + minute
}

/// `2018-06-04`.
pub(super) fn iso_date(day: i64) -> String {
    let date = civil(day);
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

fn compact_date(day: i64) -> String {
    iso_date(day).replace('-', "")
}

fn civil(day: i64) -> NaiveDate {
    NaiveDate::from_epoch_days(i32::try_from(day).unwrap_or(0)).unwrap_or_default()
}

/// The day of a date in the tables above; they are checked by a test, so that the fallback is never taken.
fn parse_day(date: &str) -> i64 {
    let mut parts = date.split('-').map(|part| part.parse().unwrap_or(0));
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    days_from_civil(year.unwrap_or(0), month.unwrap_or(0), day.unwrap_or(0))
}
