//! What is known of a file's columns without reading them, first as the footer says it, then in the table's terms.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, ScalarValue};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::{ColumnRule, DateText, FilePlan, NormalisedColumn, is_text};

/// The footer's word on every column of a file.
#[derive(Debug, Clone, Default)]
pub struct FileStatistics {
    pub rows: usize,
    columns: HashMap<String, Bounds>,
}

#[derive(Debug, Clone, Default)]
struct Bounds {
    /// The least and the greatest value, or what bounds them; only if known for every row group.
    range: Option<(ScalarValue, ScalarValue)>,
    /// Whether the bounds are values that occur: long texts are cut.
    exact: bool,
    null_count: Option<usize>,
}

impl Bounds {
    /// The one value that every row has.
    fn is_constant(&self) -> bool {
        let single = self.range.as_ref().is_some_and(|(least, greatest)| least == greatest);
        single && self.exact && self.null_count == Some(0)
    }
}

impl FileStatistics {
    /// Reads the statistics that the footer carries; columns without any are simply unknown.
    pub fn read(metadata: &ParquetMetaData, file_schema: &Schema) -> Self {
        let rows = usize::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
        let mut columns = HashMap::new();
        for field in file_schema.fields() {
            if let Some(bounds) = read_bounds(metadata, file_schema, field) {
                columns.insert(field.name().clone(), bounds);
            }
        }
        Self { rows, columns }
    }

    /// The text form of the dates in a column, if the bounds show that there is one.
    pub fn date_format(&self, column: &str) -> Option<DateText> {
        let (least, greatest) = self.columns.get(column)?.range.as_ref()?;
        let form = |value: &ScalarValue| match value {
            value if value.data_type().is_integer() => Some(DateText::Compact),
            value => value.try_as_str().flatten().and_then(DateText::of),
        };
        form(least).filter(|format| form(greatest) == Some(*format))
    }
}

fn read_bounds(metadata: &ParquetMetaData, file_schema: &Schema, field: &Field) -> Option<Bounds> {
    let parquet_schema = metadata.file_metadata().schema_descr();
    let converter = StatisticsConverter::try_new(field.name(), file_schema, parquet_schema).ok()?;
    let converter = converter.with_missing_null_counts_as_zero(false);
    let column = converter.parquet_column_index()?;
    // INT96 has no order that its statistics could be trusted to follow.
    if parquet_schema.column(column).physical_type() == parquet::basic::Type::INT96 {
        return None;
    }
    let groups = metadata.row_groups();
    let nulls = converter.row_group_null_counts(groups).ok()?;
    let null_counts: Vec<Option<usize>> = nulls
        .iter()
        .map(|count| count.and_then(|count| usize::try_from(count).ok()))
        .collect();
    let least = extreme(
        &converter.row_group_mins(groups).ok()?,
        groups,
        &null_counts,
        std::cmp::Ordering::Less,
    );
    let greatest = extreme(
        &converter.row_group_maxes(groups).ok()?,
        groups,
        &null_counts,
        std::cmp::Ordering::Greater,
    );
    let data_type = field.data_type();
    // A writer leaves NaN out of a float's bounds, and cuts long texts; whatever else there is has exact ones.
    let exact = !data_type.is_floating()
        && (data_type.is_primitive()
            || *data_type == DataType::Boolean
            || (all_true(converter.row_group_is_min_value_exact(groups).ok())
                && all_true(converter.row_group_is_max_value_exact(groups).ok())));
    Some(Bounds {
        range: least.zip(greatest),
        exact,
        null_count: null_counts.into_iter().sum(),
    })
}

fn all_true(flags: Option<BooleanArray>) -> bool {
    flags.is_some_and(|flags| flags.iter().all(|flag| flag == Some(true)))
}

/// The most extreme of the row groups' bounds; `None` unless every row group has one or holds only NULLs.
fn extreme(
    bounds: &ArrayRef,
    groups: &[RowGroupMetaData],
    null_counts: &[Option<usize>],
    wanted: std::cmp::Ordering,
) -> Option<ScalarValue> {
    let mut result: Option<ScalarValue> = None;
    for (index, group) in groups.iter().enumerate() {
        if bounds.is_null(index) {
            let only_nulls = null_counts[index].is_some_and(|nulls| i64::try_from(nulls) == Ok(group.num_rows()));
            if only_nulls {
                continue;
            }
            return None;
        }
        let bound = ScalarValue::try_from_array(bounds, index).ok()?;
        result = match result {
            Some(so_far) if bound.partial_cmp(&so_far)? != wanted => Some(so_far),
            _ => Some(bound),
        };
    }
    result
}

/// Statistics of every column that the file gives to the table, as far as they follow from the file's own.
pub fn normalised_statistics(
    plan: &FilePlan,
    statistics: &FileStatistics,
    file_schema: &SchemaRef,
) -> Result<BTreeMap<String, ColumnStatistics>> {
    let ends = ends_of_ranges(statistics, file_schema)?;
    let known = plan.columns.iter().map(|(name, column)| {
        let known = column_statistics(plan, name, column, statistics, &ends);
        // What cannot be computed for a bound is unknown; it is no reason to refuse the rows.
        (name.clone(), known.unwrap_or_else(|_| ColumnStatistics::new_unknown()))
    });
    Ok(known.collect())
}

fn column_statistics(
    plan: &FilePlan,
    name: &str,
    column: &NormalisedColumn,
    statistics: &FileStatistics,
    ends: &RecordBatch,
) -> Result<ColumnStatistics> {
    let file_schema = ends.schema_ref();
    let is_constant = |leaf: &&str| statistics.columns.get(*leaf).is_some_and(Bounds::is_constant);
    let constant = leaves(&column.rule).iter().all(is_constant);
    if !constant && !follows_order(&column.rule, &column.data_type, file_schema) {
        return Ok(ColumnStatistics::new_unknown());
    }
    let values = plan.expression(name, &column.data_type, file_schema)?.evaluate(ends)?;
    let values = values.into_array(ends.num_rows())?;
    let least = ScalarValue::try_from_array(&values, 0)?;
    let greatest = ScalarValue::try_from_array(&values, 1)?;
    if constant {
        return Ok(of_constant(least, statistics.rows));
    }
    if least > greatest {
        // Beyond the range of the table's type, values wrap around.
        return Ok(ColumnStatistics::new_unknown());
    }
    Ok(of_range(least, greatest, column, statistics, file_schema))
}

/// Two rows: the least and the greatest value of every column, NULL where unknown.
fn ends_of_ranges(statistics: &FileStatistics, file_schema: &SchemaRef) -> Result<RecordBatch> {
    let mut fields = Vec::with_capacity(file_schema.fields().len());
    let mut arrays = Vec::with_capacity(file_schema.fields().len());
    for field in file_schema.fields() {
        let range = statistics
            .columns
            .get(field.name())
            .and_then(|bounds| bounds.range.clone());
        let values = match range {
            Some((least, greatest)) => vec![least.cast_to(field.data_type())?, greatest.cast_to(field.data_type())?],
            None => vec![ScalarValue::try_new_null(field.data_type())?; 2],
        };
        arrays.push(ScalarValue::iter_to_array(values)?);
        fields.push(field.as_ref().clone().with_nullable(true));
    }
    let schema = SchemaRef::new(Schema::new(fields));
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(2));
    Ok(RecordBatch::try_new_with_options(schema, arrays, &options)?)
}

fn of_constant(value: ScalarValue, rows: usize) -> ColumnStatistics {
    let nulls = if value.is_null() { rows } else { 0 };
    let known = ColumnStatistics::new_unknown().with_null_count(Precision::Exact(nulls));
    if value.is_null() {
        return known;
    }
    known
        .with_min_value(Precision::Exact(value.clone()))
        .with_max_value(Precision::Exact(value))
}

fn of_range(
    least: ScalarValue,
    greatest: ScalarValue,
    column: &NormalisedColumn,
    statistics: &FileStatistics,
    file_schema: &Schema,
) -> ColumnStatistics {
    let NormalisedColumn { rule, data_type } = column;
    let leaf = leaves(rule).first().and_then(|leaf| statistics.columns.get(*leaf));
    let bounds = leaf.cloned().unwrap_or_default();
    let lossless = keeps_values(rule, data_type, file_schema);
    let certain = bounds.exact && lossless && !data_type.is_floating();
    let precision = |value: ScalarValue| match value {
        value if value.is_null() => Precision::Absent,
        value if certain => Precision::Exact(value),
        value => Precision::Inexact(value),
    };
    let nulls = match bounds.null_count {
        Some(nulls) if lossless => Precision::Exact(nulls),
        _ => Precision::Absent,
    };
    let (least, greatest) = (precision(least), precision(greatest));
    ColumnStatistics::new_unknown()
        .with_null_count(nulls)
        .with_min_value(least)
        .with_max_value(greatest)
}

/// The file's columns that a rule reads.
fn leaves(rule: &ColumnRule) -> Vec<&str> {
    match rule {
        ColumnRule::Null | ColumnRule::Constant(_) => Vec::new(),
        ColumnRule::Column(column)
        | ColumnRule::Epoch { column, .. }
        | ColumnRule::Scaled { column, .. }
        | ColumnRule::DateText { column, .. } => vec![column],
        ColumnRule::DayOf(inner) | ColumnRule::EndOf(inner) => leaves(inner),
        ColumnRule::Coalesce(first, second) => [leaves(first), leaves(second)].concat(),
        ColumnRule::Platform { os_name, application } => [leaves(os_name), leaves(application)].concat(),
    }
}

/// Whether greater values in the file are greater (or equal) values in the table.
fn follows_order(rule: &ColumnRule, data_type: &DataType, file_schema: &Schema) -> bool {
    match rule {
        ColumnRule::Column(column) => file_schema
            .field_with_name(column)
            .is_ok_and(|field| orders_alike(field.data_type(), data_type)),
        ColumnRule::Epoch { .. } | ColumnRule::Scaled { .. } | ColumnRule::DateText { format: Some(_), .. } => true,
        ColumnRule::DayOf(inner) | ColumnRule::EndOf(inner) => follows_order(inner, &super::time_type(), file_schema),
        _ => false,
    }
}

fn orders_alike(from: &DataType, to: &DataType) -> bool {
    let ordered = |data_type: &DataType| data_type.is_numeric() || data_type.is_temporal();
    from == to || (is_text(from) && is_text(to)) || (ordered(from) && ordered(to))
}

/// Whether every value survives the rule, so that no NULL is added and no bound is moved.
fn keeps_values(rule: &ColumnRule, data_type: &DataType, file_schema: &Schema) -> bool {
    let from = |column: &str| {
        file_schema
            .field_with_name(column)
            .map(|field| field.data_type().clone())
    };
    match rule {
        ColumnRule::Column(column) => from(column).is_ok_and(|from| {
            from == *data_type
                || (is_text(&from) && is_text(data_type))
                || (from.is_temporal() && data_type.is_temporal())
                || (from.is_integer() && from != DataType::UInt64 && *data_type == DataType::Int64)
                || (from.is_floating() && *data_type == DataType::Float64)
        }),
        ColumnRule::Epoch { column, .. } => from(column).is_ok_and(|from| from.is_signed_integer()),
        ColumnRule::DayOf(inner) | ColumnRule::EndOf(inner) => keeps_values(inner, &super::time_type(), file_schema),
        _ => false,
    }
}
