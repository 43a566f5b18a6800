//! What functions return: columns of numbers, texts and structs, always nullable.

use crate::statistics::confidence_sequence::RateBounds;
use crate::statistics::rate_intervals::RateInterval;
use crate::statistics::ratios::{DifferenceInterval, RatioInterval};
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Float64Builder, Int32Array, Int64Array, NullBufferBuilder, StringArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use std::sync::Arc;

/// What a function returns for a row.
pub(crate) trait Output: Sized {
    fn data_type() -> DataType;

    /// The result where an argument is not a number; NULL for types that cannot say so.
    fn nan() -> Option<Self> {
        None
    }

    fn into_array(rows: Vec<Option<Self>>) -> ArrayRef;
}

impl Output for f64 {
    fn data_type() -> DataType {
        DataType::Float64
    }

    fn nan() -> Option<Self> {
        Some(f64::NAN)
    }

    fn into_array(rows: Vec<Option<Self>>) -> ArrayRef {
        Arc::new(rows.into_iter().map(without_negative_zero).collect::<Float64Array>())
    }
}

impl Output for bool {
    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn into_array(rows: Vec<Option<Self>>) -> ArrayRef {
        Arc::new(BooleanArray::from(rows))
    }
}

impl Output for i64 {
    fn data_type() -> DataType {
        DataType::Int64
    }

    fn into_array(rows: Vec<Option<Self>>) -> ArrayRef {
        Arc::new(Int64Array::from(rows))
    }
}

impl Output for i32 {
    fn data_type() -> DataType {
        DataType::Int32
    }

    fn into_array(rows: Vec<Option<Self>>) -> ArrayRef {
        Arc::new(Int32Array::from(rows))
    }
}

impl Output for String {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn into_array(rows: Vec<Option<Self>>) -> ArrayRef {
        Arc::new(StringArray::from(rows))
    }
}

impl Output for &'static str {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn into_array(rows: Vec<Option<Self>>) -> ArrayRef {
        Arc::new(StringArray::from(rows))
    }
}

/// A moment in UTC, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Micros(pub i64);

impl Output for Micros {
    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    }

    fn into_array(rows: Vec<Option<Self>>) -> ArrayRef {
        let micros: TimestampMicrosecondArray = rows.into_iter().map(|row| row.map(|Micros(value)| value)).collect();
        Arc::new(micros.with_timezone("UTC"))
    }
}

/// No record has more fields than this.
pub(crate) const MAX_FIELDS: usize = 4;

/// A struct of doubles, each of them nullable: `rate, lower, upper` and its like.
pub(crate) trait Record: Sized {
    const FIELDS: &'static [&'static str];

    /// The fields' values, in the order of their names; what follows the last field is ignored.
    fn values(&self) -> [Option<f64>; MAX_FIELDS];

    /// The record that says "not a number" in each of its fields.
    fn all_nan() -> Self;
}

/// The struct type of a record.
pub(crate) fn record_fields<R: Record>() -> Fields {
    R::FIELDS
        .iter()
        .map(|name| Field::new(*name, DataType::Float64, true))
        .collect()
}

/// One struct array of many records; `None` is a NULL struct.
pub(crate) fn record_array<R: Record>(rows: impl ExactSizeIterator<Item = Option<R>>) -> ArrayRef {
    let length = rows.len();
    let mut columns: Vec<_> = R::FIELDS
        .iter()
        .map(|_| Float64Builder::with_capacity(length))
        .collect();
    let mut nulls = NullBufferBuilder::new(length);
    for row in rows {
        nulls.append(row.is_some());
        let values = row.map_or([None; MAX_FIELDS], |record| record.values());
        for (column, value) in columns.iter_mut().zip(values) {
            column.append_option(without_negative_zero(value));
        }
    }
    let columns = columns
        .into_iter()
        .map(|mut column| Arc::new(column.finish()) as ArrayRef)
        .collect();
    Arc::new(StructArray::new(record_fields::<R>(), columns, nulls.finish()))
}

impl Record for RateInterval {
    const FIELDS: &'static [&'static str] = &["rate", "lower", "upper"];

    fn values(&self) -> [Option<f64>; MAX_FIELDS] {
        [self.rate, Some(self.lower), Some(self.upper), None]
    }

    fn all_nan() -> Self {
        Self {
            rate: Some(f64::NAN),
            lower: f64::NAN,
            upper: f64::NAN,
        }
    }
}

/// The posterior's interval, whose centre is called `mean`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Posterior(pub RateInterval);

impl Record for Posterior {
    const FIELDS: &'static [&'static str] = &["mean", "lower", "upper"];

    fn values(&self) -> [Option<f64>; MAX_FIELDS] {
        self.0.values()
    }

    fn all_nan() -> Self {
        Self(RateInterval::all_nan())
    }
}

impl Record for RateBounds {
    const FIELDS: &'static [&'static str] = &["lower", "upper"];

    fn values(&self) -> [Option<f64>; MAX_FIELDS] {
        [Some(self.lower), Some(self.upper), None, None]
    }

    fn all_nan() -> Self {
        Self {
            lower: f64::NAN,
            upper: f64::NAN,
        }
    }
}

impl Record for RatioInterval {
    const FIELDS: &'static [&'static str] = &["ratio", "lower", "upper"];

    fn values(&self) -> [Option<f64>; MAX_FIELDS] {
        [self.ratio, self.lower, self.upper, None]
    }

    fn all_nan() -> Self {
        Self {
            ratio: Some(f64::NAN),
            lower: Some(f64::NAN),
            upper: Some(f64::NAN),
        }
    }
}

impl Record for DifferenceInterval {
    const FIELDS: &'static [&'static str] = &["difference", "lower", "upper"];

    fn values(&self) -> [Option<f64>; MAX_FIELDS] {
        [self.difference, Some(self.lower), Some(self.upper), None]
    }

    fn all_nan() -> Self {
        Self {
            difference: Some(f64::NAN),
            lower: f64::NAN,
            upper: f64::NAN,
        }
    }
}

impl<R: Record> Output for R {
    fn data_type() -> DataType {
        DataType::Struct(record_fields::<R>())
    }

    fn nan() -> Option<Self> {
        Some(R::all_nan())
    }

    fn into_array(rows: Vec<Option<Self>>) -> ArrayRef {
        record_array(rows.into_iter())
    }
}

/// Turns -0.0 into 0.0, which compares equal but prints and groups differently.
pub(crate) fn without_negative_zero(value: Option<f64>) -> Option<f64> {
    value.map(|value| value + 0.0)
}
