//! Binary values.

use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalMonthDayNanoType};
use bytes::Buf;
use datafusion::common::ScalarValue;
use pgwire::api::Type;

use super::text::{decimal, uuid_text};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::postgres::frontend::utf8;
use crate::wire::postgres::types::{array_item, declared_type};

/// From 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;
/// As in PostgreSQL.
const MAX_DIMENSIONS: i32 = 6;

fn incorrect() -> Error {
    Error::new(
        ErrorKind::InvalidBinaryRepresentation,
        "incorrect binary data format in bind parameter",
    )
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| incorrect())
}

pub fn value(bytes: &[u8], postgres_type: &Type) -> Result<ScalarValue> {
    Ok(match *postgres_type {
        Type::BOOL => ScalarValue::Boolean(Some(exactly::<1>(bytes)?[0] != 0)),
        Type::INT2 => ScalarValue::Int16(Some(i16::from_be_bytes(exactly(bytes)?))),
        Type::INT4 => ScalarValue::Int32(Some(i32::from_be_bytes(exactly(bytes)?))),
        Type::INT8 => ScalarValue::Int64(Some(i64::from_be_bytes(exactly(bytes)?))),
        Type::OID | Type::REGCLASS | Type::REGTYPE | Type::REGPROC | Type::REGNAMESPACE => {
            ScalarValue::Int64(Some(i64::from(u32::from_be_bytes(exactly(bytes)?))))
        }
        Type::FLOAT4 => ScalarValue::Float32(Some(f32::from_be_bytes(exactly(bytes)?))),
        Type::FLOAT8 => ScalarValue::Float64(Some(f64::from_be_bytes(exactly(bytes)?))),
        Type::NUMERIC => numeric(bytes)?,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::CHAR | Type::JSON => text(bytes)?,
        Type::JSONB => match bytes.split_first() {
            Some((1, json)) => text(json)?,
            _ => return Err(incorrect()),
        },
        Type::UUID => ScalarValue::Utf8(Some(uuid_text(exactly(bytes)?))),
        Type::BYTEA => ScalarValue::Binary(Some(bytes.to_vec())),
        Type::DATE => {
            let days = i32::from_be_bytes(exactly(bytes)?).checked_add(EPOCH_DAYS);
            ScalarValue::Date32(Some(days.ok_or_else(|| out_of_range("date"))?))
        }
        Type::TIME => match i64::from_be_bytes(exactly(bytes)?) {
            time @ 0..86_400_000_000 => ScalarValue::Time64Microsecond(Some(time)),
            _ => return Err(out_of_range("time")),
        },
        Type::TIMESTAMP => ScalarValue::TimestampMicrosecond(Some(timestamp(bytes)?), None),
        Type::TIMESTAMPTZ => ScalarValue::TimestampMicrosecond(Some(timestamp(bytes)?), Some(Arc::from("UTC"))),
        Type::INTERVAL => interval(bytes)?,
        ref other => match array_item(other) {
            Some(_) => array(bytes)?,
            None => {
                return Err(Error::not_supported(format!(
                    "binary parameters of type {other} are not supported"
                )));
            }
        },
    })
}

fn out_of_range(what: &str) -> Error {
    Error::new(ErrorKind::DatetimeFieldOverflow, format!("{what} out of range"))
}

fn text(bytes: &[u8]) -> Result<ScalarValue> {
    Ok(ScalarValue::Utf8(Some(utf8(bytes)?.to_string())))
}

fn timestamp(bytes: &[u8]) -> Result<i64> {
    i64::from_be_bytes(exactly(bytes)?)
        .checked_add(EPOCH_MICROSECONDS)
        .ok_or_else(|| out_of_range("timestamp"))
}

fn interval(bytes: &[u8]) -> Result<ScalarValue> {
    let mut bytes = &exactly::<16>(bytes)?[..];
    let nanoseconds = bytes
        .get_i64()
        .checked_mul(1000)
        .ok_or_else(|| out_of_range("interval"))?;
    let days = bytes.get_i32();
    let months = bytes.get_i32();
    let value = IntervalMonthDayNanoType::make_value(months, days, nanoseconds);
    Ok(ScalarValue::IntervalMonthDayNano(Some(value)))
}

/// Groups of four decimal digits, the weight of the first, a sign and the scale shown.
fn numeric(mut bytes: &[u8]) -> Result<ScalarValue> {
    let mut header = || bytes.try_get_u16().map_err(|_| incorrect());
    let (groups, weight, sign, scale) = (header()?, header()? as i16, header()?, header()?);
    if bytes.remaining() != usize::from(groups) * 2 {
        return Err(incorrect());
    }
    let negative = match sign {
        0 => false,
        0x4000 => true,
        _ => {
            return Err(Error::not_supported(
                "numeric parameters cannot be NaN or infinite here; pass them as double precision",
            ));
        }
    };
    let mut digits = String::new();
    while bytes.has_remaining() {
        let group = bytes.get_u16();
        if group > 9999 {
            return Err(incorrect());
        }
        digits.push_str(&format!("{group:04}"));
    }
    if digits.is_empty() {
        digits.push('0');
    }
    // The point stands behind the digits of the groups with weights down to 0.
    let point_shift = (i32::from(weight) + 1) * 4 - digits.len() as i32;
    let text = format!("{}{digits}e{point_shift}", if negative { "-" } else { "" });
    decimal(&text, Some(usize::from(scale & 0x3fff)))
}

fn array(mut bytes: &[u8]) -> Result<ScalarValue> {
    let mut header = || bytes.try_get_i32().map_err(|_| incorrect());
    let (dimensions, _flags, item_oid) = (header()?, header()?, header()? as u32);
    if !(0..=MAX_DIMENSIONS).contains(&dimensions) {
        return Err(incorrect());
    }
    let item_type = Type::from_oid(item_oid).ok_or_else(incorrect)?;
    let mut lengths = Vec::new();
    for _ in 0..dimensions {
        let length = usize::try_from(header()?).map_err(|_| incorrect())?;
        let _lower_bound = header()?;
        lengths.push(length);
    }
    // Each element has at least its length, so the claimed number must fit into what is there.
    let claimed = lengths
        .iter()
        .try_fold(1usize, |product, length| product.checked_mul(*length));
    match claimed {
        Some(count) if lengths.is_empty() || count.checked_mul(4).is_some_and(|least| least <= bytes.len()) => {}
        _ => return Err(incorrect()),
    }
    let item = declared_type(item_oid).ok_or_else(incorrect)?;
    let value = items(&mut bytes, &lengths, &item_type, &item)?;
    if bytes.has_remaining() {
        return Err(incorrect());
    }
    Ok(value)
}

fn items(bytes: &mut &[u8], lengths: &[usize], item_type: &Type, item: &DataType) -> Result<ScalarValue> {
    let (length, inner) = lengths
        .split_first()
        .map_or((0, &[][..]), |(length, inner)| (*length, inner));
    if length == 0 {
        return Ok(ScalarValue::List(ScalarValue::new_list(&[], item, true)));
    }
    let mut values = Vec::new();
    for _ in 0..length {
        values.push(if inner.is_empty() {
            one_item(bytes, item_type, item)?
        } else {
            items(bytes, inner, item_type, item)?
        });
    }
    let value_type = values.first().map_or_else(|| item.clone(), ScalarValue::data_type);
    Ok(ScalarValue::List(ScalarValue::new_list(&values, &value_type, true)))
}

fn one_item(bytes: &mut &[u8], item_type: &Type, item: &DataType) -> Result<ScalarValue> {
    let length = bytes.try_get_i32().map_err(|_| incorrect())?;
    if length == -1 {
        return Ok(ScalarValue::try_from(item)?);
    }
    let length = usize::try_from(length).map_err(|_| incorrect())?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or_else(incorrect)?;
    *bytes = rest;
    let read = value(taken, item_type)?;
    // Decimals of one array need one scale.
    if read.data_type() == *item {
        Ok(read)
    } else {
        Ok(read.cast_to(item)?)
    }
}
