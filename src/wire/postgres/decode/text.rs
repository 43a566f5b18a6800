//! Text values.

use std::str::FromStr;
use std::sync::Arc;

use arrow::compute::kernels::cast_utils::{Parser, parse_interval_month_day_nano, string_to_datetime};
use arrow::datatypes::{DataType, Date32Type, Time64MicrosecondType};
use chrono::{FixedOffset, TimeZone};
use datafusion::common::ScalarValue;
use pgwire::api::Type;

use crate::error::{Error, ErrorKind, Result};
use crate::wire::postgres::encode::Zone;
use crate::wire::postgres::types::{array_item, declared_type};

/// The most digits of a numeric parameter.
const MAX_DECIMAL_DIGITS: usize = 38;
/// As in PostgreSQL.
const MAX_DIMENSIONS: usize = 6;

fn invalid(type_name: &str, text: &str) -> Error {
    Error::new(
        ErrorKind::InvalidTextRepresentation,
        format!("invalid input syntax for type {type_name}: \"{text}\""),
    )
}

fn invalid_time(type_name: &str, text: &str) -> Error {
    Error::new(
        ErrorKind::InvalidDatetimeFormat,
        format!("invalid input syntax for type {type_name}: \"{text}\""),
    )
}

pub fn value(text: &str, postgres_type: &Type, zone: Zone) -> Result<ScalarValue> {
    Ok(match *postgres_type {
        Type::BOOL => ScalarValue::Boolean(Some(boolean(text)?)),
        Type::INT2 => ScalarValue::Int16(Some(whole(text, "smallint")?)),
        Type::INT4 => ScalarValue::Int32(Some(whole(text, "integer")?)),
        Type::INT8 => ScalarValue::Int64(Some(whole(text, "bigint")?)),
        Type::OID => ScalarValue::Int64(Some(i64::from(whole::<u32>(text, "oid")?))),
        Type::FLOAT4 => ScalarValue::Float32(Some(float(text, "real")?)),
        Type::FLOAT8 => ScalarValue::Float64(Some(float(text, "double precision")?)),
        Type::NUMERIC => decimal(text.trim(), None)?,
        Type::BYTEA => ScalarValue::Binary(Some(bytea(text)?)),
        Type::DATE => ScalarValue::Date32(Some(date(text)?)),
        Type::TIME => {
            let time = Time64MicrosecondType::parse(text.trim());
            ScalarValue::Time64Microsecond(Some(time.ok_or_else(|| invalid_time("time", text))?))
        }
        Type::TIMESTAMP => ScalarValue::TimestampMicrosecond(Some(local_timestamp(text)?), None),
        Type::TIMESTAMPTZ => {
            let moment = moment(text, zone, "timestamp with time zone")?;
            ScalarValue::TimestampMicrosecond(Some(moment), Some(Arc::from("UTC")))
        }
        Type::INTERVAL => ScalarValue::IntervalMonthDayNano(Some(interval(text)?)),
        Type::UUID => ScalarValue::Utf8(Some(uuid(text)?)),
        ref other => match array_item(other) {
            Some(item) => array(text, &item, zone)?,
            None => ScalarValue::Utf8(Some(text.to_string())),
        },
    })
}

fn boolean(text: &str) -> Result<bool> {
    let word = text.trim().to_lowercase();
    let is_start_of = |full: &str| !word.is_empty() && full.starts_with(&word);
    match word.as_str() {
        "1" | "on" => Ok(true),
        "0" | "of" | "off" => Ok(false),
        _ if is_start_of("true") || is_start_of("yes") => Ok(true),
        _ if is_start_of("false") || is_start_of("no") => Ok(false),
        _ => Err(invalid("boolean", text)),
    }
}

fn whole<T: FromStr<Err = std::num::ParseIntError>>(text: &str, type_name: &str) -> Result<T> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.trim().parse::<T>().map_err(|error| match error.kind() {
        PosOverflow | NegOverflow => Error::new(
            ErrorKind::NumericValueOutOfRange,
            format!("value \"{text}\" is out of range for type {type_name}"),
        ),
        _ => invalid(type_name, text),
    })
}

fn float<T: FromStr>(text: &str, type_name: &str) -> Result<T> {
    text.trim().parse::<T>().map_err(|_| invalid(type_name, text))
}

/// A decimal number with the digits that it has, or with so many behind the point.
pub fn decimal(text: &str, fraction_digits: Option<usize>) -> Result<ScalarValue> {
    let wrong = || invalid("numeric", text);
    let too_large = || {
        Error::new(ErrorKind::NumericValueOutOfRange, "value overflows numeric format")
            .with_detail(format!("a numeric parameter may have {MAX_DECIMAL_DIGITS} digits"))
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| wrong())?),
        None => (text, 0),
    };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let mut scale = i64::from(exponent)
        .checked_neg()
        .map(|shift| shift + fraction.len() as i64)
        .ok_or_else(too_large)?;
    let most_digits = MAX_DECIMAL_DIGITS as i64;
    let significant = digits.trim_start_matches('0').len() as i64;
    if significant == 0 {
        digits = "0".to_string();
        scale = scale.clamp(0, most_digits);
    }
    let wanted = fraction_digits.map_or(scale.max(0), |wanted| wanted as i64);
    // Zeros are added up to the scale wanted, or taken away again where there are more than that.
    while scale > wanted && digits.len() > 1 && digits.ends_with('0') {
        digits.pop();
        scale -= 1;
    }
    if wanted > most_digits || wanted - scale > most_digits || scale > most_digits || significant > most_digits {
        return Err(too_large());
    }
    for _ in scale..wanted {
        digits.push('0');
    }
    scale = scale.max(wanted);
    let unscaled: i128 = digits.parse().map_err(|_| too_large())?;
    if unscaled >= 10i128.pow(MAX_DECIMAL_DIGITS as u32) {
        return Err(too_large());
    }
    // Both fit: the scale is at most 38.
    Ok(ScalarValue::Decimal128(
        Some(sign * unscaled),
        MAX_DECIMAL_DIGITS as u8,
        scale as i8,
    ))
}

fn bytea(text: &str) -> Result<Vec<u8>> {
    let wrong = || invalid("bytea", text);
    if let Some(digits) = text.strip_prefix("\\x") {
        let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        if !digits.len().is_multiple_of(2) {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                "invalid hexadecimal data: odd number of digits",
            ));
        }
        return digits
            .chunks(2)
            .map(|pair| {
                let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
                u8::from_str_radix(pair, 16).map_err(|_| wrong())
            })
            .collect();
    }
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match (first, tail) {
            (b'\\', [b'\\', after @ ..]) => {
                rest = after;
                b'\\'
            }
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                rest = after;
                (a - b'0') * 64 + (b - b'0') * 8 + (c - b'0')
            }
            (b'\\', _) => return Err(wrong()),
            (byte, _) => *byte,
        });
    }
    Ok(bytes)
}

fn date(text: &str) -> Result<i32> {
    let trimmed = text.trim();
    if let Some(days) = Date32Type::parse(trimmed) {
        return Ok(days);
    }
    // A timestamp given for a date counts as the date it names.
    let day = trimmed.get(..10).and_then(Date32Type::parse);
    day.filter(|_| trimmed[10..].starts_with([' ', 'T']))
        .ok_or_else(|| invalid_time("date", text))
}

/// A timestamp without a zone: an offset in its text is read and ignored, as in PostgreSQL.
fn local_timestamp(text: &str) -> Result<i64> {
    let utc = FixedOffset::east_opt(0).ok_or_else(|| invalid_time("timestamp", text))?;
    let full = with_seconds(text.trim());
    let (date, clock) = full.split_at_checked(11).unwrap_or((&full, ""));
    let end = clock.find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, ':' | '.'));
    let local = format!("{date}{}", &clock[..end.unwrap_or(clock.len())]);
    string_to_datetime(&utc, local.trim_end())
        .map(|moment| moment.timestamp_micros())
        .map_err(|_| invalid_time("timestamp", text))
}

/// `2018-06-03 02:00` with the seconds that may be left out.
fn with_seconds(text: &str) -> String {
    match text.as_bytes().get(10..) {
        Some([b' ' | b'T' | b't', a, b, b':', c, d, rest @ ..])
            if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()) && rest.first() != Some(&b':') =>
        {
            // All bytes up to here are ASCII, so this is no place inside a character.
            format!("{}:00{}", &text[..16], &text[16..])
        }
        _ => text.to_string(),
    }
}

/// A moment; where its text names no offset it is in the session's zone.
fn moment(text: &str, zone: Zone, type_name: &str) -> Result<i64> {
    fn read<T: TimeZone>(zone: &T, text: &str) -> Option<i64> {
        string_to_datetime(zone, text)
            .ok()
            .map(|moment| moment.timestamp_micros())
    }
    let full = with_seconds(text.trim());
    let read = match zone {
        Zone::Named(zone) => read(&zone, &full),
        Zone::FixedSeconds(seconds) => FixedOffset::east_opt(seconds).and_then(|zone| read(&zone, &full)),
    };
    read.ok_or_else(|| invalid_time(type_name, text))
}

/// `1 day 02:03:04`, `1 mon -2 days`, `P1DT2H`: a clock and ISO 8601 are written out in units first.
fn interval(text: &str) -> Result<arrow::datatypes::IntervalMonthDayNano> {
    let wrong = || invalid_time("interval", text);
    let mut spelled = String::new();
    let source = iso_8601_units(text.trim()).unwrap_or_else(|| text.trim().trim_start_matches('@').to_string());
    for word in source.split_whitespace() {
        if word.contains(':') {
            let (sign, clock) = match word.strip_prefix('-') {
                Some(rest) => ("-", rest),
                None => ("", word.strip_prefix('+').unwrap_or(word)),
            };
            for (part, unit) in clock.split(':').zip(["hours", "minutes", "seconds"]) {
                spelled.push_str(&format!("{sign}{part} {unit} "));
            }
        } else {
            spelled.push_str(word.strip_prefix('+').unwrap_or(word));
            spelled.push(' ');
        }
    }
    parse_interval_month_day_nano(spelled.trim()).map_err(|_| wrong())
}

fn iso_8601_units(text: &str) -> Option<String> {
    let mut spelled = String::new();
    let mut in_time = false;
    let mut number = String::new();
    for letter in text.strip_prefix('P')?.chars() {
        let unit = match (letter, in_time) {
            ('T', false) => {
                in_time = true;
                continue;
            }
            ('0'..='9' | '.' | '-' | '+', _) => {
                number.push(letter);
                continue;
            }
            ('Y', false) => "years",
            ('M', false) => "months",
            ('W', false) => "weeks",
            ('D', false) => "days",
            ('H', true) => "hours",
            ('M', true) => "minutes",
            ('S', true) => "seconds",
            _ => return None,
        };
        spelled.push_str(&format!("{number} {unit} "));
        number.clear();
    }
    (number.is_empty() && !spelled.is_empty()).then_some(spelled)
}

/// With or without hyphens and braces, in any case.
fn uuid(text: &str) -> Result<String> {
    let wrong = || invalid("uuid", text);
    let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
    let digits: String = inner.chars().filter(|letter| *letter != '-').collect();
    let mut bytes = [0u8; 16];
    if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(uuid_text(bytes))
}

/// A UUID as PostgreSQL writes it.
pub fn uuid_text(bytes: [u8; 16]) -> String {
    let mut text = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// `{1,2,NULL}`, `{"a b",c}`, `{{1,2},{3,4}}`.
fn array(text: &str, item_type: &Type, zone: Zone) -> Result<ScalarValue> {
    let malformed = || {
        Error::new(
            ErrorKind::InvalidTextRepresentation,
            format!("malformed array literal: \"{text}\""),
        )
    };
    let item = declared_type(item_type.oid()).ok_or_else(malformed)?;
    let mut reader = ArrayReader {
        rest: text.trim(),
        item_type,
        item: &item,
        zone,
    };
    let value = reader.list(0).and_then(|value| value.ok_or_else(malformed))?;
    if reader.rest.trim().is_empty() {
        Ok(value)
    } else {
        Err(malformed())
    }
}

struct ArrayReader<'a> {
    rest: &'a str,
    item_type: &'a Type,
    item: &'a DataType,
    zone: Zone,
}

impl ArrayReader<'_> {
    fn take(&mut self, expected: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// `None` where the text is no array.
    fn list(&mut self, level: usize) -> Result<Option<ScalarValue>> {
        if level >= MAX_DIMENSIONS || !self.take('{') {
            return Ok(None);
        }
        let mut values = Vec::new();
        if !self.take('}') {
            loop {
                let value = if self.rest.trim_start().starts_with('{') {
                    self.list(level + 1)?
                } else {
                    self.scalar()?
                };
                let Some(value) = value else { return Ok(None) };
                values.push(value);
                if self.take('}') {
                    break;
                }
                if !self.take(',') {
                    return Ok(None);
                }
            }
        }
        let value_type = values.first().map_or_else(|| self.item.clone(), ScalarValue::data_type);
        if values.iter().any(|value| value.data_type() != value_type) {
            return Ok(None);
        }
        Ok(Some(ScalarValue::List(ScalarValue::new_list(
            &values,
            &value_type,
            true,
        ))))
    }

    fn scalar(&mut self) -> Result<Option<ScalarValue>> {
        self.rest = self.rest.trim_start();
        let quoted = self.rest.starts_with('"');
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(usize::from(quoted));
        let end = loop {
            match characters.next() {
                None => return Ok(None),
                Some((_, '\\')) => match characters.next() {
                    Some((_, escaped)) => text.push(escaped),
                    None => return Ok(None),
                },
                Some((index, '"')) if quoted => break index + 1,
                Some((_, '"')) => return Ok(None),
                Some((index, ',' | '}')) if !quoted => break index,
                Some((_, '{')) if !quoted => return Ok(None),
                Some((_, other)) => text.push(other),
            }
        };
        self.rest = &self.rest[end..];
        if !quoted {
            text.truncate(text.trim_end().len());
            if text.is_empty() {
                return Ok(None);
            }
            if text.eq_ignore_ascii_case("null") {
                return Ok(Some(ScalarValue::try_from(self.item)?));
            }
        }
        let read = value(&text, self.item_type, self.zone)?;
        Ok(Some(if read.data_type() == *self.item {
            read
        } else {
            read.cast_to(self.item)?
        }))
    }
}
