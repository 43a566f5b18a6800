use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use pgwire::api::Type;

use super::parameter;
use crate::error::{ErrorKind, Result};
use crate::wire::postgres::encode::Zone;
use crate::wire::postgres::types::{Format, declared_type};

fn bytes(hexadecimal: &str) -> Vec<u8> {
    (0..hexadecimal.len())
        .step_by(2)
        .map(|start| u8::from_str_radix(&hexadecimal[start..start + 2], 16).unwrap())
        .collect()
}

fn read(value: &[u8], of: &Type, format: Format) -> Result<ScalarValue> {
    let target = declared_type(of.oid()).unwrap();
    parameter(Some(value), of.oid(), format, &target, Zone::named("Asia/Kolkata"))
}

/// The binary forms are PostgreSQL 15's own, from its send functions.
#[test]
fn text_and_binary_forms_of_a_value_are_read_alike() {
    let cases = [
        (Type::BOOL, "t", "01"),
        (Type::INT2, "-7", "fff9"),
        (Type::INT4, "-2147483648", "80000000"),
        (Type::INT8, "4294967295", "00000000ffffffff"),
        (Type::FLOAT8, "1e-05", "3ee4f8b588e368f1"),
        (Type::FLOAT8, "-Infinity", "fff0000000000000"),
        (Type::FLOAT4, "0.1", "3dcccccd"),
        (
            Type::NUMERIC,
            "18446744073709551615",
            "000500040000000007341a5802e103bb064f",
        ),
        (Type::NUMERIC, "-1.50", "000200004000000200011388"),
        (Type::NUMERIC, "12345.6789", "0003000100000004000109291a85"),
        (Type::NUMERIC, "0.00001234", "0001fffe0000000804d2"),
        (Type::NUMERIC, "100000000", "00010002000000000001"),
        (Type::NUMERIC, "0.00", "0000000000000002"),
        (Type::DATE, "1969-12-31", "ffffd532"),
        (Type::TIME, "01:02:03.5", "00000000ddf019e0"),
        (Type::TIMESTAMP, "2018-06-03 01:02:03.000001", "000210b1223b78c1"),
        (Type::TIMESTAMPTZ, "2018-06-03 06:32:03.5", "000210b1224319e0"),
        (Type::TIMESTAMPTZ, "2018-06-03 01:02:03.5+00", "000210b1224319e0"),
        (Type::TIMESTAMPTZ, "2018-06-03 02:00+02", "000210b044530000"),
        (Type::TIMESTAMP, "2018-06-03 02:00", "000210b1f17a4800"),
        (Type::TIMESTAMP, "2018-06-03T02:00:00 Europe/Berlin", "000210b1f17a4800"),
        (
            Type::INTERVAL,
            "1 year 2 mons -3 days +04:05:06.789",
            "000000036c97ca88fffffffd0000000e",
        ),
        (
            Type::INTERVAL,
            "P1Y2M-3DT4H5M6.789S",
            "000000036c97ca88fffffffd0000000e",
        ),
        (Type::INTERVAL, "-00:00:01", "fffffffffff0bdc00000000000000000"),
        (Type::BYTEA, "\\x00ff5c41", "00ff5c41"),
        (Type::BYTEA, "\\000\\377\\\\A", "00ff5c41"),
        (
            Type::UUID,
            "00112233-4455-6677-8899-AABBCCDDEEFF",
            "00112233445566778899aabbccddeeff",
        ),
        (
            Type::INT8_ARRAY,
            "{{1,2},{3,NULL}}",
            "00000002000000010000001400000002000000010000000200000001\
             000000080000000000000001000000080000000000000002000000080000000000000003ffffffff",
        ),
        (Type::TEXT_ARRAY, "{}", "000000000000000000000019"),
    ];
    for (of, text, binary) in cases {
        let from_text = read(text.as_bytes(), &of, Format::Text).unwrap();
        let from_binary = read(&bytes(binary), &of, Format::Binary).unwrap();
        assert_eq!(from_text, from_binary, "{of} {text}");
    }
    let words = read(br#"{a,"b c","",NULL,"NULL","x\"y"}"#, &Type::TEXT_ARRAY, Format::Text).unwrap();
    let expected =
        ["a", "b c", "", "?", "NULL", "x\"y"].map(|word| ScalarValue::Utf8((word != "?").then(|| word.to_string())));
    assert_eq!(
        words,
        ScalarValue::List(ScalarValue::new_list(&expected, &DataType::Utf8, true))
    );
}

#[test]
fn what_is_no_value_of_the_type_is_refused_as_postgresql_does() {
    let cases: [(Type, Format, &[u8], ErrorKind); 14] = [
        (Type::BOOL, Format::Text, b"maybe", ErrorKind::InvalidTextRepresentation),
        (Type::INT4, Format::Text, b"x1", ErrorKind::InvalidTextRepresentation),
        (Type::INT2, Format::Text, b"40000", ErrorKind::NumericValueOutOfRange),
        (
            Type::INT4,
            Format::Binary,
            b"\0\0\0",
            ErrorKind::InvalidBinaryRepresentation,
        ),
        (Type::NUMERIC, Format::Text, b"1e400", ErrorKind::NumericValueOutOfRange),
        (
            Type::NUMERIC,
            Format::Binary,
            b"\xff\xff\0\0\0\0\0\0",
            ErrorKind::InvalidBinaryRepresentation,
        ),
        (
            Type::NUMERIC,
            Format::Binary,
            b"\0\x01\0\0\0\0\0\0\xff\xff",
            ErrorKind::InvalidBinaryRepresentation,
        ),
        (
            Type::TIMESTAMPTZ,
            Format::Text,
            b"yesterday-ish",
            ErrorKind::InvalidDatetimeFormat,
        ),
        (
            Type::TIMESTAMP,
            Format::Binary,
            b"\x7f\xff\xff\xff\xff\xff\xff\xff",
            ErrorKind::DatetimeFieldOverflow,
        ),
        (Type::TEXT, Format::Text, b"\xff", ErrorKind::CharacterNotInRepertoire),
        (Type::BYTEA, Format::Text, b"\\x0", ErrorKind::InvalidParameterValue),
        (
            Type::INT8_ARRAY,
            Format::Text,
            b"{1,2",
            ErrorKind::InvalidTextRepresentation,
        ),
        (
            Type::INT8_ARRAY,
            Format::Binary,
            b"\0\0\0\x01\0\0\0\0\0\0\0\x14\x7f\xff\xff\xff\0\0\0\x01",
            ErrorKind::InvalidBinaryRepresentation,
        ),
        (Type::UUID, Format::Text, b"0011", ErrorKind::InvalidTextRepresentation),
    ];
    for (of, format, value, kind) in cases {
        let error = read(value, &of, format).unwrap_err();
        assert_eq!(error.kind, kind, "{of} {value:?}: {error}");
    }
}

#[test]
fn a_value_takes_the_type_that_the_plan_expects() {
    let zone = Zone::named("UTC");
    let target = DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("+00:00")));
    let moment = parameter(Some(b"2018-06-03"), 0, Format::Text, &target, zone).unwrap();
    assert_eq!(moment.data_type(), target);
    let wide = parameter(
        Some(b"\0\0\0\x05"),
        Type::INT4.oid(),
        Format::Binary,
        &DataType::Int64,
        zone,
    )
    .unwrap();
    assert_eq!(wide, ScalarValue::Int64(Some(5)));
    let missing = parameter(None, 0, Format::Text, &DataType::Float64, zone).unwrap();
    assert_eq!(missing, ScalarValue::Float64(None));
}
