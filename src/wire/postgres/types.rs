//! Which PostgreSQL type stands for which Arrow type, both ways.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalUnit, Schema, TimeUnit};
use pgwire::api::Type;
use pgwire::messages::data::{FieldDescription, RowDescription};

use crate::error::{Error, ErrorKind, Result};
use crate::session::type_name;

/// Digits of a numeric parameter whose type says nothing about them.
const NUMERIC_PARAMETER: DataType = DataType::Decimal128(38, 10);

/// The text or binary form of a value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Binary,
}

impl Format {
    pub fn from_code(code: i16) -> Result<Self> {
        match code {
            0 => Ok(Self::Text),
            1 => Ok(Self::Binary),
            other => Err(Error::new(
                ErrorKind::InvalidParameterValue,
                format!("unsupported format code: {other}"),
            )),
        }
    }

    pub fn code(self) -> i16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }
}

/// The PostgreSQL type in which a column of this Arrow type is sent.
pub fn postgres_type(data_type: &DataType) -> Result<Type> {
    Ok(match data_type {
        DataType::Boolean => Type::BOOL,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => Type::INT2,
        DataType::UInt16 | DataType::Int32 => Type::INT4,
        DataType::UInt32 | DataType::Int64 => Type::INT8,
        DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Type::NUMERIC,
        DataType::Float16 | DataType::Float32 => Type::FLOAT4,
        DataType::Float64 => Type::FLOAT8,
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Type::TEXT,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Type::BYTEA,
        DataType::Date32 | DataType::Date64 => Type::DATE,
        DataType::Time32(_) | DataType::Time64(_) => Type::TIME,
        DataType::Timestamp(_, None) => Type::TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => Type::TIMESTAMPTZ,
        DataType::Interval(_) | DataType::Duration(_) => Type::INTERVAL,
        DataType::Struct(_) => Type::RECORD,
        DataType::List(item) => array_of(innermost(item.data_type()))?,
        other => {
            return Err(Error::not_supported(format!(
                "a column of type {other} cannot be sent over this protocol"
            )));
        }
    })
}

/// The type in which a column is sent: the one that its name says, where the values have that type's form.
pub fn column_type(field: &Field) -> Result<Type> {
    let named = type_name(field).and_then(|name| named_type(name, field.data_type()));
    named.map_or_else(|| postgres_type(field.data_type()), Ok)
}

/// A type by PostgreSQL's name, for values of the Arrow type that stands for it.
pub fn named_type(name: &str, data_type: &DataType) -> Option<Type> {
    let of_list = |item: &Field| match (name, item.data_type()) {
        ("oid[]", DataType::Int64) => Some(Type::OID_ARRAY),
        ("name[]", DataType::Utf8) => Some(Type::NAME_ARRAY),
        ("char[]", DataType::Utf8) => Some(Type::CHAR_ARRAY),
        ("varchar[]", DataType::Utf8) => Some(Type::VARCHAR_ARRAY),
        _ => None,
    };
    match (name, data_type) {
        ("oid", DataType::Int64) => Some(Type::OID),
        ("xid", DataType::Int64) => Some(Type::XID),
        ("name", DataType::Utf8) => Some(Type::NAME),
        ("char", DataType::Utf8) => Some(Type::CHAR),
        ("varchar", DataType::Utf8) => Some(Type::VARCHAR),
        ("json", DataType::Utf8) => Some(Type::JSON),
        ("xml", DataType::Utf8) => Some(Type::XML),
        (_, DataType::List(item)) => of_list(item),
        _ => None,
    }
}

/// PostgreSQL has one array type for any number of dimensions.
pub fn innermost(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::List(item) => innermost(item.data_type()),
        other => other,
    }
}

fn array_of(item: &DataType) -> Result<Type> {
    let item = postgres_type(item)?;
    Ok(match item {
        Type::BOOL => Type::BOOL_ARRAY,
        Type::INT2 => Type::INT2_ARRAY,
        Type::INT4 => Type::INT4_ARRAY,
        Type::INT8 => Type::INT8_ARRAY,
        Type::NUMERIC => Type::NUMERIC_ARRAY,
        Type::FLOAT4 => Type::FLOAT4_ARRAY,
        Type::FLOAT8 => Type::FLOAT8_ARRAY,
        Type::BYTEA => Type::BYTEA_ARRAY,
        Type::DATE => Type::DATE_ARRAY,
        Type::TIME => Type::TIME_ARRAY,
        Type::TIMESTAMP => Type::TIMESTAMP_ARRAY,
        Type::TIMESTAMPTZ => Type::TIMESTAMPTZ_ARRAY,
        Type::INTERVAL => Type::INTERVAL_ARRAY,
        Type::RECORD => Type::RECORD_ARRAY,
        _ => Type::TEXT_ARRAY,
    })
}

/// The size of a type's values as `pg_type.typlen` has it: negative where it varies.
fn type_size(postgres_type: &Type) -> i16 {
    match *postgres_type {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID | Type::XID => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ => 8,
        Type::INTERVAL => 16,
        Type::NAME => 64,
        _ => -1,
    }
}

/// The columns of a result, each in its format.
pub fn row_description(schema: &Schema, formats: &[Format]) -> Result<RowDescription> {
    let fields: Result<Vec<_>> = schema
        .fields()
        .iter()
        .zip(formats)
        .map(|(field, format)| {
            let postgres_type = column_type(field)?;
            // A NUL would end the name early.
            let name = field.name().replace('\0', "");
            Ok(FieldDescription::new(
                name,
                0,
                0,
                postgres_type.oid(),
                type_size(&postgres_type),
                -1,
                format.code(),
            ))
        })
        .collect();
    Ok(RowDescription::new(fields?))
}

/// The Arrow type of a parameter that the client declares by its oid; `None` leaves it to the planner.
pub fn declared_type(oid: u32) -> Option<DataType> {
    let postgres_type = Type::from_oid(oid)?;
    Some(match postgres_type {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 => DataType::Int32,
        Type::INT8 | Type::OID => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::NUMERIC => NUMERIC_PARAMETER,
        Type::TEXT
        | Type::VARCHAR
        | Type::BPCHAR
        | Type::NAME
        | Type::CHAR
        | Type::UUID
        | Type::JSON
        | Type::JSONB
        | Type::REGCLASS
        | Type::REGTYPE
        | Type::REGPROC
        | Type::REGNAMESPACE => DataType::Utf8,
        Type::BYTEA => DataType::Binary,
        Type::DATE => DataType::Date32,
        Type::TIME => DataType::Time64(TimeUnit::Microsecond),
        Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
        Type::INTERVAL => DataType::Interval(IntervalUnit::MonthDayNano),
        other => {
            let item = declared_type(array_item(&other)?.oid())?;
            DataType::List(Arc::new(Field::new("item", item, true)))
        }
    })
}

/// The type of an array type's elements.
pub fn array_item(array: &Type) -> Option<Type> {
    Some(match *array {
        Type::BOOL_ARRAY => Type::BOOL,
        Type::INT2_ARRAY => Type::INT2,
        Type::INT4_ARRAY => Type::INT4,
        Type::INT8_ARRAY => Type::INT8,
        Type::OID_ARRAY => Type::OID,
        Type::FLOAT4_ARRAY => Type::FLOAT4,
        Type::FLOAT8_ARRAY => Type::FLOAT8,
        Type::NUMERIC_ARRAY => Type::NUMERIC,
        Type::TEXT_ARRAY => Type::TEXT,
        Type::VARCHAR_ARRAY => Type::VARCHAR,
        Type::BPCHAR_ARRAY => Type::BPCHAR,
        Type::NAME_ARRAY => Type::NAME,
        Type::CHAR_ARRAY => Type::CHAR,
        Type::UUID_ARRAY => Type::UUID,
        Type::JSON_ARRAY => Type::JSON,
        Type::JSONB_ARRAY => Type::JSONB,
        Type::BYTEA_ARRAY => Type::BYTEA,
        Type::DATE_ARRAY => Type::DATE,
        Type::TIME_ARRAY => Type::TIME,
        Type::TIMESTAMP_ARRAY => Type::TIMESTAMP,
        Type::TIMESTAMPTZ_ARRAY => Type::TIMESTAMPTZ,
        Type::INTERVAL_ARRAY => Type::INTERVAL,
        _ => return None,
    })
}
