//! What a session may SET and SHOW: an allow-list with PostgreSQL's names, defaults and checks. The query engine's own
//! options are not among them.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use super::durations;
use crate::error::{Error, ErrorKind, Result};

/// How a setting's value is checked and normalised.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Bool,
    Integer { least: i64, most: i64 },
    Milliseconds,
    TimeZone,
    Words(&'static [&'static str]),
    DateStyle,
    Encoding,
    ReadOnly,
}

struct Definition {
    name: &'static str,
    default: &'static str,
    kind: Kind,
    description: &'static str,
}

const fn setting(name: &'static str, default: &'static str, kind: Kind, description: &'static str) -> Definition {
    Definition {
        name,
        default,
        kind,
        description,
    }
}

const ISOLATION: Kind = Kind::Words(&["serializable", "repeatable read", "read committed", "read uncommitted"]);
const MESSAGES: Kind = Kind::Words(&[
    "debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error",
]);

/// The version of PostgreSQL whose protocol, catalog and error codes this server follows.
pub const POSTGRES_VERSION: &str = "15.8";
const POSTGRES_VERSION_NUMBER: &str = "150008";

/// In alphabetical order, as SHOW ALL lists them. The names are spelled as PostgreSQL spells them in its reports.
const DEFINITIONS: &[Definition] = &[
    setting(
        "application_name",
        "",
        Kind::Text,
        "The name of the client's application.",
    ),
    setting(
        "bytea_output",
        "hex",
        Kind::Words(&["hex", "escape"]),
        "The text form of bytea.",
    ),
    setting("client_encoding", "UTF8", Kind::Encoding, "The client's character set."),
    setting(
        "client_min_messages",
        "notice",
        MESSAGES,
        "The least severe messages sent to the client.",
    ),
    setting(
        "DateStyle",
        "ISO, MDY",
        Kind::DateStyle,
        "The text form of dates and times.",
    ),
    setting(
        "default_transaction_isolation",
        "read committed",
        ISOLATION,
        "The isolation of new transactions.",
    ),
    setting(
        "default_transaction_read_only",
        "on",
        Kind::Bool,
        "Whether new transactions only read.",
    ),
    setting(
        "extra_float_digits",
        "1",
        Kind::Integer { least: -15, most: 3 },
        "Digits of floating-point text output.",
    ),
    setting(
        "idle_in_transaction_session_timeout",
        "0",
        Kind::Milliseconds,
        "How long a transaction may idle.",
    ),
    setting(
        "idle_session_timeout",
        "0",
        Kind::Milliseconds,
        "How long a session may idle outside a transaction.",
    ),
    setting(
        "in_hot_standby",
        "off",
        Kind::ReadOnly,
        "Whether the server is a standby.",
    ),
    setting(
        "integer_datetimes",
        "on",
        Kind::ReadOnly,
        "Whether times are counted in whole microseconds.",
    ),
    setting(
        "IntervalStyle",
        "postgres",
        Kind::Words(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"]),
        "The text form of intervals.",
    ),
    setting(
        "is_superuser",
        "off",
        Kind::ReadOnly,
        "Whether the user is a superuser.",
    ),
    setting("lc_collate", "C", Kind::ReadOnly, "The order of text."),
    setting("lc_ctype", "C.UTF-8", Kind::ReadOnly, "The classes of characters."),
    setting(
        "lock_timeout",
        "0",
        Kind::Milliseconds,
        "How long to wait for a lock; nothing here waits for one.",
    ),
    setting("max_identifier_length", "63", Kind::ReadOnly, "The longest name."),
    setting("max_index_keys", "32", Kind::ReadOnly, "The most columns of an index."),
    setting(
        "row_security",
        "on",
        Kind::Bool,
        "Row security, of which there is none here.",
    ),
    setting(
        "search_path",
        "\"$user\", public",
        Kind::Text,
        "Where unqualified names are looked for.",
    ),
    setting(
        "server_encoding",
        "UTF8",
        Kind::ReadOnly,
        "The database's character set.",
    ),
    setting(
        "server_version",
        POSTGRES_VERSION,
        Kind::ReadOnly,
        "The PostgreSQL version whose behaviour is followed.",
    ),
    setting(
        "server_version_num",
        POSTGRES_VERSION_NUMBER,
        Kind::ReadOnly,
        "The same as a number.",
    ),
    setting("session_authorization", "", Kind::ReadOnly, "The session's user."),
    setting(
        "standard_conforming_strings",
        "on",
        Kind::Words(&["on"]),
        "Whether a backslash is an ordinary character.",
    ),
    setting(
        "statement_timeout",
        "0",
        Kind::Milliseconds,
        "How long a statement may run.",
    ),
    setting(
        "TimeZone",
        "UTC",
        Kind::TimeZone,
        "The zone in which times are shown and cut.",
    ),
    setting(
        "transaction_isolation",
        "read committed",
        ISOLATION,
        "The isolation of this transaction.",
    ),
    setting(
        "transaction_read_only",
        "on",
        Kind::Bool,
        "Whether this transaction only reads.",
    ),
];

/// The settings of one session. Unset names have their defaults.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, String>,
    /// Where RESET goes back to: what the client asked for when it connected.
    at_start: BTreeMap<&'static str, String>,
    /// The longest times, in milliseconds, that the administrator allows where he does: nobody gets beyond them.
    longest: BTreeMap<&'static str, u64>,
}

impl Settings {
    /// The value in force, as SHOW prints it.
    pub fn show(&self, name: &str) -> Result<&str> {
        let definition = find(name)?;
        Ok(self.value_of(definition))
    }

    /// Every setting with its value and description, for SHOW ALL.
    /// Every setting with its value and description, as `pg_settings` shows them.
    pub fn described(&self) -> Vec<(String, String, String)> {
        self.all()
            .map(|(name, value, said)| (name.to_string(), value.to_string(), said.to_string()))
            .collect()
    }

    pub fn all(&self) -> impl Iterator<Item = (&'static str, &str, &'static str)> {
        DEFINITIONS
            .iter()
            .map(|one| (one.name, self.value_of(one), one.description))
    }

    /// The name as PostgreSQL spells it (`timezone` → `TimeZone`).
    pub fn canonical_name(name: &str) -> Result<&'static str> {
        find(name).map(|definition| definition.name)
    }

    /// Sets a value, or the default with `None`.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let definition = find(name)?;
        if matches!(definition.kind, Kind::ReadOnly) {
            return Err(Error::new(
                ErrorKind::CannotChangeParameter,
                format!("parameter \"{}\" cannot be changed", definition.name),
            ));
        }
        match value {
            Some(value) => {
                let checked = match definition.kind {
                    Kind::Milliseconds => self.duration(definition.name, value)?,
                    _ => check(definition, value)?,
                };
                self.values.insert(definition.name, checked);
            }
            None => self.reset(definition.name),
        }
        Ok(())
    }

    /// A setting that came with the start-up message: RESET returns to it.
    pub fn set_at_start(&mut self, name: &str, value: &str) -> Result<()> {
        self.set(name, Some(value))?;
        self.at_start = self.values.clone();
        Ok(())
    }

    /// What the server knows and the user cannot set: the user's name, whether they are the administrator.
    pub fn report(&mut self, name: &'static str, value: &str) {
        self.values.insert(name, value.to_string());
        self.at_start.insert(name, value.to_string());
    }

    pub fn reset_one(&mut self, name: &str) -> Result<()> {
        self.set(name, None)
    }

    pub fn reset_all(&mut self) {
        self.values = self.at_start.clone();
    }

    pub fn time_zone(&self) -> &str {
        self.values.get("TimeZone").map_or("UTC", |zone| offset_of(zone))
    }

    /// `None` where statements may run without end.
    pub fn statement_timeout(&self) -> Option<Duration> {
        self.time_limit("statement_timeout")
    }

    /// How long the session may wait for its next statement; `None` where it may for ever.
    pub fn idle_timeout(&self, in_transaction: bool) -> Option<Duration> {
        self.time_limit(if in_transaction {
            "idle_in_transaction_session_timeout"
        } else {
            "idle_session_timeout"
        })
    }

    /// Nobody may set this time limit to more, or to none. It is where RESET goes back to.
    pub fn limit(&mut self, name: &'static str, most: Duration) {
        let most_ms = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        self.longest.insert(name, most_ms);
        self.report(name, &durations::shown(most_ms));
    }

    fn time_limit(&self, name: &str) -> Option<Duration> {
        let shown = self.values.get(name)?;
        let count = durations::milliseconds(name, shown).ok().filter(|count| *count > 0);
        count.map(Duration::from_millis)
    }

    /// A time limit as it is shown, no longer than the administrator allows: more, and 0 for none, become the longest
    /// allowed, since many programs set 0 without having a reason.
    fn duration(&self, name: &str, value: &str) -> Result<String> {
        let asked = durations::milliseconds(name, value)?;
        let granted = match self.longest.get(name) {
            Some(longest) if asked == 0 || asked > *longest => *longest,
            _ => asked,
        };
        Ok(durations::shown(granted))
    }

    fn reset(&mut self, name: &'static str) {
        match self.at_start.get(name) {
            Some(value) => self.values.insert(name, value.clone()),
            None => self.values.remove(name),
        };
    }

    fn value_of(&self, definition: &Definition) -> &str {
        self.values
            .get(definition.name)
            .map_or(definition.default, String::as_str)
    }
}

fn find(name: &str) -> Result<&'static Definition> {
    if let Some(definition) = DEFINITIONS.iter().find(|one| one.name.eq_ignore_ascii_case(name)) {
        return Ok(definition);
    }
    if name.contains('.') {
        return Err(Error::new(
            ErrorKind::InsufficientPrivilege,
            format!("permission denied to set parameter \"{name}\""),
        ));
    }
    Err(Error::new(
        ErrorKind::UndefinedObject,
        format!("unrecognized configuration parameter \"{name}\""),
    ))
}

fn check(definition: &Definition, value: &str) -> Result<String> {
    let invalid = || {
        Error::new(
            ErrorKind::InvalidParameterValue,
            format!("invalid value for parameter \"{}\": \"{value}\"", definition.name),
        )
    };
    match definition.kind {
        Kind::Text | Kind::ReadOnly => Ok(value.to_string()),
        Kind::Bool => match value.to_lowercase().as_str() {
            "on" | "true" | "yes" | "1" | "t" | "y" => Ok("on".to_string()),
            "off" | "false" | "no" | "0" | "f" | "n" => Ok("off".to_string()),
            _ => Err(invalid().with_hint("on and off are allowed")),
        },
        Kind::Integer { least, most } => match value.trim().parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number.to_string()),
            Ok(number) => Err(Error::new(
                ErrorKind::InvalidParameterValue,
                format!(
                    "{number} is outside the valid range for parameter \"{}\" ({least} .. {most})",
                    definition.name
                ),
            )),
            Err(_) => Err(invalid()),
        },
        Kind::Milliseconds => durations::milliseconds(definition.name, value).map(durations::shown),
        Kind::TimeZone => time_zone(value).ok_or_else(invalid),
        Kind::Words(words) => {
            let lower = value.to_lowercase();
            if words.contains(&lower.as_str()) {
                Ok(lower)
            } else {
                Err(invalid().with_hint(format!("available values: {}", words.join(", "))))
            }
        }
        Kind::DateStyle => {
            if value.split(',').any(|word| word.trim().eq_ignore_ascii_case("iso"))
                || value.to_lowercase().contains("dmy")
                || value.to_lowercase().contains("mdy")
            {
                Ok("ISO, MDY".to_string())
            } else {
                Err(invalid().with_hint("this server writes dates in the ISO style only"))
            }
        }
        // As in PostgreSQL only letters and digits count: `utf-8`, `UTF8` and even `'utf-8'` with its quotes are one.
        Kind::Encoding => match value
            .to_lowercase()
            .replace(|it: char| !it.is_alphanumeric(), "")
            .as_str()
        {
            "utf8" | "unicode" => Ok("UTF8".to_string()),
            _ => Err(invalid().with_hint("this server speaks UTF8 only")),
        },
    }
}

/// Every zone of the tz database, and fixed offsets: ISO's `+02:00`, or a number of hours.
fn time_zone(value: &str) -> Option<String> {
    let value = value.trim();
    if let Some(zone) = chrono_tz::TZ_VARIANTS
        .iter()
        .find(|zone| zone.name().eq_ignore_ascii_case(value))
    {
        return Some(zone.name().to_string());
    }
    if let Ok(hours) = value.parse::<f64>() {
        return fixed_zone(hours);
    }
    let offset = offset_of(value);
    arrow::array::timezone::Tz::from_str(offset)
        .ok()
        .map(|_| value.to_string())
}

/// So many hours east of Greenwich, as PostgreSQL writes it: `<+03:30>-03:30`, a name and the distance to Greenwich.
fn fixed_zone(hours: f64) -> Option<String> {
    let minutes = (hours * 60.0).round();
    if minutes.is_nan() || minutes.abs() >= 24.0 * 60.0 {
        return None;
    }
    let minutes = minutes as i64;
    let (whole, part) = (minutes.abs() / 60, minutes.abs() % 60);
    let distance = match part {
        0 => format!("{whole:02}"),
        _ => format!("{whole:02}:{part:02}"),
    };
    let (name, back) = if minutes < 0 { ('-', '+') } else { ('+', '-') };
    Some(format!("<{name}{distance}>{back}{distance}"))
}

/// The name inside a fixed zone, which is its offset; every other zone as it is.
fn offset_of(zone: &str) -> &str {
    let named = zone.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    named.map_or(zone, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_can_be_lowered_and_not_raised_over_the_administrators() {
        let mut settings = Settings::default();
        settings.limit("statement_timeout", Duration::from_secs(60));
        for (given, shown) in [
            (Some("5s"), "5s"),
            (Some("2h"), "1min"),
            (Some("0"), "1min"),
            (Some("250"), "250ms"),
            (None, "1min"),
        ] {
            settings.set("statement_timeout", given).unwrap();
            assert_eq!(settings.show("statement_timeout").unwrap(), shown, "given {given:?}");
        }
        settings.set("statement_timeout", Some("1s")).unwrap();
        settings.reset_all();
        assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(60)));
        settings.set("idle_session_timeout", Some("0")).unwrap();
        assert_eq!(settings.idle_timeout(false), None, "nobody limits this one");
    }

    #[test]
    fn names_are_found_in_any_case_and_unknown_ones_are_refused() {
        let mut settings = Settings::default();
        settings.set("TIMEZONE", Some("europe/berlin")).unwrap();
        assert_eq!(settings.show("timezone").unwrap(), "Europe/Berlin");
        assert_eq!(
            settings.set("work_memory", Some("1")).unwrap_err().kind,
            ErrorKind::UndefinedObject
        );
        let engine_option = settings.set("datafusion.execution.batch_size", Some("1")).unwrap_err();
        assert_eq!(engine_option.kind, ErrorKind::InsufficientPrivilege);
        assert_eq!(
            settings.set("server_version", Some("9")).unwrap_err().kind,
            ErrorKind::CannotChangeParameter
        );
    }

    #[test]
    fn reset_returns_to_what_the_client_asked_for_at_the_start() {
        let mut settings = Settings::default();
        settings.set_at_start("TimeZone", "Asia/Tokyo").unwrap();
        settings.set("TimeZone", Some("UTC")).unwrap();
        settings.reset_one("timezone").unwrap();
        assert_eq!(settings.time_zone(), "Asia/Tokyo");
        settings.set("application_name", Some("psql")).unwrap();
        settings.reset_all();
        assert_eq!(settings.show("application_name").unwrap(), "");
    }
}
