//! GetXdbcTypeInfo: the types of this server's columns, under PostgreSQL's names.

use arrow::array::RecordBatch;
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};

use super::catalog::from_builder;
use crate::error::Result;

/// What the types differ in: name, code, size in digits or characters, and the group they belong to.
const TYPES: &[(&str, XdbcDataType, Option<i32>, Group)] = &[
    ("boolean", XdbcDataType::XdbcBit, Some(1), Group::Other),
    ("smallint", XdbcDataType::XdbcSmallint, Some(5), Group::Integer),
    ("integer", XdbcDataType::XdbcInteger, Some(10), Group::Integer),
    ("bigint", XdbcDataType::XdbcBigint, Some(19), Group::Integer),
    ("real", XdbcDataType::XdbcReal, Some(24), Group::Float),
    ("double precision", XdbcDataType::XdbcDouble, Some(53), Group::Float),
    ("numeric", XdbcDataType::XdbcNumeric, Some(76), Group::Decimal),
    ("text", XdbcDataType::XdbcVarchar, None, Group::Text),
    ("bytea", XdbcDataType::XdbcVarbinary, None, Group::Text),
    (
        "date",
        XdbcDataType::XdbcDate,
        Some(10),
        Group::Time(XdbcDatetimeSubcode::XdbcSubcodeUnknown),
    ),
    (
        "time",
        XdbcDataType::XdbcTime,
        Some(15),
        Group::Time(XdbcDatetimeSubcode::XdbcSubcodeTime),
    ),
    (
        "timestamp",
        XdbcDataType::XdbcTimestamp,
        Some(26),
        Group::Time(XdbcDatetimeSubcode::XdbcSubcodeTimestamp),
    ),
    (
        "timestamptz",
        XdbcDataType::XdbcTimestamp,
        Some(32),
        Group::Time(XdbcDatetimeSubcode::XdbcSubcodeTimestampWithTimezone),
    ),
    (
        "interval",
        XdbcDataType::XdbcInterval,
        Some(49),
        Group::Time(XdbcDatetimeSubcode::XdbcSubcodeUnknown),
    ),
];

#[derive(Clone, Copy, PartialEq)]
enum Group {
    Integer,
    Float,
    Decimal,
    Text,
    Time(XdbcDatetimeSubcode),
    Other,
}

/// The types, or those of one code.
pub fn answer(data_type: Option<i32>) -> Result<RecordBatch> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for (name, code, size, group) in TYPES {
        builder.append(info(name, *code, *size, *group));
    }
    builder
        .build()
        .and_then(|types| types.record_batch(data_type))
        .map_err(from_builder)
}

fn info(name: &str, code: XdbcDataType, size: Option<i32>, group: Group) -> XdbcTypeInfo {
    let is_number = matches!(group, Group::Integer | Group::Float | Group::Decimal);
    let quote = (matches!(group, Group::Text | Group::Time(_))).then(|| "'".to_string());
    let scale = match group {
        Group::Integer => Some((0, 0)),
        Group::Decimal => Some((0, 76)),
        Group::Time(_) if code != XdbcDataType::XdbcDate => Some((0, 6)),
        _ => None,
    };
    XdbcTypeInfo {
        type_name: name.to_string(),
        data_type: code,
        column_size: size,
        literal_prefix: quote.clone(),
        literal_suffix: quote,
        create_params: (group == Group::Decimal).then(|| vec!["precision".to_string(), "scale".to_string()]),
        nullable: Nullable::NullabilityNullable,
        case_sensitive: group == Group::Text,
        searchable: Searchable::Full,
        unsigned_attribute: is_number.then_some(false),
        fixed_prec_scale: false,
        auto_increment: is_number.then_some(false),
        local_type_name: Some(name.to_string()),
        minimum_scale: scale.map(|(least, _)| least),
        maximum_scale: scale.map(|(_, most)| most),
        sql_data_type: if matches!(group, Group::Time(_)) && code != XdbcDataType::XdbcInterval {
            XdbcDataType::XdbcDatetime
        } else {
            code
        },
        datetime_subcode: match group {
            Group::Time(subcode) if subcode != XdbcDatetimeSubcode::XdbcSubcodeUnknown => Some(subcode),
            _ => None,
        },
        num_prec_radix: match group {
            Group::Integer | Group::Decimal => Some(10),
            Group::Float => Some(2),
            _ => None,
        },
        interval_precision: (code == XdbcDataType::XdbcInterval).then_some(6),
    }
}
