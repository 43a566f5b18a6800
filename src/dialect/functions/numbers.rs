//! Arithmetic that the engine lacks or rounds otherwise.

use std::cmp::Ordering;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::{Definition, Kind, Row, float_result, wrong};
use crate::error::{Error, ErrorKind, Result};

pub fn all() -> Vec<Definition> {
    vec![
        Definition {
            name: "width_bucket",
            forms: &[
                &[Kind::Float, Kind::Float, Kind::Float, Kind::Whole],
                &[Kind::Any, Kind::List],
            ],
            result: |_| DataType::Int32,
            body: width_bucket,
        },
        Definition {
            name: "round_half_even",
            forms: &[&[Kind::Float]],
            result: |_| DataType::Float64,
            body: |row| Ok(float_result(row.float(0).round_ties_even())),
        },
        Definition {
            name: "sign",
            forms: &[&[Kind::Float]],
            result: |_| DataType::Float64,
            body: |row| {
                let number = row.float(0);
                Ok(float_result(if number == 0.0 || number.is_nan() {
                    number
                } else {
                    number.signum()
                }))
            },
        },
    ]
}

/// The bucket of a number among `count` of equal width, 0 and `count + 1` for what lies outside; or the number of an
/// array's sorted bounds that are not above the value.
fn width_bucket(row: &Row<'_>) -> Result<ScalarValue> {
    let bucket = match row.value(1) {
        ScalarValue::List(bounds) => {
            let bounds = bounds.value(0);
            let mut below = 0;
            for at in 0..bounds.len() {
                let bound = ScalarValue::try_from_array(&bounds, at)?.cast_to(&row.value(0).data_type())?;
                if bound.is_null() {
                    return Err(Error::new(
                        ErrorKind::InvalidParameterValue,
                        "thresholds array must not contain NULLs",
                    ));
                }
                if bound.partial_cmp(row.value(0)) != Some(Ordering::Greater) {
                    below = at + 1;
                }
            }
            below as i64
        }
        _ => equal_bucket(row.float(0), row.float(1), row.float(2), row.whole(3))?,
    };
    i32::try_from(bucket)
        .map(|bucket| ScalarValue::Int32(Some(bucket)))
        .map_err(|_| Error::new(ErrorKind::NumericValueOutOfRange, "integer out of range"))
}

fn equal_bucket(value: f64, low: f64, high: f64, count: i64) -> Result<i64> {
    if count <= 0 {
        return Err(wrong("count must be greater than zero"));
    }
    if value.is_nan() || low.is_nan() || high.is_nan() {
        return Err(wrong("operand, lower bound, and upper bound cannot be NaN"));
    }
    if low.is_infinite() || high.is_infinite() {
        return Err(wrong("lower and upper bounds must be finite"));
    }
    if low == high {
        return Err(wrong("lower bound cannot equal upper bound"));
    }
    // Buckets may count downwards.
    let (value, low, high) = if low < high {
        (value, low, high)
    } else {
        (-value, -low, -high)
    };
    Ok(if value < low {
        0
    } else if value >= high {
        count + 1
    } else {
        ((value - low) / (high - low) * count as f64).floor() as i64 + 1
    })
}
