//! One ping to what it contributes, or to the reason why it does not count.
//!
//! The rules are those of Mozilla's streaming job (mozilla/telemetry-streaming, `ErrorAggregator`): what each type of
//! ping counts, the filters on application, channel, process and build, and one group for every experiment beside the
//! population's.

use chrono::{DateTime, NaiveDate};
use serde_json::error::Category;

use super::build_age;
use super::document::{Document, Environment, Histogram, Payload};
use super::reason::Reason;
use super::sums::{Sum, Sums};
use super::values::{MOST_EXPERIMENTS, Object, microseconds, text};
use super::windows::GroupKey;

const SECONDS_PER_HOUR: i64 = 3600;
/// What a main ping can add at most: subsessions end after a day.
const LONGEST_SUBSESSION_SECONDS: i64 = 25 * SECONDS_PER_HOUR;
const LONGEST_CORE_SECONDS: i64 = i32::MAX as i64;
/// Histograms count in 32 bits.
const LARGEST_COUNT: i64 = u32::MAX as i64;

/// 2000-01-01 00:00 UTC.
const EARLIEST_ARRIVAL_MICROSECONDS: i64 = 946_684_800_000_000;

const MILLISECONDS_PER_DAY: i64 = 86_400_000;
/// Beyond these a client's clock is wrong, and the delay unknown.
const LONGEST_DELAY_MILLISECONDS: i64 = 365 * MILLISECONDS_PER_DAY;
const LARGEST_CLOCK_SKEW_MILLISECONDS: i64 = MILLISECONDS_PER_DAY;

const CHANNELS: [&str; 5] = ["release", "beta", "nightly", "esr", "aurora"];
const UNKNOWN_COUNTRY: &str = "??";

/// What one ping contributes.
#[derive(Debug)]
pub struct Ping {
    /// Arrival at the server, since 1970.
    pub arrival_microseconds: i64,
    /// The population's group, then one for each experiment; the ping counts in full in each.
    pub groups: Vec<GroupKey>,
    pub sums: Sums,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Main,
    Crash,
    Core,
}

/// Reads one line. `latest_arrival_microseconds` is where the future begins.
pub fn parse(line: &[u8], latest_arrival_microseconds: i64) -> Result<Ping, Reason> {
    let line = std::str::from_utf8(line).map_err(|_| Reason::InvalidUtf8)?;
    let Object(document): Object<Document> = serde_json::from_str(line).map_err(|error| match error.classify() {
        Category::Data => Reason::InvalidField,
        Category::Io | Category::Syntax | Category::Eof => Reason::InvalidJson,
    })?;
    let kind = kind(&document)?;
    let application = application(&document)?;
    let channel = channel(&document)?;
    let arrival_microseconds = arrival(&document, latest_arrival_microseconds)?;
    let sums = contribution(kind, &document, arrival_microseconds)?;
    let groups = groups(kind, &document, application, channel, arrival_microseconds)?;
    Ok(Ping {
        arrival_microseconds,
        groups,
        sums,
    })
}

/// The first field that has a text.
fn first<'a>(fields: impl IntoIterator<Item = Option<&'a str>>) -> Option<&'a str> {
    fields.into_iter().flatten().next()
}

fn kind(document: &Document) -> Result<Kind, Reason> {
    let named = first([
        document.meta.as_ref().and_then(|meta| text(&meta.doc_type)),
        document.metadata.as_ref().and_then(|data| text(&data.document_type)),
        text(&document.ping_type),
    ]);
    match named {
        Some("main") => Ok(Kind::Main),
        Some("crash") => Ok(Kind::Crash),
        Some("core") => Ok(Kind::Core),
        _ => Err(Reason::OtherType),
    }
}

fn application<'a>(document: &'a Document) -> Result<&'a str, Reason> {
    let uri = document.metadata.as_ref().and_then(|data| data.uri.as_ref());
    let named = first([
        document.meta.as_ref().and_then(|meta| text(&meta.app_name)),
        text(&document.normalized_app_name),
        uri.and_then(|uri| text(&uri.app_name)),
        document.application.as_ref().and_then(|own| text(&own.name)),
    ]);
    named
        .filter(|name| matches!(*name, "Firefox" | "Fennec"))
        .ok_or(Reason::OtherApplication)
}

/// The channel as the server normalised it; the client's own only where it is one of Mozilla's.
fn channel<'a>(document: &'a Document) -> Result<&'a str, Reason> {
    let normalised = first([
        document.meta.as_ref().and_then(|meta| text(&meta.normalized_channel)),
        text(&document.normalized_channel),
    ]);
    let own = document.application.as_ref().and_then(|own| text(&own.channel));
    normalised
        .or_else(|| own.filter(|own| CHANNELS.contains(own)))
        .filter(|channel| !channel.is_empty() && *channel != "Other")
        .ok_or(Reason::OtherChannel)
}

fn arrival(document: &Document, latest_microseconds: i64) -> Result<i64, Reason> {
    let nanoseconds = document.meta.as_ref().and_then(|meta| meta.timestamp);
    let arrival = match (nanoseconds, text(&document.submission_timestamp)) {
        (Some(nanoseconds), _) => Some(nanoseconds.0.div_euclid(1000)),
        (None, Some(written)) => microseconds(written),
        (None, None) => None,
    };
    match arrival {
        Some(arrival) if arrival > latest_microseconds => Err(Reason::FutureArrival),
        Some(arrival) if arrival >= EARLIEST_ARRIVAL_MICROSECONDS => Ok(arrival),
        _ => Err(Reason::InvalidTime),
    }
}

fn contribution(kind: Kind, document: &Document, arrival_microseconds: i64) -> Result<Sums, Reason> {
    let mut sums = Sums::default();
    sums.set(Sum::Count, 1);
    match kind {
        Kind::Main => main_ping(document.payload.as_ref(), &mut sums)?,
        Kind::Crash => crash_ping(document.payload.as_ref(), &mut sums)?,
        Kind::Core => core_ping(document, &mut sums)?,
    }
    if let Some(delay) = delay_milliseconds(document, arrival_microseconds) {
        let (pings, milliseconds) = match kind {
            Kind::Crash => (Sum::CrashDelayPings, Sum::CrashDelayMilliseconds),
            Kind::Main | Kind::Core => (Sum::UsageDelayPings, Sum::UsageDelayMilliseconds),
        };
        sums.set(pings, 1);
        sums.set(milliseconds, delay);
    }
    Ok(sums)
}

fn main_ping(payload: Option<&Payload>, sums: &mut Sums) -> Result<(), Reason> {
    let payload = payload.ok_or(Reason::InvalidUsage)?;
    let info = payload.info.as_ref();
    let seconds = info
        .and_then(|info| info.subsession_length)
        .ok_or(Reason::InvalidUsage)?;
    sums.set(Sum::UsageSeconds, seconds.0.clamp(0, LONGEST_SUBSESSION_SECONDS));
    if let Some(histograms) = &payload.histograms {
        let counts = [
            (Sum::BrowserShimUsageBlocked, &histograms.browser_shim_usage_blocked),
            (Sum::PermissionsSqlCorrupted, &histograms.permissions_sql_corrupted),
            (
                Sum::DefectivePermissionsSqlRemoved,
                &histograms.defective_permissions_sql_removed,
            ),
            (Sum::SlowScriptNoticeCount, &histograms.slow_script_notice_count),
            (Sum::SlowScriptPageCount, &histograms.slow_script_page_count),
        ];
        for (sum, histogram) in counts {
            sums.set_if(sum, counted(histogram)?);
        }
    }
    let keyed = payload.keyed_histograms.as_ref();
    if let Some(crashes) = keyed.and_then(|keyed| keyed.subprocess_crashes_with_dump.as_ref()) {
        sums.set_if(Sum::GpuCrashes, counted(&crashes.gpu)?);
        sums.set_if(Sum::PluginCrashes, counted(&crashes.plugin)?);
        sums.set_if(Sum::GmpluginCrashes, counted(&crashes.gmplugin)?);
    }
    Ok(())
}

fn counted(histogram: &Option<Histogram>) -> Result<Option<i64>, Reason> {
    let values = histogram.as_ref().and_then(|histogram| histogram.values.as_ref());
    match values.and_then(|values| values.zero) {
        Some(count) if !(0..=LARGEST_COUNT).contains(&count.0) => Err(Reason::InvalidCount),
        count => Ok(count.map(|count| count.0)),
    }
}

fn crash_ping(payload: Option<&Payload>, sums: &mut Sums) -> Result<(), Reason> {
    let metadata = payload.and_then(|payload| payload.metadata.as_ref());
    match payload.and_then(|payload| text(&payload.process_type)) {
        None | Some("main") => {
            sums.set(Sum::MainCrashes, 1);
            if metadata.and_then(|metadata| text(&metadata.startup_crash)) == Some("1") {
                sums.set(Sum::StartupCrashes, 1);
            }
        }
        Some("content") => {
            let error = metadata.and_then(|metadata| text(&metadata.ipc_channel_error));
            let shut_down = error.is_some_and(|error| error.contains("ShutDownKill"));
            let sum = if shut_down {
                Sum::ContentShutdownCrashes
            } else {
                Sum::ContentCrashes
            };
            sums.set(sum, 1);
        }
        Some(_) => return Err(Reason::OtherProcess),
    }
    Ok(())
}

fn core_ping(document: &Document, sums: &mut Sums) -> Result<(), Reason> {
    if text(&document.os) != Some("Android") {
        return Err(Reason::OtherSystem);
    }
    match document.durations {
        Some(seconds) if seconds.0 > LONGEST_CORE_SECONDS => Err(Reason::InvalidUsage),
        seconds => {
            sums.set_if(Sum::UsageSeconds, seconds.map(|seconds| seconds.0.max(0)));
            Ok(())
        }
    }
}

/// The time from a ping's creation, by the client's clock, to its arrival. A clock that is a little ahead counts as no
/// delay. Core pings only know the day, and have none.
fn delay_milliseconds(document: &Document, arrival_microseconds: i64) -> Option<i64> {
    let created = microseconds(text(&document.creation_date)?)?;
    let delay = arrival_microseconds.checked_sub(created)?.div_euclid(1000);
    (-LARGEST_CLOCK_SKEW_MILLISECONDS..=LONGEST_DELAY_MILLISECONDS)
        .contains(&delay)
        .then_some(delay.max(0))
}

fn groups(
    kind: Kind,
    document: &Document,
    application: &str,
    channel: &str,
    arrival_microseconds: i64,
) -> Result<Vec<GroupKey>, Reason> {
    let from = match kind {
        Kind::Core => Client::of_core_ping(document),
        Kind::Main | Kind::Crash => Client::of_environment(document, application),
    };
    let build_id = from.build_id.ok_or(Reason::InvalidBuildId)?;
    build_age::check(build_id, submission_day(document, arrival_microseconds)?)?;
    let country = first([
        document.meta.as_ref().and_then(|meta| text(&meta.geo_country)),
        document
            .metadata
            .as_ref()
            .and_then(|data| text(&data.geo.as_ref()?.country)),
        text(&document.normalized_country_code),
    ]);
    let shared = GroupKey::new([
        Some(channel),
        from.version,
        from.display_version,
        Some(build_id),
        Some(application),
        from.os_name,
        from.os_version.and_then(numeric_version),
        from.architecture,
        Some(country.unwrap_or(UNKNOWN_COUNTRY)),
    ])?;
    let mut groups = vec![shared.of_experiment(None, None)?];
    if kind != Kind::Core {
        for (id, branch) in experiments(document.environment.as_ref())? {
            let group = shared.of_experiment(Some(id), branch)?;
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
    }
    Ok(groups)
}

/// What the client says of itself.
struct Client<'a> {
    version: Option<&'a str>,
    display_version: Option<&'a str>,
    build_id: Option<&'a str>,
    os_name: Option<&'a str>,
    os_version: Option<&'a str>,
    architecture: Option<&'a str>,
}

impl<'a> Client<'a> {
    fn of_environment(document: &'a Document, application: &str) -> Self {
        let environment = document.environment.as_ref();
        let build = environment.and_then(|environment| environment.build.as_ref());
        let os = environment.and_then(|environment| environment.system.as_ref()?.os.as_ref());
        let os_name = os.and_then(|os| text(&os.name));
        let own = document.application.as_ref();
        Self {
            version: build.and_then(|build| text(&build.version)),
            display_version: own.and_then(|own| text(&own.display_version)),
            build_id: build.and_then(|build| text(&build.build_id)),
            // Fennec's crash pings name the kernel.
            os_name: os_name.map(|name| {
                if application == "Fennec" && name == "Linux" {
                    "Android"
                } else {
                    name
                }
            }),
            os_version: os.and_then(|os| text(&os.version)),
            architecture: build.and_then(|build| text(&build.architecture)),
        }
    }

    fn of_core_ping(document: &'a Document) -> Self {
        let meta = document.meta.as_ref();
        let uri = document.metadata.as_ref().and_then(|data| data.uri.as_ref());
        let version = first([
            meta.and_then(|meta| text(&meta.app_version)),
            uri.and_then(|uri| text(&uri.app_version)),
        ]);
        Self {
            version,
            display_version: text(&document.display_version).or(version),
            build_id: first([
                meta.and_then(|meta| text(&meta.app_build_id)),
                uri.and_then(|uri| text(&uri.app_build_id)),
            ]),
            os_name: text(&document.os),
            os_version: text(&document.osversion),
            architecture: text(&document.arch),
        }
    }
}

/// The day by which a build's age is judged.
fn submission_day(document: &Document, arrival_microseconds: i64) -> Result<NaiveDate, Reason> {
    match document.meta.as_ref().and_then(|meta| text(&meta.submission_date)) {
        Some(written) => build_age::compact_date(written).ok_or(Reason::InvalidTime),
        None => DateTime::from_timestamp_micros(arrival_microseconds)
            .map(|arrival| arrival.date_naive())
            .ok_or(Reason::InvalidTime),
    }
}

/// The leading numbers of a version, at most three: `10.2.42-hello` is 10.2.42.
fn numeric_version(version: &str) -> Option<&str> {
    let bytes = version.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    if end == 0 {
        return None;
    }
    for _ in 0..2 {
        if bytes.get(end) != Some(&b'.') {
            break;
        }
        match digits(end + 1) {
            0 => break,
            more => end += 1 + more,
        }
    }
    version.get(..end)
}

/// The experiments with their branches, of the new kind and of the old.
fn experiments<'a>(environment: Option<&'a Environment>) -> Result<Vec<(&'a str, Option<&'a str>)>, Reason> {
    let Some(environment) = environment else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    if let Some(experiments) = &environment.experiments {
        found.extend(experiments.0.iter().map(|(id, branch)| (id.as_str(), text(branch))));
    }
    let old = environment
        .addons
        .as_ref()
        .and_then(|addons| addons.active_experiment.as_ref());
    if let Some(old) = old
        && let Some(id) = text(&old.id)
    {
        found.push((id, text(&old.branch)));
    }
    if found.len() > MOST_EXPERIMENTS {
        Err(Reason::TooManyExperiments)
    } else {
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::numeric_version;

    #[test]
    fn versions_of_systems_are_up_to_three_numbers() {
        let cases = [
            ("10.2.42-hello", Some("10.2.42")),
            ("10.0", Some("10.0")),
            ("42", Some("42")),
            ("4.4.0.1", Some("4.4.0")),
            ("7.", Some("7")),
            ("7..1", Some("7")),
            ("XP", None),
            ("", None),
        ];
        for (version, expected) in cases {
            assert_eq!(numeric_version(version), expected, "{version}");
        }
    }
}
