//! From rows as somebody sends them to rows of the managed table: columns by name, types that keep their values, and
//! every row checked. What is wrong with a row is said with its column.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::{
    DataType, Date32Type, Field, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::Utc;

use crate::error::{Error, ErrorKind, Result};
use crate::sources::{
    COMMENT_KEY, ColumnKind, DateText, PlatformAliases, STANDARD_COLUMNS, further_measures, standard_measures,
};

const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;
const WINDOW_MICROSECONDS: i64 = 5 * 60 * 1_000_000;
/// A window longer than this is taken for a mistake.
const LONGEST_WINDOW_MICROSECONDS: i64 = MICROSECONDS_PER_DAY;
/// How far a window may begin after the server's clock: clocks differ, and days have time zones.
const FUTURE_MICROSECONDS: i64 = MICROSECONDS_PER_DAY;

/// The column that `error_aggregates` derives from the operating system; rows may bring it if it agrees.
pub const PLATFORM: &str = "platform";
/// The streaming job's name of the day, as text.
const SUBMISSION_DATE_S3: &str = "submission_date_s3";
/// The column by which the table's files lie in folders.
pub const PARTITION: &str = "submission_date";

/// A column of the managed table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedColumn {
    pub name: String,
    pub kind: ColumnKind,
}

/// What is wrong with one row, first of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub column: Option<String>,
    pub kind: ErrorKind,
    pub reason: String,
}

/// Rows that were looked at.
#[derive(Debug)]
pub struct Checked {
    /// The rows without a fault, in the managed table's schema.
    pub good: RecordBatch,
    /// The others, by their place in the batch.
    pub faults: BTreeMap<usize, Fault>,
}

/// What the managed table takes.
#[derive(Debug)]
pub struct RowRules {
    columns: Vec<ManagedColumn>,
    schema: SchemaRef,
    platforms: PlatformAliases,
}

impl RowRules {
    /// The standard columns, the measures known by name, and those that the configuration declares.
    pub fn new(declared: impl IntoIterator<Item = String>, platforms: PlatformAliases) -> Self {
        let standard = STANDARD_COLUMNS.iter().filter(|column| column.name != PLATFORM);
        let mut columns: Vec<ManagedColumn> = standard
            .clone()
            .map(|column| ManagedColumn {
                name: column.name.to_string(),
                kind: column.kind,
            })
            .collect();
        let mut comments: Vec<String> = standard.map(|column| column.comment.to_string()).collect();
        for measure in standard_measures().chain(further_measures()) {
            comments.push(format!("{}: number of {}.", measure.label, measure.unit));
            columns.push(count_column(measure.name));
        }
        for name in declared {
            if columns.iter().all(|column| column.name != name) {
                comments.push("A measure of the configuration.".to_string());
                columns.push(count_column(name));
            }
        }
        let fields = columns.iter().zip(comments).map(|(column, comment)| {
            let field = Field::new(&column.name, arrow_type(column.kind), true);
            field.with_metadata(HashMap::from([(COMMENT_KEY.to_string(), comment)]))
        });
        Self {
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            columns,
            platforms,
        }
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The kind of a column that rows may bring.
    pub fn kind(&self, name: &str) -> Option<ColumnKind> {
        if name == PLATFORM || name == SUBMISSION_DATE_S3 {
            return Some(ColumnKind::Text);
        }
        let column = self.columns.iter().find(|column| column.name == name);
        column.map(|column| column.kind)
    }

    /// Refuses a set of columns that is no row of this table.
    pub fn check_columns<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let mut seen = std::collections::HashSet::new();
        for name in names {
            if self.kind(name).is_none() {
                return Err(unknown_column(name));
            }
            if !seen.insert(name) {
                return Err(Error::new(
                    ErrorKind::DuplicateColumn,
                    format!("column \"{name}\" specified more than once"),
                ));
            }
        }
        if !seen.contains("window_start") {
            return Err(
                Error::new(ErrorKind::NotNullViolation, "the rows have no column \"window_start\"")
                    .with_hint("every row says when its window begins"),
            );
        }
        Ok(())
    }

    /// Brings rows into the table's schema and checks them.
    pub fn check(&self, batch: &RecordBatch) -> Result<Checked> {
        let given = batch.schema();
        self.check_columns(given.fields().iter().map(|field| field.name().as_str()))?;
        let mut faults = BTreeMap::new();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            columns.push(match given_column(batch, &column.name) {
                Some(values) => read_column(&column.name, column.kind, values, &mut faults)?,
                None => new_null_array(&arrow_type(column.kind), batch.num_rows()),
            });
        }
        let position = |name: &str| self.schema.index_of(name);
        let (start, end, day) = (position("window_start")?, position("window_end")?, position(PARTITION)?);
        columns[end] = fill_ends(&columns[start], &columns[end]);
        columns[day] = fill_days(&columns[start], &columns[day]);
        check_times(
            columns[start].as_primitive(),
            columns[end].as_primitive(),
            columns[day].as_primitive(),
            &mut faults,
        );
        for (column, values) in self.columns.iter().zip(&columns) {
            match column.kind {
                ColumnKind::Hours => check_hours(&column.name, values.as_primitive(), &mut faults),
                ColumnKind::Count => check_counts(&column.name, values.as_primitive(), &mut faults),
                ColumnKind::Text => check_texts(&column.name, values.as_string(), &mut faults),
                ColumnKind::Time | ColumnKind::Date => {}
            }
        }
        if let Some(platform) = batch.column_by_name(PLATFORM) {
            let (os_name, application) = (position("os_name")?, position("application")?);
            self.check_platforms(
                platform,
                columns[os_name].as_string(),
                columns[application].as_string(),
                &mut faults,
            )?;
        }
        let all = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        if faults.is_empty() {
            return Ok(Checked { good: all, faults });
        }
        let keep: BooleanArray = (0..all.num_rows())
            .map(|row| Some(!faults.contains_key(&row)))
            .collect();
        Ok(Checked {
            good: filter_record_batch(&all, &keep)?,
            faults,
        })
    }

    fn check_platforms(
        &self,
        given: &ArrayRef,
        os_names: &StringArray,
        applications: &StringArray,
        faults: &mut BTreeMap<usize, Fault>,
    ) -> Result<()> {
        let given = cast(given, &DataType::Utf8)?;
        let given: &StringArray = given.as_string();
        for row in (0..given.len()).filter(|row| given.is_valid(*row)) {
            let os_name = os_names.is_valid(row).then(|| os_names.value(row));
            let application = applications.is_valid(row).then(|| applications.value(row));
            let derived = os_name.map(|name| self.platforms.platform(name, application));
            if derived != Some(given.value(row)) {
                let derived = derived.map_or_else(|| "NULL".to_string(), |name| format!("\"{name}\""));
                note(faults, row, PLATFORM, ErrorKind::CheckViolation, || {
                    format!("\"{}\" is given, but os_name makes it {derived}", given.value(row))
                });
            }
        }
        Ok(())
    }
}

fn count_column(name: String) -> ManagedColumn {
    ManagedColumn {
        name,
        kind: ColumnKind::Count,
    }
}

/// The type of a kind of column in the managed table.
pub fn arrow_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnKind::Date => DataType::Date32,
        ColumnKind::Text => DataType::Utf8,
        ColumnKind::Hours => DataType::Float64,
        ColumnKind::Count => DataType::Int64,
    }
}

fn unknown_column(name: &str) -> Error {
    Error::new(
        ErrorKind::UndefinedColumn,
        format!("column \"{name}\" of relation \"error_aggregates\" does not exist in the managed table"),
    )
    .with_hint("it has the standard columns, the known measures and those that [columns] declares")
}

fn given_column<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a ArrayRef> {
    let by_name = batch.column_by_name(name);
    match name {
        PARTITION => by_name.or_else(|| batch.column_by_name(SUBMISSION_DATE_S3)),
        _ => by_name,
    }
}

fn note(
    faults: &mut BTreeMap<usize, Fault>,
    row: usize,
    column: &str,
    kind: ErrorKind,
    reason: impl FnOnce() -> String,
) {
    faults.entry(row).or_insert_with(|| Fault {
        column: Some(column.to_string()),
        kind,
        reason: reason(),
    });
}

/// What the values of a column become when they are kept as they are; what has no such form is a fault of its row, and
/// a type of which no value has one, an error.
fn read_column(
    name: &str,
    kind: ColumnKind,
    values: &ArrayRef,
    faults: &mut BTreeMap<usize, Fault>,
) -> Result<ArrayRef> {
    let target = arrow_type(kind);
    let from = value_type(values.data_type());
    if !fits(kind, from) {
        return Err(Error::new(
            ErrorKind::DatatypeMismatch,
            format!(
                "column \"{name}\" takes {}, but the rows have {}",
                kind_name(kind),
                from
            ),
        ));
    }
    let read: ArrayRef = match kind {
        ColumnKind::Date if from.is_string() => {
            let texts = cast(values, &DataType::Utf8)?;
            let days = texts.as_string::<i32>().iter();
            Arc::new(
                days.map(|text| DateText::parse_any(text?.trim()))
                    .collect::<Date32Array>(),
            )
        }
        ColumnKind::Count if from.is_floating() => {
            let numbers = cast(values, &DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>().iter();
            Arc::new(numbers.map(|number| whole(number?)).collect::<Int64Array>())
        }
        _ => cast(values, &target)?,
    };
    if read.null_count() > values.logical_null_count() {
        let shown = ArrayFormatter::try_new(values, &FormatOptions::default())?;
        let before = values.logical_nulls();
        for row in (0..read.len()).filter(|row| read.is_null(*row)) {
            if before.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                note(faults, row, name, ErrorKind::InvalidTextRepresentation, || {
                    format!("\"{}\" is not {}", shown.value(row), kind_name(kind))
                });
            }
        }
    }
    Ok(read)
}

fn cast(values: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let options = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    Ok(cast_with_options(values, target, &options)?)
}

/// A count that came as a floating-point number, as dataframes with missing values have them.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

fn value_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        DataType::RunEndEncoded(_, values) => values.data_type(),
        other => other,
    }
}

fn fits(kind: ColumnKind, from: &DataType) -> bool {
    if *from == DataType::Null {
        return true;
    }
    match kind {
        ColumnKind::Time => matches!(from, DataType::Timestamp(..)) || from.is_string(),
        ColumnKind::Date => matches!(from, DataType::Date32 | DataType::Date64) || from.is_string(),
        ColumnKind::Text => from.is_string(),
        ColumnKind::Hours => from.is_numeric(),
        ColumnKind::Count => from.is_integer() || from.is_floating(),
    }
}

fn kind_name(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Time => "a time",
        ColumnKind::Date => "a date",
        ColumnKind::Text => "text",
        ColumnKind::Hours => "a number of hours",
        ColumnKind::Count => "a whole number",
    }
}

/// The ends that were given, and five minutes after the start where none was.
fn fill_ends(starts: &ArrayRef, ends: &ArrayRef) -> ArrayRef {
    let (starts, ends) = (
        starts.as_primitive::<TimestampMicrosecondType>(),
        ends.as_primitive::<TimestampMicrosecondType>(),
    );
    let filled = starts
        .iter()
        .zip(ends)
        .map(|(start, end)| end.or_else(|| start?.checked_add(WINDOW_MICROSECONDS)));
    Arc::new(filled.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

/// The days that were given, and the window's where none was.
fn fill_days(starts: &ArrayRef, days: &ArrayRef) -> ArrayRef {
    let (starts, days) = (
        starts.as_primitive::<TimestampMicrosecondType>(),
        days.as_primitive::<Date32Type>(),
    );
    let day_of = |start: i64| i32::try_from(start.div_euclid(MICROSECONDS_PER_DAY)).ok();
    let filled = starts
        .iter()
        .zip(days)
        .map(|(start, day)| day.or_else(|| day_of(start?)));
    Arc::new(filled.collect::<Date32Array>())
}

fn check_times(
    starts: &TimestampMicrosecondArray,
    ends: &TimestampMicrosecondArray,
    days: &Date32Array,
    faults: &mut BTreeMap<usize, Fault>,
) {
    let latest = Utc::now().timestamp_micros() + FUTURE_MICROSECONDS;
    let latest_day = latest.div_euclid(MICROSECONDS_PER_DAY);
    for row in 0..starts.len() {
        if starts.is_null(row) {
            note(faults, row, "window_start", ErrorKind::NotNullViolation, || {
                "every row needs one".to_string()
            });
            continue;
        }
        let (start, end, day) = (starts.value(row), ends.value(row), i64::from(days.value(row)));
        if start < 0 {
            note(faults, row, "window_start", ErrorKind::CheckViolation, || {
                "it is before 1970".to_string()
            });
        } else if start > latest {
            note(faults, row, "window_start", ErrorKind::CheckViolation, || {
                "it is more than a day in the future".to_string()
            });
        } else if end <= start || end - start > LONGEST_WINDOW_MICROSECONDS {
            note(faults, row, "window_end", ErrorKind::CheckViolation, || {
                "it is not within a day after window_start".to_string()
            });
        } else if !(0..=latest_day).contains(&day) {
            note(faults, row, PARTITION, ErrorKind::CheckViolation, || {
                "it is before 1970 or in the future".to_string()
            });
        }
    }
}

fn check_hours(name: &str, hours: &Float64Array, faults: &mut BTreeMap<usize, Fault>) {
    for (row, value) in hours.iter().enumerate() {
        if let Some(value) = value
            && !(value.is_finite() && value >= 0.0)
        {
            note(faults, row, name, ErrorKind::CheckViolation, || {
                format!("{value} is given where hours are finite and not negative")
            });
        }
    }
}

fn check_counts(name: &str, counts: &arrow::array::PrimitiveArray<Int64Type>, faults: &mut BTreeMap<usize, Fault>) {
    if counts.null_count() == counts.len() {
        return;
    }
    for (row, value) in counts.iter().enumerate() {
        if let Some(value) = value
            && value < 0
        {
            note(faults, row, name, ErrorKind::CheckViolation, || {
                format!("{value} is given where counts are not negative")
            });
        }
    }
}

/// PostgreSQL's clients cannot be sent a NUL.
fn check_texts(name: &str, texts: &StringArray, faults: &mut BTreeMap<usize, Fault>) {
    if !texts.value_data().contains(&0) {
        return;
    }
    for (row, value) in texts.iter().enumerate() {
        if value.is_some_and(|text| text.contains('\0')) {
            note(faults, row, name, ErrorKind::CheckViolation, || {
                "it contains a NUL character".to_string()
            });
        }
    }
}
