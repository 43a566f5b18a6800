//! From rows of text to a catalog relation's columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, ListBuilder, RecordBatch,
    RecordBatchOptions, StringArray, StringBuilder, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::facts::{ColumnFacts, RelationFacts};
use super::reg::TYPE_KEY;
use super::types::arrow_type;
use crate::error::{Error, Result};

/// A cell as PostgreSQL writes it; `None` is NULL.
pub type Cell = Option<String>;

/// Rows of some of a relation's columns. The others have the value that says nothing: NULL, or zero where NULL may
/// not be.
#[derive(Debug, Default)]
pub struct Rows {
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<Cell>>,
}

impl Rows {
    pub fn new(columns: &[&'static str]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: vec![],
        }
    }

    pub fn push<const COLUMNS: usize>(&mut self, row: [Cell; COLUMNS]) {
        self.rows.push(row.into());
    }

    /// A column that has the same value in every row.
    pub fn constant(&mut self, column: &'static str, value: &str) {
        self.columns.push(column);
        for row in &mut self.rows {
            row.push(Some(value.to_string()));
        }
    }
}

/// A value as a cell.
pub fn cell(value: impl ToString) -> Cell {
    Some(value.to_string())
}

/// A truth as a cell.
pub fn truth(value: bool) -> Cell {
    cell(if value { "t" } else { "f" })
}

/// The Arrow schema of a catalog relation. A column's metadata names its PostgreSQL type where Arrow cannot.
pub fn schema_of(relation: &RelationFacts) -> SchemaRef {
    let fields: Vec<Field> = relation.columns.iter().map(field_of).collect();
    Arc::new(Schema::new(fields))
}

fn field_of(column: &ColumnFacts) -> Field {
    let field = Field::new(column.name, arrow_type(&column.type_name), true);
    match column.type_name.as_str() {
        // The standard's domains go out as the types beneath them.
        "sql_identifier" => named(field, "name"),
        "character_data" | "yes_or_no" => named(field, "varchar"),
        "oid" | "xid" | "name" | "\"char\"" | "regproc" | "regtype" | "regclass" | "int2vector" | "oidvector"
        | "oid[]" | "name[]" | "\"char\"[]" => {
            let plain = column.type_name.replace('"', "");
            named(field, &plain)
        }
        _ => field,
    }
}

fn named(field: Field, type_name: &str) -> Field {
    field.with_metadata([(TYPE_KEY.to_string(), type_name.to_string())].into())
}

/// Builds the relation's columns from the rows that are known.
pub fn build(relation: &RelationFacts, rows: &Rows) -> Result<RecordBatch> {
    let schema = schema_of(relation);
    let columns: Result<Vec<ArrayRef>> = relation
        .columns
        .iter()
        .map(|column| {
            let data_type = arrow_type(&column.type_name);
            match rows.columns.iter().position(|name| *name == column.name) {
                Some(index) => array(&data_type, rows.rows.iter().map(|row| row[index].as_deref())),
                None if column.not_null => {
                    let zero = zero(&data_type);
                    array(&data_type, rows.rows.iter().map(|_| Some(zero)))
                }
                None => Ok(new_null_array(&data_type, rows.rows.len())),
            }
        })
        .collect();
    let count = RecordBatchOptions::new().with_row_count(Some(rows.rows.len()));
    Ok(RecordBatch::try_new_with_options(schema, columns?, &count)?)
}

fn zero(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "f",
        DataType::Utf8 | DataType::List(_) => "",
        _ => "0",
    }
}

fn array<'a>(data_type: &DataType, cells: impl Iterator<Item = Option<&'a str>>) -> Result<ArrayRef> {
    Ok(match data_type {
        DataType::Boolean => Arc::new(cells.map(|cell| cell.map(|text| text == "t")).collect::<BooleanArray>()),
        DataType::Utf8 => Arc::new(cells.collect::<StringArray>()),
        DataType::Int16 => Arc::new(numbers(cells)?.into_iter().collect::<Int16Array>()),
        DataType::Int32 => Arc::new(numbers(cells)?.into_iter().collect::<Int32Array>()),
        DataType::Int64 => Arc::new(numbers(cells)?.into_iter().collect::<Int64Array>()),
        DataType::Float32 => Arc::new(numbers(cells)?.into_iter().collect::<Float32Array>()),
        DataType::Float64 => Arc::new(numbers(cells)?.into_iter().collect::<Float64Array>()),
        DataType::Timestamp(_, zone) => {
            let micros: TimestampMicrosecondArray = numbers(cells)?.into_iter().collect();
            Arc::new(micros.with_timezone_opt(zone.clone()))
        }
        DataType::List(_) => lists(data_type, cells)?,
        other => {
            let count = cells.count();
            if count > 0 {
                return Err(Error::internal(format!("catalog rows of type {other} are not made")));
            }
            new_null_array(other, 0)
        }
    })
}

fn numbers<'a, T: std::str::FromStr>(cells: impl Iterator<Item = Option<&'a str>>) -> Result<Vec<Option<T>>> {
    cells
        .map(|cell| {
            cell.map(|text| {
                text.parse()
                    .map_err(|_| Error::internal(format!("a catalog number is \"{text}\"")))
            })
            .transpose()
        })
        .collect()
}

/// Vectors (`1 2 3`) and arrays (`{a,b}`, without quotes inside).
fn lists<'a>(data_type: &DataType, cells: impl Iterator<Item = Option<&'a str>>) -> Result<ArrayRef> {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for cell in cells {
        let Some(text) = cell else {
            builder.append_null();
            continue;
        };
        let inner = text.trim_start_matches('{').trim_end_matches('}');
        let items = inner.split([',', ' ']).filter(|item| !item.is_empty());
        builder.append_value(items.map(Some));
    }
    Ok(cast(&builder.finish(), data_type)?)
}
