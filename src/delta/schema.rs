//! A table's columns in the words of the log.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Schema, TimeUnit};
use serde_json::{Value, json};

use super::state::damaged;
use crate::error::{Error, Result};

/// The types that this program's own tables have.
fn type_name(data_type: &DataType) -> Result<&'static str> {
    match data_type {
        DataType::Utf8 | DataType::Utf8View => Ok("string"),
        DataType::Int64 => Ok("long"),
        DataType::Float64 => Ok("double"),
        DataType::Date32 => Ok("date"),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Ok("timestamp"),
        other => Err(Error::internal(format!("a delta table has no column of type {other}"))),
    }
}

/// The schema as the log's metadata holds it.
pub fn schema_string(schema: &Schema) -> Result<String> {
    let fields: Result<Vec<Value>> = schema
        .fields()
        .iter()
        .map(|field| {
            Ok(json!({
                "name": field.name(),
                "type": type_name(field.data_type())?,
                "nullable": field.is_nullable(),
                "metadata": field.metadata(),
            }))
        })
        .collect();
    Ok(json!({ "type": "struct", "fields": fields? }).to_string())
}

/// The columns of a table's metadata, with their types where they are plain.
pub fn column_types(schema_string: &str) -> Result<BTreeMap<String, String>> {
    let unreadable = || damaged("the table's columns cannot be read");
    let schema: Value = serde_json::from_str(schema_string).map_err(|_| unreadable())?;
    let fields = schema.get("fields").and_then(Value::as_array).ok_or_else(unreadable)?;
    fields
        .iter()
        .map(|field| {
            let name = field.get("name").and_then(Value::as_str).ok_or_else(unreadable)?;
            let data_type = field.get("type").and_then(Value::as_str).unwrap_or("nested");
            Ok((name.to_string(), data_type.to_string()))
        })
        .collect()
}
