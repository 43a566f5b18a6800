//! The `[columns]` section: how the columns of any table of counts and exposure map onto the standard ones.
//!
//! ```toml
//! [columns]
//! window_start = { column = "bucket", unit = "seconds" }   # seconds since 1970
//! usage_hours = { column = "session_minutes", unit = "minutes" }
//! application = { value = "My App" }                       # the same for every row
//! channel = "ring"                                         # short for { column = "ring" }
//! measures = { failures = "n_failures", timeouts = { column = "n_timeouts", label = "Timeouts" } }
//! ```
//!
//! A mapped column is added under the standard name; the source's own column stays beside it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::standard;
use crate::error::{Error, Result};

/// What one step of a number is: of a time since 1970 for `window_start` and `window_end`, of exposure for
/// `usage_hours`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
    Days,
    /// Thousands of hours.
    Khours,
}

impl Unit {
    /// How many hours one of it is.
    pub fn hours(self) -> f64 {
        match self {
            Self::Nanoseconds => 1.0 / 3.6e12,
            Self::Microseconds => 1.0 / 3.6e9,
            Self::Milliseconds => 1.0 / 3.6e6,
            Self::Seconds => 1.0 / 3600.0,
            Self::Minutes => 1.0 / 60.0,
            Self::Hours => 1.0,
            Self::Days => 24.0,
            Self::Khours => 1000.0,
        }
    }

    fn counts_time(self) -> bool {
        matches!(
            self,
            Self::Nanoseconds | Self::Microseconds | Self::Milliseconds | Self::Seconds | Self::Days
        )
    }
}

/// Where the values of one standard column come from: a column of the source, or one value for every row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnSource {
    pub column: Option<String>,
    pub unit: Option<Unit>,
    pub value: Option<String>,
}

/// Where the counts of one measure come from, and what it is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MeasureSource {
    pub column: String,
    pub label: Option<String>,
    pub unit: Option<String>,
}

/// The whole `[columns]` section. Standard columns that it does not name keep their own names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnMap {
    pub window_start: Option<ColumnSource>,
    pub window_end: Option<ColumnSource>,
    pub submission_date: Option<ColumnSource>,
    pub channel: Option<ColumnSource>,
    pub version: Option<ColumnSource>,
    pub display_version: Option<ColumnSource>,
    pub build_id: Option<ColumnSource>,
    pub application: Option<ColumnSource>,
    pub os_name: Option<ColumnSource>,
    pub platform: Option<ColumnSource>,
    pub os_version: Option<ColumnSource>,
    pub architecture: Option<ColumnSource>,
    pub country: Option<ColumnSource>,
    pub experiment_id: Option<ColumnSource>,
    pub experiment_branch: Option<ColumnSource>,
    pub usage_hours: Option<ColumnSource>,
    pub count: Option<ColumnSource>,
    /// Measure name → where its counts are. The standard measures may be mapped here too.
    pub measures: BTreeMap<String, MeasureSource>,
}

impl ColumnMap {
    /// The mapping of a standard column that is not a measure.
    pub fn column(&self, name: &str) -> Option<&ColumnSource> {
        self.entries()
            .into_iter()
            .find(|(entry, _)| *entry == name)
            .and_then(|(_, source)| source)
    }

    /// Refuses what cannot be meant, before any file is read.
    pub fn check(&self) -> Result<()> {
        for (name, source) in self.entries() {
            if let Some(source) = source {
                check_column(name, source)?;
            }
        }
        for (name, source) in &self.measures {
            check_measure(name, source)?;
        }
        Ok(())
    }

    fn entries(&self) -> [(&'static str, Option<&ColumnSource>); 17] {
        [
            ("window_start", self.window_start.as_ref()),
            ("window_end", self.window_end.as_ref()),
            ("submission_date", self.submission_date.as_ref()),
            ("channel", self.channel.as_ref()),
            ("version", self.version.as_ref()),
            ("display_version", self.display_version.as_ref()),
            ("build_id", self.build_id.as_ref()),
            ("application", self.application.as_ref()),
            ("os_name", self.os_name.as_ref()),
            ("platform", self.platform.as_ref()),
            ("os_version", self.os_version.as_ref()),
            ("architecture", self.architecture.as_ref()),
            ("country", self.country.as_ref()),
            ("experiment_id", self.experiment_id.as_ref()),
            ("experiment_branch", self.experiment_branch.as_ref()),
            ("usage_hours", self.usage_hours.as_ref()),
            ("count", self.count.as_ref()),
        ]
    }
}

fn check_column(name: &str, source: &ColumnSource) -> Result<()> {
    if source.column.is_some() == source.value.is_some() {
        return Err(
            Error::configuration(format!("columns.{name} needs either a column or a value")).with_hint(format!(
                "write {name} = \"source_column\" or {name} = {{ value = \"…\" }}"
            )),
        );
    }
    let Some(unit) = source.unit else { return Ok(()) };
    let fits = match name {
        "window_start" | "window_end" => unit.counts_time(),
        "usage_hours" => true,
        _ => false,
    };
    if fits && source.column.is_some() {
        return Ok(());
    }
    Err(
        Error::configuration(format!("columns.{name} cannot have this unit")).with_hint(
            "units are for usage_hours (seconds, minutes, hours, days, khours) and for numeric window_start and \
         window_end (nanoseconds, microseconds, milliseconds, seconds, days since 1970)",
        ),
    )
}

fn check_measure(name: &str, source: &MeasureSource) -> Result<()> {
    let spelled_well = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name
            .chars()
            .all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '_');
    if !spelled_well {
        return Err(
            Error::configuration(format!("columns.measures: \"{name}\" is not a usable name"))
                .with_hint("use lower-case letters, digits and underscores"),
        );
    }
    if standard::is_reserved(name) {
        return Err(Error::configuration(format!(
            "columns.measures: \"{name}\" is a column that is not a measure"
        ))
        .with_hint("choose another name for the measure"));
    }
    if source.column.is_empty() {
        return Err(Error::configuration(format!("columns.measures.{name} names no column")));
    }
    Ok(())
}

impl<'de> Deserialize<'de> for ColumnSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            column: Option<String>,
            unit: Option<Unit>,
            value: Option<String>,
        }
        let read = TextOr::new("a column's name, or a table with column, unit or value");
        Ok(match deserializer.deserialize_any(read)? {
            TextOrTable::Text(column) => Self {
                column: Some(column),
                ..Self::default()
            },
            TextOrTable::Table(Table { column, unit, value }) => Self { column, unit, value },
        })
    }
}

impl<'de> Deserialize<'de> for MeasureSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            column: String,
            label: Option<String>,
            unit: Option<String>,
        }
        let read = TextOr::new("a column's name, or a table with column, label or unit");
        Ok(match deserializer.deserialize_any(read)? {
            TextOrTable::Text(column) => Self {
                column,
                ..Self::default()
            },
            TextOrTable::Table(Table { column, label, unit }) => Self { column, label, unit },
        })
    }
}

enum TextOrTable<T> {
    Text(String),
    Table(T),
}

/// Reads a bare text or a table, and keeps the table's own error messages (an untagged enum would lose them).
struct TextOr<T> {
    expected: &'static str,
    table: std::marker::PhantomData<T>,
}

impl<T> TextOr<T> {
    fn new(expected: &'static str) -> Self {
        Self {
            expected,
            table: std::marker::PhantomData,
        }
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for TextOr<T> {
    type Value = TextOrTable<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() {
            return Err(E::custom("a column's name cannot be empty"));
        }
        Ok(TextOrTable::Text(text.to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
            .map(TextOrTable::Table)
            .map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ColumnMap, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn short_and_long_forms_are_read() {
        let map = parse(
            r#"
            window_start = "bucket"
            usage_hours = { column = "session_minutes", unit = "minutes" }
            application = { value = "My App" }
            measures = { failures = "n_failures", timeouts = { column = "n_timeouts", label = "Timeouts" } }
            "#,
        )
        .expect("the documented example");
        map.check().expect("the documented example makes sense");
        assert_eq!(
            map.column("window_start").and_then(|source| source.column.as_deref()),
            Some("bucket")
        );
        assert_eq!(
            map.usage_hours.as_ref().and_then(|source| source.unit),
            Some(Unit::Minutes)
        );
        assert_eq!(
            map.application.as_ref().and_then(|source| source.value.as_deref()),
            Some("My App")
        );
        assert_eq!(map.measures["timeouts"].label.as_deref(), Some("Timeouts"));
        assert_eq!(map.measures["failures"].column, "n_failures");
        assert_eq!(map.column("channel"), None);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, expected) in [
            ("windowstart = \"x\"", "unknown field `windowstart`"),
            ("channel = { colum = \"x\" }", "unknown field `colum`"),
            ("channel = 3", "a column's name, or a table"),
            (
                "usage_hours = { column = \"x\", unit = \"fortnights\" }",
                "unknown variant `fortnights`",
            ),
            ("channel = \"\"", "cannot be empty"),
        ] {
            let message = parse(text).expect_err(text).to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
        for text in [
            "channel = { column = \"a\", value = \"b\" }",
            "channel = { unit = \"hours\" }",
            "channel = { column = \"a\", unit = \"hours\" }",
            "window_start = { column = \"a\", unit = \"khours\" }",
            "measures = { usage_hours = \"x\" }",
            "measures = { \"Bad Name\" = \"x\" }",
        ] {
            parse(text).expect(text).check().expect_err(text);
        }
    }
}
