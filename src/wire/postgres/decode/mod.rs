//! Parameters' values as clients send them, in text and in binary, checked before anything else sees them.

mod binary;
mod text;

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use pgwire::api::Type;

use super::encode::Zone;
use super::types::{Format, postgres_type};
use crate::error::Result;

/// Reads a parameter's value. `oid` is the type that the client declared or, if it is 0, the one it was told; `target`
/// is the type that the plan expects.
pub fn parameter(bytes: Option<&[u8]>, oid: u32, format: Format, target: &DataType, zone: Zone) -> Result<ScalarValue> {
    let Some(bytes) = bytes else {
        return Ok(ScalarValue::try_from(target)?);
    };
    let postgres_type = match Type::from_oid(oid) {
        Some(known) if known != Type::UNKNOWN => known,
        _ => postgres_type(target)?,
    };
    let value = match format {
        Format::Text => text::value(super::frontend::utf8(bytes)?, &postgres_type, zone)?,
        Format::Binary => binary::value(bytes, &postgres_type)?,
    };
    fit(value, target)
}

/// Casts a value to the type the plan expects. A numeric keeps the digits it came with.
fn fit(value: ScalarValue, target: &DataType) -> Result<ScalarValue> {
    let value_type = value.data_type();
    let keeps_its_own = is_decimal(&value_type) && is_decimal(target)
        // One array type stands for any number of dimensions.
        || dimensions(&value_type) > 0 && dimensions(target) > 0 && dimensions(&value_type) != dimensions(target);
    if value_type == *target || keeps_its_own {
        return Ok(value);
    }
    if let (ScalarValue::TimestampMicrosecond(microseconds, _), DataType::Timestamp(unit, zone)) = (&value, target)
        && *unit == arrow::datatypes::TimeUnit::Microsecond
    {
        return Ok(ScalarValue::TimestampMicrosecond(
            *microseconds,
            zone.as_ref().map(Arc::clone),
        ));
    }
    Ok(value.cast_to(target)?)
}

fn dimensions(data_type: &DataType) -> usize {
    match data_type {
        DataType::List(item) => 1 + dimensions(item.data_type()),
        _ => 0,
    }
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..))
}

#[cfg(test)]
mod tests;
