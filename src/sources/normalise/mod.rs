//! From the columns of one file to the columns of `error_aggregates`: which rule makes each table column, decided once
//! per file from its schema, its folder names and the `[columns]` map.

mod adapter;
mod comparisons;
mod expressions;
mod functions;
mod statistics;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::common::ScalarValue;

pub use adapter::{FILE_KEY, NormalisingAdapterFactory};
pub use functions::{DateText, PlatformAliases};
pub use statistics::{FileStatistics, normalised_statistics};

use super::columns::{ColumnMap, ColumnSource, Unit};
use super::standard::{self, ColumnKind, STANDARD_COLUMNS};

/// How one table column comes about from the columns of one file.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnRule {
    Null,
    /// The same for every row: a folder's name or a configured value, already of the table's type.
    Constant(ScalarValue),
    /// A column of the file, cast to the table's type.
    Column(String),
    /// A number of units since 1970.
    Epoch {
        column: String,
        unit: Unit,
    },
    /// A number of units of exposure, in hours.
    Scaled {
        column: String,
        unit: Unit,
    },
    /// A date as text or as a number.
    DateText {
        column: String,
        format: Option<DateText>,
    },
    /// The day of a time, UTC.
    DayOf(Box<ColumnRule>),
    /// The end of a window of 5 minutes.
    EndOf(Box<ColumnRule>),
    /// The first that is not NULL.
    Coalesce(Box<ColumnRule>, Box<ColumnRule>),
    Platform {
        os_name: Box<ColumnRule>,
        application: Box<ColumnRule>,
    },
}

/// A table column as one file gives it.
#[derive(Debug, Clone)]
pub struct NormalisedColumn {
    pub rule: ColumnRule,
    /// The type in the table.
    pub data_type: DataType,
}

/// Every table column that one file gives, by name.
#[derive(Debug, Clone)]
pub struct FilePlan {
    pub columns: BTreeMap<String, NormalisedColumn>,
    pub platforms: Arc<PlatformAliases>,
}

/// What a file offers: its own columns, and what its folders' names say.
pub struct FileColumns<'a> {
    pub schema: &'a SchemaRef,
    pub folders: &'a BTreeMap<String, Option<String>>,
    pub date_format: &'a dyn Fn(&str) -> Option<DateText>,
}

/// Times in the table: microseconds, UTC.
pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The table's type for a kind of standard column.
pub fn standard_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Time => time_type(),
        ColumnKind::Date => DataType::Date32,
        ColumnKind::Text => DataType::Utf8View,
        ColumnKind::Hours => DataType::Float64,
        ColumnKind::Count => DataType::Int64,
    }
}

/// The table's type for a column that is not a standard one. Types without a wider form pass as they are.
fn other_type(file_type: &DataType) -> DataType {
    match file_type {
        DataType::Dictionary(_, values) => other_type(values),
        DataType::Timestamp(_, _) => time_type(),
        DataType::Date32 | DataType::Date64 => DataType::Date32,
        file_type if is_text(file_type) => DataType::Utf8View,
        file_type if file_type.is_integer() => DataType::Int64,
        file_type if file_type.is_floating() => DataType::Float64,
        other => other.clone(),
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        other => other.is_string(),
    }
}

/// What a type is called in messages.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Dictionary(_, values) => type_name(values),
        DataType::Timestamp(_, _) => "a time".into(),
        DataType::Date32 | DataType::Date64 => "a date".into(),
        DataType::Boolean => "a boolean".into(),
        data_type if is_text(data_type) => "text".into(),
        data_type if data_type.is_integer() => "an integer".into(),
        data_type if data_type.is_floating() => "a floating-point number".into(),
        other => format!("of type {other}"),
    }
}

/// Decides the rule of every column, or says why the file is none of error aggregates.
pub fn plan_file(
    file: &FileColumns<'_>,
    map: &ColumnMap,
    platforms: &Arc<PlatformAliases>,
) -> Result<FilePlan, String> {
    let mut columns = BTreeMap::new();
    for standard in &STANDARD_COLUMNS {
        let rule = standard_rule(file, map, standard.name, standard.kind)?;
        insert(&mut columns, standard.name, rule, standard_type(standard.kind));
    }
    for measure in standard::standard_measures() {
        let rule = measure_rule(file, map, &measure.name)?;
        insert(
            &mut columns,
            &measure.name,
            rule.unwrap_or(ColumnRule::Null),
            DataType::Int64,
        );
    }
    let declared = map.measures.keys().cloned();
    for name in standard::further_measures().map(|measure| measure.name).chain(declared) {
        if let Some(rule) = measure_rule(file, map, &name)? {
            insert(&mut columns, &name, rule, DataType::Int64);
        }
    }
    add_other_columns(file, &mut columns);
    require_windows_and_counts(&columns, map)?;
    derive_missing(file, &mut columns);
    Ok(FilePlan {
        columns,
        platforms: Arc::clone(platforms),
    })
}

fn insert(columns: &mut BTreeMap<String, NormalisedColumn>, name: &str, rule: ColumnRule, data_type: DataType) {
    columns.insert(name.to_string(), NormalisedColumn { rule, data_type });
}

fn standard_rule(file: &FileColumns<'_>, map: &ColumnMap, name: &str, kind: ColumnKind) -> Result<ColumnRule, String> {
    match map.column(name) {
        Some(ColumnSource { value: Some(value), .. }) => constant(name, value, &standard_type(kind)),
        Some(ColumnSource {
            column: Some(column),
            unit,
            ..
        }) => Ok(rule_from(file, name, column, kind, *unit)?.unwrap_or(ColumnRule::Null)),
        _ => Ok(rule_from(file, name, name, kind, None)?.unwrap_or(ColumnRule::Null)),
    }
}

fn measure_rule(file: &FileColumns<'_>, map: &ColumnMap, name: &str) -> Result<Option<ColumnRule>, String> {
    let column = map.measures.get(name).map_or(name, |source| &source.column);
    rule_from(file, name, column, ColumnKind::Count, None)
}

/// The rule that reads `column` of the file (or of its folders' names) as the table's `name`.
fn rule_from(
    file: &FileColumns<'_>,
    name: &str,
    column: &str,
    kind: ColumnKind,
    unit: Option<Unit>,
) -> Result<Option<ColumnRule>, String> {
    if let Some(value) = file.folders.get(column) {
        return match value {
            Some(value) => constant(name, value, &standard_type(kind)).map(Some),
            None => Ok(Some(ColumnRule::Null)),
        };
    }
    let Ok(field) = file.schema.field_with_name(column) else {
        return Ok(None);
    };
    if *field.data_type() == DataType::Null {
        return Ok(None);
    }
    match file_rule(file, column, field.data_type(), kind, unit) {
        Some(rule) => Ok(Some(rule)),
        None => Err(mismatch(name, column, field.data_type(), kind)),
    }
}

fn file_rule(
    file: &FileColumns<'_>,
    column: &str,
    data_type: &DataType,
    kind: ColumnKind,
    unit: Option<Unit>,
) -> Option<ColumnRule> {
    let name = column.to_string();
    let is_day = matches!(data_type, DataType::Date32 | DataType::Date64);
    let is_time = matches!(data_type, DataType::Timestamp(_, _));
    match kind {
        ColumnKind::Time if is_time || is_day => Some(ColumnRule::Column(name)),
        ColumnKind::Time if data_type.is_numeric() => unit.map(|unit| ColumnRule::Epoch { column: name, unit }),
        ColumnKind::Date if is_day => Some(ColumnRule::Column(name)),
        ColumnKind::Date if is_time => Some(ColumnRule::DayOf(Box::new(ColumnRule::Column(name)))),
        ColumnKind::Date if is_text(data_type) || is_binary(data_type) || data_type.is_integer() => {
            Some(ColumnRule::DateText {
                format: (file.date_format)(column),
                column: name,
            })
        }
        ColumnKind::Text => {
            let readable =
                is_text(data_type) || is_binary(data_type) || data_type.is_primitive() || is_boolean(data_type);
            readable.then_some(ColumnRule::Column(name))
        }
        ColumnKind::Hours if data_type.is_numeric() => Some(match unit {
            None | Some(Unit::Hours) => ColumnRule::Column(name),
            Some(unit) => ColumnRule::Scaled { column: name, unit },
        }),
        ColumnKind::Count if data_type.is_numeric() => Some(ColumnRule::Column(name)),
        _ => None,
    }
}

/// Old writers store text as bytes without saying that it is text.
fn is_binary(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView
    )
}

fn is_boolean(data_type: &DataType) -> bool {
    *data_type == DataType::Boolean
}

fn mismatch(name: &str, column: &str, data_type: &DataType, kind: ColumnKind) -> String {
    let expected = match kind {
        ColumnKind::Time if data_type.is_numeric() => "a time, or a number with its unit in the columns section,",
        ColumnKind::Time => "a time",
        ColumnKind::Date => "a date",
        ColumnKind::Text => "text",
        ColumnKind::Hours | ColumnKind::Count => "a number",
    };
    let shown = if name == column {
        format!("column {name}")
    } else {
        format!("column {column} (for {name})")
    };
    format!("{shown} is {} where {expected} is expected", type_name(data_type))
}

/// A configured value or a folder's name as the table's type.
fn constant(name: &str, text: &str, data_type: &DataType) -> Result<ColumnRule, String> {
    let value = match data_type {
        DataType::Date32 => DateText::parse_any(text).map(|days| ScalarValue::Date32(Some(days))),
        _ => ScalarValue::try_from_string(text.to_string(), data_type).ok(),
    };
    value
        .map(ColumnRule::Constant)
        .ok_or_else(|| format!("\"{text}\" cannot be read as {name}"))
}

/// Columns of the source that are no standard ones keep their names; a folder's name is text.
fn add_other_columns(file: &FileColumns<'_>, columns: &mut BTreeMap<String, NormalisedColumn>) {
    for (name, value) in file.folders {
        if !columns.contains_key(name) {
            let value = ScalarValue::Utf8View(value.clone());
            insert(columns, name, ColumnRule::Constant(value), DataType::Utf8View);
        }
    }
    for field in file.schema.fields() {
        if !columns.contains_key(field.name()) && *field.data_type() != DataType::Null {
            let rule = ColumnRule::Column(field.name().clone());
            insert(columns, field.name(), rule, other_type(field.data_type()));
        }
    }
}

fn require_windows_and_counts(columns: &BTreeMap<String, NormalisedColumn>, map: &ColumnMap) -> Result<(), String> {
    let has = |name: &str| columns.get(name).is_some_and(|column| column.rule != ColumnRule::Null);
    if !has("window_start") {
        return Err("column window_start is missing".into());
    }
    let measures = standard::standard_measures()
        .chain(standard::further_measures())
        .map(|measure| measure.name);
    let mut counted = ["usage_hours", "count"]
        .into_iter()
        .map(String::from)
        .chain(measures)
        .chain(map.measures.keys().cloned());
    if counted.any(|name| has(&name)) {
        return Ok(());
    }
    Err("it has no usage_hours, no count and no measure".into())
}

/// Fills the standard columns that the source has not from those that it has.
fn derive_missing(file: &FileColumns<'_>, columns: &mut BTreeMap<String, NormalisedColumn>) {
    let rule = |columns: &BTreeMap<String, NormalisedColumn>, name: &str| {
        columns.get(name).map_or(ColumnRule::Null, |column| column.rule.clone())
    };
    let window_start = rule(columns, "window_start");
    if rule(columns, "window_end") == ColumnRule::Null {
        insert(
            columns,
            "window_end",
            ColumnRule::EndOf(Box::new(window_start.clone())),
            time_type(),
        );
    }
    if rule(columns, "submission_date") == ColumnRule::Null {
        let named = rule_from(file, "submission_date", "submission_date_s3", ColumnKind::Date, None);
        let derived = match named {
            Ok(Some(rule)) if rule != ColumnRule::Null => rule,
            _ => ColumnRule::DayOf(Box::new(window_start)),
        };
        insert(columns, "submission_date", derived, DataType::Date32);
    }
    let version = rule(columns, "version");
    let display_version = match rule(columns, "display_version") {
        ColumnRule::Null => version,
        own => ColumnRule::Coalesce(Box::new(own), Box::new(version)),
    };
    insert(columns, "display_version", display_version, DataType::Utf8View);
    let derived = match rule(columns, "os_name") {
        ColumnRule::Null => ColumnRule::Null,
        os_name => ColumnRule::Platform {
            os_name: Box::new(os_name),
            application: Box::new(rule(columns, "application")),
        },
    };
    let platform = match (rule(columns, "platform"), derived) {
        (ColumnRule::Null, derived) => derived,
        (own, ColumnRule::Null) => own,
        (own, derived) => ColumnRule::Coalesce(Box::new(own), Box::new(derived)),
    };
    insert(columns, "platform", platform, DataType::Utf8View);
}
