//! `release_calendar`: when each version was released, as stated by people. Firefox's calendar ships with the product
//! (`release_calendar.csv`: dates of product-details 1.0, `firefox.json` and `mobile_history_*.json` as of May 2024;
//! which release is an ESR is told by the keys of `firefox.json` alone). A configured one extends or replaces it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use bytes::Bytes;
use datafusion::catalog::TableProvider;
use serde::Deserialize;

use super::release_calendar_parquet::read_parquet;
use super::vocabulary::{self, column, timestamp_type};
use crate::error::{Error, Result};

/// `[calendar]`: where a calendar of one's own lies, and whether it stands beside Firefox's or in its place.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CalendarSettings {
    /// A CSV file `application,channel,version,release_at[,flag][,margin]`, a Parquet file with these columns, or a JSON
    /// file of product-details.
    pub location: Option<String>,
    /// The same as a file of the source, by its path below the source's location, read again whenever it changes.
    pub table: Option<String>,
    pub mode: CalendarMode,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalendarMode {
    /// Entries of the configured calendar win over Firefox's of the same application, channel and version.
    #[default]
    Extend,
    Replace,
}

/// One release as a calendar states it. What it means is decided in `releases`, what is wrong with it in
/// `data_quality`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CalendarEntry {
    pub application: String,
    pub channel: String,
    pub version: String,
    /// A date means its first instant, UTC.
    pub release_at_micros: i64,
    /// What people know of the release: one of `FLAGS`.
    pub flag: Option<String>,
    /// The margin of its verdicts, where that of the channel does not fit.
    pub margin: Option<f64>,
}

/// The calendar in force.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    configured: Vec<CalendarEntry>,
    mode: CalendarMode,
}

const SHIPPED: &str = include_str!("release_calendar.csv");
/// `regressed`: known to be bad, no part of any baseline. `acknowledged`: what is found is known, and is neither called
/// regressed nor told as an alert.
pub const FLAGS: [&str; 2] = ["regressed", "acknowledged"];
const COLUMNS: [&str; 4] = ["application", "channel", "version", "release_at"];

impl Calendar {
    /// Firefox's calendar with the given entries beside it or in its place.
    pub fn new(configured: Vec<CalendarEntry>, mode: CalendarMode) -> Self {
        Self { configured, mode }
    }

    /// Reads what `[calendar]` names.
    pub fn load(settings: &CalendarSettings) -> Result<Self> {
        let configured = match &settings.location {
            Some(location) => read_file(location)?,
            None => vec![],
        };
        Ok(Self::new(configured, settings.mode))
    }

    /// This calendar with the entries of a file of the source beside the configured ones.
    pub fn with_file(&self, name: &str, file: Bytes) -> Result<Self> {
        let mut configured = self.configured.clone();
        configured.extend(read_entries(name, file)?);
        Ok(Self::new(configured, self.mode))
    }
}

fn read_file(location: &str) -> Result<Vec<CalendarEntry>> {
    let path = std::path::Path::new(location);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = std::fs::read(path)
        .map_err(|error| Error::configuration(format!("the calendar {name} cannot be read: {error}")))?;
    read_entries(&name, file.into())
}

/// Entries of a file, whose name tells what it is: JSON of product-details, Parquet, else CSV.
fn read_entries(name: &str, file: Bytes) -> Result<Vec<CalendarEntry>> {
    let ending = name.rsplit('.').next().unwrap_or_default().to_lowercase();
    if ending == "parquet" {
        return read_parquet(name, file);
    }
    let text = str::from_utf8(&file).map_err(|_| Error::configuration(format!("calendar {name}: not UTF-8")))?;
    if ending == "json" {
        read_product_details(name, text)
    } else {
        read_csv(name, text)
    }
}

/// Entries of a CSV file whose first line names the columns, in any order.
pub fn read_csv(name: &str, text: &str) -> Result<Vec<CalendarEntry>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let problem = |line: u64, what: String| Error::configuration(format!("calendar {name}, line {line}: {what}"));
    let header = reader.headers().map_err(|error| problem(1, error.to_string()))?.clone();
    let mut places = [0; COLUMNS.len()];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        *place = header
            .iter()
            .position(|given| given == column)
            .ok_or_else(|| problem(1, format!("no column {column} (there must be {})", COLUMNS.join(", "))))?;
    }
    let optional = |name: &str| header.iter().position(|given| given == name);
    let (flag_place, margin_place) = (optional("flag"), optional("margin"));
    let mut texts: [Vec<String>; 4] = Default::default();
    let (mut flags, mut margins) = (vec![], vec![]);
    let mut lines = vec![];
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            problem(line, "must have as many values as the first line".to_string())
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        lines.push(line);
        let given = |place: Option<usize>| {
            place
                .and_then(|place| record.get(place))
                .filter(|text| !text.is_empty())
        };
        flags.push(parse_flag(given(flag_place)).map_err(|what| problem(line, what))?);
        margins.push(parse_margin(given(margin_place)).map_err(|what| problem(line, what))?);
        for (values, place) in texts.iter_mut().zip(places) {
            values.push(record.get(place).unwrap_or_default().to_string());
        }
    }
    let [applications, channels, versions, dates] = texts;
    let times = parse_times(&dates)?;
    let mut entries = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let Some(release_at_micros) = times[index] else {
            let given = &dates[index];
            return Err(problem(
                *line,
                format!("release_at must be a date or a time such as 2018-01-23 (got {given:?})"),
            ));
        };
        entries.push(CalendarEntry {
            application: applications[index].clone(),
            channel: channels[index].clone(),
            version: versions[index].clone(),
            release_at_micros,
            flag: flags[index].clone(),
            margin: margins[index],
        });
    }
    Ok(entries)
}

fn parse_flag(given: Option<&str>) -> std::result::Result<Option<String>, String> {
    match given {
        Some(flag) if !FLAGS.contains(&flag) => Err(format!(
            "flag must be empty or one of {} (got {flag:?})",
            FLAGS.join(", ")
        )),
        flag => Ok(flag.map(str::to_string)),
    }
}

fn parse_margin(given: Option<&str>) -> std::result::Result<Option<f64>, String> {
    let Some(text) = given else { return Ok(None) };
    match text.parse::<f64>() {
        Ok(margin) if (0.0..10.0).contains(&margin) => Ok(Some(margin)),
        _ => Err(format!(
            "margin must be empty or from 0 to below 10, such as 0.25 (got {text:?})"
        )),
    }
}

/// Dates and times as microseconds since 1970, UTC unless they name an offset; `None` where a text is neither.
fn parse_times(texts: &[String]) -> Result<Vec<Option<i64>>> {
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
    let times = cast(&texts, &timestamp_type())?;
    let micros = cast(&times, &DataType::Int64)?;
    let micros = micros.as_any().downcast_ref::<arrow::array::Int64Array>();
    Ok(micros.map_or_else(Vec::new, |micros| micros.iter().collect()))
}

/// Entries of product-details: `{"releases": {"firefox-58.0": {"date": …}}}`, where only the key tells an ESR, or a
/// flat map of versions to dates.
pub fn read_product_details(name: &str, text: &str) -> Result<Vec<CalendarEntry>> {
    let problem = |what: String| Error::configuration(format!("calendar {name}: {what}"));
    let document: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| Error::configuration(format!("calendar {name}, line {}: not JSON: {error}", error.line())))?;
    let map = document
        .as_object()
        .ok_or_else(|| problem("must be a map of releases".to_string()))?;
    let (keys, dates): (Vec<(String, String)>, Vec<String>) = match map.get("releases").and_then(|r| r.as_object()) {
        Some(releases) => releases
            .iter()
            .filter_map(|(key, release)| {
                let (product, version) = key.rsplit_once('-')?;
                Some((
                    application_and_version(product, version)?,
                    release.get("date")?.as_str()?.to_string(),
                ))
            })
            .unzip(),
        None => map
            .iter()
            .filter_map(|(version, date)| {
                let product = if name.starts_with("mobile") {
                    "fennec"
                } else {
                    "firefox"
                };
                Some((application_and_version(product, version)?, date.as_str()?.to_string()))
            })
            .unzip(),
    };
    if keys.is_empty() {
        return Err(problem("has no releases".to_string()));
    }
    let times = parse_times(&dates)?;
    keys.into_iter()
        .zip(dates.iter().zip(times))
        .map(|((application, version), (date, micros))| {
            let release_at_micros = micros.ok_or_else(|| problem(format!("{version} has no date (got {date:?})")))?;
            let channel = channel_of(&version).to_string();
            Ok(CalendarEntry {
                application,
                channel,
                version,
                release_at_micros,
                ..CalendarEntry::default()
            })
        })
        .collect()
}

fn application_and_version(product: &str, version: &str) -> Option<(String, String)> {
    let application = match product {
        "firefox" => "Firefox",
        "fennec" => "Fennec",
        _ => return None,
    };
    Some((application.to_string(), version.to_string()))
}

/// The channel that a version of product-details was released on.
fn channel_of(version: &str) -> &'static str {
    use mission_control_udfs::{Stage, Version};
    match Version::parse(version) {
        Some(parsed) if parsed.is_esr => "esr",
        Some(parsed) if parsed.stage == Stage::Nightly => "nightly",
        Some(parsed) if parsed.stage != Stage::Final => "beta",
        _ => "release",
    }
}

/// The calendar as the relation `release_calendar`.
pub fn table(calendar: &Calendar) -> Result<Arc<dyn TableProvider>> {
    vocabulary::table(batch(calendar)?)
}

pub(super) fn batch(calendar: &Calendar) -> Result<RecordBatch> {
    let shipped = match calendar.mode {
        CalendarMode::Replace if !calendar.configured.is_empty() => vec![],
        _ => read_csv("shipped with the product", SHIPPED)?,
    };
    let entries: Vec<(&CalendarEntry, &str)> = shipped
        .iter()
        .map(|entry| (entry, "shipped"))
        .chain(calendar.configured.iter().map(|entry| (entry, "configured")))
        .collect();
    let text = |of: fn(&CalendarEntry) -> &str| {
        Arc::new(
            entries
                .iter()
                .map(|(entry, _)| Some(of(entry)))
                .collect::<StringArray>(),
        )
    };
    let times = entries.iter().map(|(entry, _)| entry.release_at_micros);
    let origins = entries.iter().map(|(_, origin)| *origin);
    vocabulary::batch(vec![
        column(
            "application",
            "application, such as Firefox",
            text(|entry| &entry.application),
        ),
        column("channel", "channel, such as release", text(|entry| &entry.channel)),
        column(
            "version",
            "version as the calendar writes it",
            text(|entry| &entry.version),
        ),
        column(
            "release_at",
            "time of the release (UTC); a date means 00:00",
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
        ),
        column(
            "origin",
            "shipped with the product, or configured",
            Arc::new(StringArray::from_iter_values(origins)),
        ),
        column(
            "flag",
            "regressed: known to be bad, no part of any baseline; acknowledged: not called regressed, raises no alert; NULL for most",
            Arc::new(
                entries
                    .iter()
                    .map(|(entry, _)| entry.flag.as_deref())
                    .collect::<StringArray>(),
            ),
        ),
        column(
            "margin",
            "margin of its verdicts instead of the one of verdict_settings; NULL for most",
            Arc::new(entries.iter().map(|(entry, _)| entry.margin).collect::<Float64Array>()),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<i64> {
        parse_times(&[text.to_string()]).expect("times")[0]
    }

    #[test]
    fn the_shipped_calendar_has_the_dates_of_product_details() {
        let entries = read_csv("shipped", SHIPPED).expect("the shipped calendar");
        let of = |application: &str, channel: &str, version: &str| {
            entries
                .iter()
                .find(|entry| {
                    (&*entry.application, &*entry.channel, &*entry.version) == (application, channel, version)
                })
                .map(|entry| entry.release_at_micros)
        };
        assert_eq!(of("Firefox", "release", "58.0.2"), day("2018-02-07"));
        assert_eq!(of("Firefox", "beta", "58.0b16"), day("2018-01-12"));
        assert_eq!(of("Firefox", "esr", "52.9.0esr"), day("2018-06-26"));
        assert_eq!(of("Firefox", "esr", "60.0esr"), day("2018-05-09"));
        assert_eq!(of("Firefox", "release", "60.0"), day("2018-05-09"));
        assert_eq!(of("Fennec", "release", "60.0"), day("2018-05-03"));
        assert_eq!(of("Firefox", "release", "52.9.0"), None);
    }

    #[test]
    fn times_may_be_dates_or_instants() {
        assert_eq!(day("2018-01-23"), Some(1_516_665_600_000_000));
        assert_eq!(day("2018-01-23T14:00:00Z"), Some(1_516_716_000_000_000));
        assert_eq!(day("2018-01-23 14:00:00"), Some(1_516_716_000_000_000));
        assert_eq!(day("2018-01-23T16:00:00+02:00"), Some(1_516_716_000_000_000));
        assert_eq!(day("soon"), None);
    }

    #[test]
    fn a_bad_calendar_is_refused_with_its_line() {
        let bad_date = "application,channel,version,release_at\nA,stable,1.0,2020-01-01\nA,stable,1.1,soon\n";
        let error = read_csv("mine.csv", bad_date).expect_err("a date that is none");
        assert_eq!(
            error.message,
            "calendar mine.csv, line 3: release_at must be a date or a time such as 2018-01-23 (got \"soon\")"
        );
        let no_version = "application,channel,release_at\nA,stable,2020-01-01\n";
        let error = read_csv("mine.csv", no_version).expect_err("no versions");
        assert!(
            error
                .message
                .starts_with("calendar mine.csv, line 1: no column version"),
            "{}",
            error.message
        );
        let flagged = "application,channel,version,release_at,flag,margin\nA,stable,1.0,2020-01-01,regressed,0.25\n";
        let entries = read_csv("mine.csv", flagged).expect("a flag");
        assert_eq!(
            (entries[0].flag.as_deref(), entries[0].margin),
            (Some("regressed"), Some(0.25))
        );
        let error = read_csv("mine.csv", &flagged.replace("regressed", "bad")).expect_err("a flag that is none");
        assert_eq!(
            error.message,
            "calendar mine.csv, line 2: flag must be empty or one of regressed, acknowledged (got \"bad\")"
        );
        let error = read_csv("mine.csv", &flagged.replace("0.25", "25 %")).expect_err("a margin that is none");
        assert!(
            error.message.contains("margin must be empty or from 0"),
            "{}",
            error.message
        );
        let short = "application,channel,version,release_at\nA,stable,1.0\n";
        let error = read_csv("mine.csv", short).expect_err("a value missing");
        assert!(
            error.message.starts_with("calendar mine.csv, line 2:"),
            "{}",
            error.message
        );
        let error = read_product_details("mine.json", "[1]").expect_err("no map");
        assert_eq!(error.message, "calendar mine.json: must be a map of releases");
    }

    #[test]
    fn product_details_tells_an_esr_by_its_key() {
        let text = r#"{"releases": {
            "firefox-60.0esr": {"date": "2018-05-09", "version": "60.0"},
            "firefox-61.0b3": {"date": "2018-05-08", "version": "61.0b3"},
            "devedition-61.0b1": {"date": "2018-05-01", "version": "61.0b1"}}}"#;
        let mut entries = read_product_details("all.json", text).expect("entries");
        entries.sort_by(|one, other| one.version.cmp(&other.version));
        let shown: Vec<_> = entries.iter().map(|entry| (&*entry.channel, &*entry.version)).collect();
        assert_eq!(shown, [("esr", "60.0esr"), ("beta", "61.0b3")]);
    }
}
