//! Arrow cells as the text that PostgreSQL prints for the same values, so that one expected file serves every way in.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// The cells of one row.
pub fn row(batch: &RecordBatch, row: usize) -> Vec<String> {
    batch
        .columns()
        .iter()
        .map(|column| spelled(cell(column.as_ref(), row).as_deref()))
        .collect()
}

/// NULL and the empty text, which a file of expected rows could not show otherwise.
pub fn spelled(value: Option<&str>) -> String {
    match value {
        None => "NULL".to_string(),
        Some("") => "(empty)".to_string(),
        Some(text) => text.to_string(),
    }
}

fn cell(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Boolean => if array.as_boolean().value(row) { "t" } else { "f" }.to_string(),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => float(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, zone) => {
            let shown = display(array, row, "%Y-%m-%d %H:%M:%S%.f");
            if zone.is_some() { format!("{shown}+00") } else { shown }
        }
        DataType::Struct(_) => {
            let record = array.as_struct();
            let cells: Vec<String> = record
                .columns()
                .iter()
                .map(|column| cell(column.as_ref(), row).unwrap_or_default())
                .collect();
            format!("({})", cells.join(","))
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let cells: Vec<String> = (0..items.len())
                .map(|index| cell(items.as_ref(), index).unwrap_or("NULL".to_string()))
                .collect();
            format!("{{{}}}", cells.join(","))
        }
        _ => display(array, row, "%Y-%m-%d %H:%M:%S%.f"),
    })
}

/// The shortest digits that read back as the same number, with PostgreSQL's names for the rest.
fn float(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_string()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_string()
    } else if value != 0.0 && !(1e-5..1e15).contains(&value.abs()) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').expect("an exponent");
        let exponent: i32 = exponent.parse().expect("a whole exponent");
        format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
    } else {
        value.to_string()
    }
}

fn display(array: &dyn Array, row: usize, timestamps: &str) -> String {
    let options = FormatOptions::new()
        .with_timestamp_format(Some(timestamps))
        .with_timestamp_tz_format(Some(timestamps));
    ArrayFormatter::try_new(array, &options)
        .expect("a printable array")
        .value(row)
        .to_string()
}
