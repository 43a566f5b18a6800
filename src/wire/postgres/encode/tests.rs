//! Every expectation here is what PostgreSQL 15 answered for the same values, as text and from its send functions.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int64Type, IntervalDayTime, IntervalMonthDayNano, i256,
};

use super::*;

fn style() -> Style {
    let mut settings = Settings::default();
    settings.set("TimeZone", Some("Asia/Kolkata")).unwrap();
    Style::of(&settings).unwrap()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks each value of an array against PostgreSQL's text and binary.
fn check(array: &dyn Array, style: &Style, expected: &[(&str, &str)]) {
    assert_eq!(array.len(), expected.len());
    let cell = cell(array, style).unwrap();
    for (row, (text, binary)) in expected.iter().enumerate() {
        let mut out = BytesMut::new();
        cell.text(row, &mut out).unwrap();
        assert_eq!(String::from_utf8_lossy(&out), *text, "text of row {row}");
        out.clear();
        cell.binary(row, &mut out).unwrap();
        assert_eq!(hexadecimal(&out), *binary, "binary of {text}");
    }
}

#[test]
fn whole_numbers() {
    let style = style();
    check(&Int8Array::from(vec![-7]), &style, &[("-7", "fff9")]);
    check(&Int16Array::from(vec![-7]), &style, &[("-7", "fff9")]);
    check(
        &Int32Array::from(vec![i32::MIN]),
        &style,
        &[("-2147483648", "80000000")],
    );
    check(&UInt16Array::from(vec![u16::MAX]), &style, &[("65535", "0000ffff")]);
    check(
        &UInt32Array::from(vec![u32::MAX]),
        &style,
        &[("4294967295", "00000000ffffffff")],
    );
    let least = ("-9223372036854775808", "8000000000000000");
    check(&Int64Array::from(vec![i64::MIN]), &style, &[least]);
    let most = ("18446744073709551615", "000500040000000007341a5802e103bb064f");
    check(&UInt64Array::from(vec![u64::MAX]), &style, &[most]);
    check(
        &BooleanArray::from(vec![true, false]),
        &style,
        &[("t", "01"), ("f", "00")],
    );
}

#[test]
fn decimals() {
    let style = style();
    let scaled = |unscaled: i128, scale: i8| {
        let array = Decimal128Array::from(vec![unscaled]);
        array.with_precision_and_scale(38, scale).unwrap()
    };
    let cases = [
        (0, 0, "0", "0000000000000000"),
        (0, 2, "0.00", "0000000000000002"),
        (-150, 2, "-1.50", "000200004000000200011388"),
        (123_456_789, 4, "12345.6789", "0003000100000004000109291a85"),
        (1, 4, "0.0001", "0001ffff000000040001"),
        (1234, 8, "0.00001234", "0001fffe0000000804d2"),
        (1, -4, "10000", "00010001000000000001"),
        (100_000_000, 0, "100000000", "00010002000000000001"),
        (-5, 1, "-0.5", "0001ffff400000011388"),
        (1_234_500_000, 0, "1234500000", "0002000200000000000c0d7a"),
    ];
    for (unscaled, scale, text, binary) in cases {
        // A decimal's own scale may be negative in Arrow; PostgreSQL shows none then.
        check(&scaled(unscaled, scale), &style, &[(text, binary)]);
    }
    let nines = "9".repeat(38);
    let expected = [(
        nines.as_str(),
        "000a0009000000000063270f270f270f270f270f270f270f270f270f",
    )];
    let wide = Decimal256Array::from(vec![i256::from_string(&nines).unwrap()]);
    check(&wide.with_precision_and_scale(76, 0).unwrap(), &style, &expected);
}

#[test]
fn floats() {
    let style = style();
    let cases: [(f64, &str, &str); 17] = [
        (1e15, "1e+15", "430c6bf526340000"),
        (1e14, "100000000000000", "42d6bcc41e900000"),
        (123_456_789_012_345_678.0, "1.2345678901234568e+17", "437b69b4ba630f35"),
        (0.0001, "0.0001", "3f1a36e2eb1c432d"),
        (0.00001, "1e-05", "3ee4f8b588e368f1"),
        (1e300, "1e+300", "7e37e43c8800759c"),
        (-1.5, "-1.5", "bff8000000000000"),
        (100.0, "100", "4059000000000000"),
        (0.1 + 0.2, "0.30000000000000004", "3fd3333333333334"),
        (f64::NAN, "NaN", "7ff8000000000000"),
        (f64::INFINITY, "Infinity", "7ff0000000000000"),
        (f64::NEG_INFINITY, "-Infinity", "fff0000000000000"),
        (-0.0, "-0", "8000000000000000"),
        (5e-324, "5e-324", "0000000000000001"),
        (f64::MAX, "1.7976931348623157e+308", "7fefffffffffffff"),
        (999_999_999_999_999.9, "999999999999999.9", "430c6bf52633ffff"),
        (123_456.789, "123456.789", "40fe240c9fbe76c9"),
    ];
    for (value, text, binary) in cases {
        check(
            &PrimitiveArray::<Float64Type>::from(vec![value]),
            &style,
            &[(text, binary)],
        );
    }
    let cases: [(f32, &str, &str); 8] = [
        (1e6, "1e+06", "49742400"),
        (1e5, "100000", "47c35000"),
        (123_456.7, "123456.7", "47f1205a"),
        (1_234_567.0, "1.234567e+06", "4996b438"),
        (0.00001, "1e-05", "3727c5ac"),
        (3.4e38, "3.4e+38", "7f7fc99e"),
        (1e-40, "1e-40", "000116c2"),
        (0.1, "0.1", "3dcccccd"),
    ];
    for (value, text, binary) in cases {
        check(
            &PrimitiveArray::<Float32Type>::from(vec![value]),
            &style,
            &[(text, binary)],
        );
    }
}

#[test]
fn fewer_float_digits() {
    let mut settings = Settings::default();
    let mut text = |digits: &str, value: f64| {
        settings.set("extra_float_digits", Some(digits)).unwrap();
        let style = Style::of(&settings).unwrap();
        let array = Float64Array::from(vec![value]);
        let mut out = BytesMut::new();
        cell(&array, &style).unwrap().text(0, &mut out).unwrap();
        String::from_utf8_lossy(&out).into_owned()
    };
    assert_eq!(text("0", 0.1 + 0.2), "0.3");
    assert_eq!(text("0", 1e15), "1e+15");
    assert_eq!(text("0", 1e14), "100000000000000");
    assert_eq!(text("0", 123_456_789_012_345_678.0), "1.23456789012346e+17");
    assert_eq!(text("0", 999_999_999_999_999.9), "1e+15");
    assert_eq!(text("-14", 123.456), "1e+02");
    assert_eq!(text("-14", 1.5), "2");
}

#[test]
fn dates_and_times_of_day() {
    let style = style();
    let dates = Date32Array::from(vec![17_685, -1, -735_160, 3_789_391, 11_016]);
    let expected = [
        ("2018-06-03", "00001a48"),
        ("1969-12-31", "ffffd532"),
        ("0044-03-15 BC", "fff49d7b"),
        ("12345-01-01", "0039a782"),
        ("2000-02-29", "0000003b"),
    ];
    check(&dates, &style, &expected);
    check(
        &Date64Array::from(vec![17_685 * 86_400_000 + 5]),
        &style,
        &expected[..1],
    );
    let times = Time64MicrosecondArray::from(vec![3_723_500_000, 0, 86_399_999_999, 86_400_000_000]);
    let expected = [
        ("01:02:03.5", "00000000ddf019e0"),
        ("00:00:00", "0000000000000000"),
        ("23:59:59.999999", "000000141dd75fff"),
        ("24:00:00", "000000141dd76000"),
    ];
    check(&times, &style, &expected);
    check(&Time32MillisecondArray::from(vec![3_723_500]), &style, &expected[..1]);
    check(
        &Time64NanosecondArray::from(vec![3_723_500_000_999]),
        &style,
        &expected[..1],
    );
}

#[test]
fn timestamps() {
    let style = style();
    let local = TimestampMicrosecondArray::from(vec![1_527_987_723_000_001, -500_000, -63_517_780_800_000_000]);
    let expected = [
        ("2018-06-03 01:02:03.000001", "000210b1223b78c1"),
        ("1969-12-31 23:59:59.5", "fffca2fec4c07ee0"),
        ("0044-03-15 12:00:00 BC", "ff1af9e8fb46d000"),
    ];
    check(&local, &style, &expected);
    let moments = TimestampMicrosecondArray::from(vec![
        1_527_987_723_500_000,
        -5_364_662_400_000_000,
        -63_517_845_208_000_000,
        327_403_362_600_000_000,
    ]);
    let expected = [
        ("2018-06-03 06:32:03.5+05:30", "000210b1224319e0"),
        ("1800-01-01 05:53:28+05:53:28", "ffe993dcf8170000"),
        ("0044-03-15 00:00:00+05:53:28 BC", "ff1af9d9fc42ba00"),
        ("12345-01-01 00:00:00+05:30", "0487ce9e6ad2ba00"),
    ];
    check(&moments.with_timezone("UTC"), &style, &expected);
    let nanoseconds = TimestampNanosecondArray::from(vec![1_527_987_723_500_000_999]).with_timezone("+00:00");
    check(&nanoseconds, &style, &expected[..1]);
}

#[test]
fn timestamps_at_the_ends_of_their_range_do_not_panic() {
    let style = style();
    let ends = TimestampMicrosecondArray::from(vec![i64::MIN, i64::MAX]).with_timezone("UTC");
    let cell = cell(&ends, &style).unwrap();
    for row in 0..2 {
        let mut out = BytesMut::new();
        let _ = cell.text(row, &mut out);
        let _ = cell.binary(row, &mut out);
    }
    let seconds = TimestampSecondArray::from(vec![i64::MAX]);
    let error = super::cell(&seconds, &style)
        .unwrap()
        .text(0, &mut BytesMut::new())
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::DatetimeFieldOverflow);
}

#[test]
fn intervals() {
    let style = style();
    let nanoseconds = |microseconds: i64| microseconds * 1000;
    let intervals = IntervalMonthDayNanoArray::from(vec![
        IntervalMonthDayNano::new(14, -3, nanoseconds(14_706_789_000)),
        IntervalMonthDayNano::new(-1, 0, 0),
        IntervalMonthDayNano::new(0, 0, 0),
        IntervalMonthDayNano::new(0, 0, nanoseconds(-1_000_000)),
        IntervalMonthDayNano::new(0, 0, nanoseconds(360_000_000_000)),
        IntervalMonthDayNano::new(1, -1, nanoseconds(-500_000)),
        IntervalMonthDayNano::new(-14, 3, 0),
        IntervalMonthDayNano::new(0, 1, 0),
    ]);
    let expected = [
        (
            "1 year 2 mons -3 days +04:05:06.789",
            "000000036c97ca88fffffffd0000000e",
        ),
        ("-1 mons", "000000000000000000000000ffffffff"),
        ("00:00:00", "00000000000000000000000000000000"),
        ("-00:00:01", "fffffffffff0bdc00000000000000000"),
        ("100:00:00", "00000053d1ac10000000000000000000"),
        ("1 mon -1 days -00:00:00.5", "fffffffffff85ee0ffffffff00000001"),
        ("-1 years -2 mons +3 days", "000000000000000000000003fffffff2"),
        ("1 day", "00000000000000000000000100000000"),
    ];
    check(&intervals, &style, &expected);
    check(&IntervalYearMonthArray::from(vec![-1]), &style, &expected[1..2]);
    check(
        &IntervalDayTimeArray::from(vec![IntervalDayTime::new(0, -1000)]),
        &style,
        &expected[3..4],
    );
    // Two timestamps apart: 2018-06-01 13:00 and 2018-06-03 00:00.
    let apart = DurationMillisecondArray::from(vec![126_000_000]);
    let mut out = BytesMut::new();
    cell(&apart, &style).unwrap().text(0, &mut out).unwrap();
    assert_eq!(&out[..], b"1 day 11:00:00");
}

#[test]
fn interval_styles() {
    let intervals = IntervalMonthDayNanoArray::from(vec![
        IntervalMonthDayNano::new(-14, 3, 14_706_000_000_000),
        IntervalMonthDayNano::new(0, -1, 0),
        IntervalMonthDayNano::new(0, 1, -1_000_000_000),
        IntervalMonthDayNano::new(-14, 0, 0),
        IntervalMonthDayNano::new(0, -3, -14_706_700_000_000),
        IntervalMonthDayNano::new(0, 0, 0),
        IntervalMonthDayNano::new(0, 0, -500_000_000),
    ]);
    let expected = [
        (
            "postgres_verbose",
            [
                "@ 1 year 2 mons -3 days -4 hours -5 mins -6 secs ago",
                "@ 1 day ago",
                "@ 1 day -1 sec",
                "@ 1 year 2 mons ago",
                "@ 3 days 4 hours 5 mins 6.7 secs ago",
                "@ 0",
                "@ 0.5 secs ago",
            ],
        ),
        (
            "sql_standard",
            [
                "-1-2 +3 +4:05:06",
                "-1 0:00:00",
                "+0-0 +1 -0:00:01",
                "-1-2",
                "-3 4:05:06.7",
                "0",
                "-0:00:00.5",
            ],
        ),
        (
            "iso_8601",
            [
                "P-1Y-2M3DT4H5M6S",
                "P-1D",
                "P1DT-1S",
                "P-1Y-2M",
                "P-3DT-4H-5M-6.7S",
                "PT0S",
                "PT-0.5S",
            ],
        ),
    ];
    for (name, texts) in expected {
        let mut settings = Settings::default();
        settings.set("IntervalStyle", Some(name)).unwrap();
        let style = Style::of(&settings).unwrap();
        let cell = cell(&intervals, &style).unwrap();
        for (row, text) in texts.iter().enumerate() {
            let mut out = BytesMut::new();
            cell.text(row, &mut out).unwrap();
            assert_eq!(String::from_utf8_lossy(&out), *text, "{name}, row {row}");
        }
    }
}

#[test]
fn bytes_and_arrays() {
    let style = style();
    let bytes = BinaryArray::from(vec![&b"\x00\xff\x5c\x41"[..], b""]);
    check(&bytes, &style, &[("\\x00ff5c41", "00ff5c41"), ("\\x", "")]);
    let mut words = ListBuilder::new(StringBuilder::new());
    let items = ["a", "b c", "", "NULL", "?", "x\"y", "z\\w", "{}", " a", "a,b"];
    words.append_value(items.map(|item| (item != "?").then_some(item)));
    words.append_value(std::iter::empty::<Option<&str>>());
    let expected = [
        (
            r#"{a,"b c","","NULL",NULL,"x\"y","z\\w","{}"," a","a,b"}"#,
            "0000000100000001000000190000000a0000000100000001610000000362206300000000000000044e554c4cffffffff\
             00000003782279000000037a5c77000000027b7d00000002206100000003612c62",
        ),
        ("{}", "000000000000000000000019"),
    ];
    check(&words.finish(), &style, &expected);
    let pairs =
        ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), Some(2)]), Some(vec![Some(3), None])]);
    let item = Arc::new(Field::new("item", pairs.data_type().clone(), true));
    let square = ListArray::new(item, OffsetBuffer::from_lengths([2]), Arc::new(pairs), None);
    let expected = "00000002000000010000001400000002000000010000000200000001\
                    000000080000000000000001000000080000000000000002000000080000000000000003ffffffff";
    check(&square, &style, &[("{{1,2},{3,NULL}}", expected)]);
}

#[test]
fn arrays_that_are_not_rectangular_have_no_binary_form() {
    let style = style();
    let ragged = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), Some(vec![None, None])]);
    let item = Arc::new(Field::new("item", ragged.data_type().clone(), true));
    let array = ListArray::new(item, OffsetBuffer::from_lengths([2]), Arc::new(ragged), None);
    let cell = cell(&array, &style).unwrap();
    assert_eq!(
        cell.binary(0, &mut BytesMut::new()).unwrap_err().kind,
        ErrorKind::FeatureNotSupported
    );
}

#[test]
fn records() {
    let style = style();
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![1])),
        text("a b"),
        Arc::new(Float64Array::from(vec![None::<f64>])),
        text("x\"y"),
        text(""),
        text("(a)"),
        text("a,b"),
        text("a\\b"),
    ];
    let fields: Vec<(Arc<Field>, ArrayRef)> = columns
        .into_iter()
        .map(|column| (Arc::new(Field::new("f", column.data_type().clone(), true)), column))
        .collect();
    let expected = (
        r#"(1,"a b",,"x""y","","(a)","a,b","a\\b")"#,
        "00000008000000140000000800000000000000010000001900000003612062000002bdffffffff0000001900000003782279\
         000000190000000000000019000000032861290000001900000003612c620000001900000003615c62",
    );
    check(&StructArray::from(fields), &style, &[expected]);
    let pair: Vec<(Arc<Field>, ArrayRef)> = vec![
        (
            Arc::new(Field::new("a", DataType::Int64, true)),
            Arc::new(Int64Array::from(vec![1])),
        ),
        (Arc::new(Field::new("b", DataType::Utf8, true)), text("x")),
    ];
    let records = StructArray::from(pair);
    let item = Arc::new(Field::new("item", records.data_type().clone(), true));
    let list = ListArray::new(item, OffsetBuffer::from_lengths([1]), Arc::new(records), None);
    let expected = (
        r#"{"(1,x)"}"#,
        "0000000100000000000008c900000001000000010000001d0000000200000014000000080000000000000001\
         000000190000000178",
    );
    check(&list, &style, &[expected]);
}
