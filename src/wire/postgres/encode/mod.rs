//! Arrow values as PostgreSQL writes them, in text and in binary.

mod bytes;
mod interval_text;
mod nested;
mod numbers;
mod times;

use ::bytes::{BufMut, BytesMut};
use arrow::array::{Array, AsArray, ListArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Field, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use pgwire::api::Type;

use super::types::{Format, column_type};
use crate::error::{Error, ErrorKind, Result};
use crate::session::Settings;

pub use times::Zone;

/// The largest row that is sent, as in PostgreSQL.
const MAX_ROW_BYTES: usize = 1 << 30;

/// The settings that change how values look.
#[derive(Debug, Clone)]
pub struct Style {
    pub zone: Zone,
    interval: times::IntervalStyle,
    bytea_escaped: bool,
    extra_float_digits: i32,
}

impl Style {
    pub fn of(settings: &Settings) -> Result<Self> {
        Ok(Self {
            zone: Zone::named(settings.time_zone()),
            interval: times::IntervalStyle::named(settings.show("IntervalStyle")?),
            bytea_escaped: settings.show("bytea_output")? == "escape",
            extra_float_digits: settings.show("extra_float_digits")?.parse().unwrap_or(1),
        })
    }
}

/// One column of a batch, ready to be written value by value. Values are asked for only where they are not NULL.
pub trait Cell {
    fn is_null(&self, row: usize) -> bool;
    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()>;
    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()>;
}

/// The columns of a batch.
pub fn cells<'a>(batch: &'a RecordBatch, style: &'a Style) -> Result<Vec<Box<dyn Cell + 'a>>> {
    let columns = batch.columns().iter().zip(batch.schema_ref().fields());
    columns
        .map(|(column, field)| cell_of_type(column, field, style))
        .collect()
}

/// The writer for a column whose type may be narrower than its Arrow type: an `oid` has 32 bits.
fn cell_of_type<'a>(array: &'a dyn Array, field: &Field, style: &'a Style) -> Result<Box<dyn Cell + 'a>> {
    Ok(match column_type(field)? {
        Type::OID | Type::XID => Box::new(numbers::Whole::<_, 4>(array.as_primitive::<Int64Type>())),
        Type::OID_ARRAY => {
            let oids = array.as_list::<i32>();
            let values: &dyn Array = oids.values();
            let cell = Box::new(numbers::Whole::<_, 4>(values.as_primitive::<Int64Type>()));
            Box::new(nested::List::of(oids, cell, Type::OID.oid()))
        }
        Type::NAME_ARRAY => texts(array.as_list(), Type::NAME),
        Type::CHAR_ARRAY => texts(array.as_list(), Type::CHAR),
        Type::VARCHAR_ARRAY => texts(array.as_list(), Type::VARCHAR),
        _ => cell(array, style)?,
    })
}

/// An array of texts whose elements' type has another name.
fn texts(list: &ListArray, element: Type) -> Box<dyn Cell + '_> {
    let cell = Box::new(bytes::Text(list.values().as_string::<i32>()));
    Box::new(nested::List::of(list, cell, element.oid()))
}

/// The writer for an array.
pub fn cell<'a>(array: &'a dyn Array, style: &'a Style) -> Result<Box<dyn Cell + 'a>> {
    let digits = style.extra_float_digits;
    Ok(match array.data_type() {
        DataType::Null => Box::new(bytes::Nothing),
        DataType::Boolean => Box::new(bytes::Boolean(array.as_boolean())),
        DataType::Utf8 => Box::new(bytes::Text(array.as_string::<i32>())),
        DataType::Binary => Box::new(bytes::Bytea(array.as_binary::<i32>(), style.bytea_escaped)),
        DataType::Int8 => Box::new(numbers::Whole::<_, 2>(array.as_primitive::<Int8Type>())),
        DataType::Int16 => Box::new(numbers::Whole::<_, 2>(array.as_primitive::<Int16Type>())),
        DataType::Int32 => Box::new(numbers::Whole::<_, 4>(array.as_primitive::<Int32Type>())),
        DataType::Int64 => Box::new(numbers::Whole::<_, 8>(array.as_primitive::<Int64Type>())),
        DataType::UInt8 => Box::new(numbers::Whole::<_, 2>(array.as_primitive::<UInt8Type>())),
        DataType::UInt16 => Box::new(numbers::Whole::<_, 4>(array.as_primitive::<UInt16Type>())),
        DataType::UInt32 => Box::new(numbers::Whole::<_, 8>(array.as_primitive::<UInt32Type>())),
        DataType::UInt64 => Box::new(numbers::Numeric(array.as_primitive::<UInt64Type>(), 0)),
        DataType::Float16 => Box::new(numbers::HalfFloat(array.as_primitive::<Float16Type>(), digits)),
        DataType::Float32 => Box::new(numbers::SingleFloat(array.as_primitive::<Float32Type>(), digits)),
        DataType::Float64 => Box::new(numbers::DoubleFloat(array.as_primitive::<Float64Type>(), digits)),
        DataType::Decimal32(_, scale) => Box::new(numbers::Numeric(array.as_primitive::<Decimal32Type>(), *scale)),
        DataType::Decimal64(_, scale) => Box::new(numbers::Numeric(array.as_primitive::<Decimal64Type>(), *scale)),
        DataType::Decimal128(_, scale) => Box::new(numbers::Numeric(array.as_primitive::<Decimal128Type>(), *scale)),
        DataType::Decimal256(_, scale) => Box::new(numbers::Numeric(array.as_primitive::<Decimal256Type>(), *scale)),
        DataType::Date32 => Box::new(times::Date(array.as_primitive::<Date32Type>(), 1)),
        DataType::Date64 => Box::new(times::Date(array.as_primitive::<Date64Type>(), 86_400_000)),
        DataType::Time32(unit) | DataType::Time64(unit) => times::time_of_day(array, *unit)?,
        DataType::Timestamp(unit, zone) => times::timestamp(array, *unit, zone.is_some().then_some(&style.zone))?,
        DataType::Interval(_) | DataType::Duration(_) => times::interval(array, style.interval)?,
        DataType::List(_) => Box::new(nested::List::new(array.as_list::<i32>(), style)?),
        DataType::Struct(_) => Box::new(nested::Record::new(array.as_struct(), style)?),
        other => {
            return Err(Error::not_supported(format!(
                "a column of type {other} cannot be sent over this protocol"
            )));
        }
    })
}

/// Writes one row as a DataRow message.
pub fn data_row(cells: &[Box<dyn Cell + '_>], formats: &[Format], row: usize, out: &mut BytesMut) -> Result<()> {
    let start = out.len();
    out.put_u8(b'D');
    with_length(out, true, |out| {
        out.put_i16(i16::try_from(cells.len()).map_err(|_| too_many_columns())?);
        for (cell, format) in cells.iter().zip(formats) {
            field(cell.as_ref(), *format, row, out)?;
        }
        Ok(())
    })
    // A row that does not encode leaves nothing behind in what the client gets.
    .inspect_err(|_| out.truncate(start))
}

/// A value with its length before it, or the length that says NULL.
pub fn field(cell: &dyn Cell, format: Format, row: usize, out: &mut BytesMut) -> Result<()> {
    if cell.is_null(row) {
        out.put_i32(-1);
        return Ok(());
    }
    with_length(out, false, |out| match format {
        Format::Text => cell.text(row, out),
        Format::Binary => cell.binary(row, out),
    })
}

/// Writes a 32-bit length and what it counts; `inclusive` lengths count themselves.
pub fn with_length(out: &mut BytesMut, inclusive: bool, write: impl FnOnce(&mut BytesMut) -> Result<()>) -> Result<()> {
    let start = out.len();
    out.put_i32(0);
    write(out)?;
    let length = out.len() - start - if inclusive { 0 } else { 4 };
    match i32::try_from(length) {
        Ok(count) if length <= MAX_ROW_BYTES => {
            out[start..start + 4].copy_from_slice(&count.to_be_bytes());
            Ok(())
        }
        _ => Err(Error::new(
            ErrorKind::ProgramLimitExceeded,
            format!("a row is larger than {MAX_ROW_BYTES} bytes"),
        )),
    }
}

pub fn too_many_columns() -> Error {
    Error::new(
        ErrorKind::ProgramLimitExceeded,
        format!("a result can have at most {} columns", i16::MAX),
    )
}

#[cfg(test)]
mod tests;
