//! The aggregates over ordered values, as functions of the array of those values: `mode() WITHIN GROUP (ORDER BY x)`
//! is `mode_of(array_agg(x ORDER BY x))`.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::{Definition, Kind, Row, wrong};
use crate::error::Result;

pub fn all() -> Vec<Definition> {
    vec![
        Definition {
            name: "mode_of",
            forms: &[&[Kind::List]],
            result: element,
            body: mode,
        },
        Definition {
            name: "percentile_disc_of",
            forms: &[&[Kind::List, Kind::Float]],
            result: element,
            body: percentile_disc,
        },
        Definition {
            name: "percentiles_cont_of",
            forms: &[&[Kind::List, Kind::List]],
            result: |_| DataType::new_list(DataType::Float64, true),
            body: percentiles_cont,
        },
    ]
}

fn element(arguments: &[DataType]) -> DataType {
    match arguments.first() {
        Some(DataType::List(item)) => item.data_type().clone(),
        _ => DataType::Null,
    }
}

/// The elements of an array that are not NULL.
fn elements(row: &Row<'_>, index: usize) -> Result<Vec<ScalarValue>> {
    let ScalarValue::List(list) = row.value(index) else {
        return Ok(vec![]);
    };
    let values = list.value(0);
    let all: datafusion::common::Result<Vec<_>> = (0..values.len())
        .map(|at| ScalarValue::try_from_array(&values, at))
        .collect();
    Ok(all?.into_iter().filter(|value| !value.is_null()).collect())
}

/// The most frequent of sorted values, the first of those that are as frequent.
fn mode(row: &Row<'_>) -> Result<ScalarValue> {
    let values = elements(row, 0)?;
    let (mut best, mut most) = (ScalarValue::Null, 0);
    for equal in values.chunk_by(|left, right| left == right) {
        if equal.len() > most {
            (best, most) = (equal[0].clone(), equal.len());
        }
    }
    Ok(best)
}

fn fraction(given: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&given) {
        return Ok(given);
    }
    Err(wrong(format!("percentile value {given} is not between 0 and 1")))
}

/// The first value whose place among the sorted reaches the fraction.
fn percentile_disc(row: &Row<'_>) -> Result<ScalarValue> {
    let values = elements(row, 0)?;
    let place = (fraction(row.float(1))? * values.len() as f64).ceil() as usize;
    Ok(values
        .get(place.saturating_sub(1))
        .cloned()
        .unwrap_or(ScalarValue::Null))
}

/// Values between neighbours, one for each fraction.
fn percentiles_cont(row: &Row<'_>) -> Result<ScalarValue> {
    let as_float = |value: &ScalarValue| match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(Some(number))) => Some(number),
        _ => None,
    };
    let values: Vec<f64> = elements(row, 0)?.iter().filter_map(as_float).collect();
    if values.is_empty() {
        return Ok(ScalarValue::Null);
    }
    let mut found = Vec::new();
    for given in elements(row, 1)?.iter().filter_map(as_float) {
        let place = fraction(given)? * (values.len() - 1) as f64;
        let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
        found.push(ScalarValue::from(below + (above - below) * place.fract()));
    }
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(
        &found,
        &DataType::Float64,
    )))
}
