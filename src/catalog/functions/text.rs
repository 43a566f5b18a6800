//! Quoting and arrays, as catalog queries use them.

use arrow::datatypes::DataType::{Int32, Utf8};
use datafusion::common::ScalarValue;

use super::{Arguments, Context, Definition, lenient, strict, text};
use crate::catalog::reg::quoted;
use crate::error::{Error, ErrorKind, Result};

pub fn all() -> Vec<Definition> {
    vec![
        strict("quote_ident", Utf8, |arguments, _| {
            Ok(text(arguments.text(0).map(|name| quoted(&name))))
        }),
        strict("quote_literal", Utf8, |arguments, _| {
            Ok(text(arguments.text(0).map(|value| literal(&value))))
        }),
        lenient("quote_nullable", Utf8, |arguments, _| {
            let shown = arguments
                .text(0)
                .map_or_else(|| "NULL".to_string(), |value| literal(&value));
            Ok(text(Some(shown)))
        }),
        lenient("format", Utf8, format),
        lenient("json_build_object", Utf8, |arguments, _| {
            json_object(arguments, " : ", ", ")
        }),
        lenient("jsonb_build_object", Utf8, |arguments, _| {
            json_object(arguments, ": ", ", ")
        }),
        lenient("row_json", Utf8, |arguments, _| json_object(arguments, ":", ",")),
        strict("array_upper", Int32, |arguments, _| {
            Ok(bound(arguments, |length| length))
        }),
        strict("array_lower", Int32, |arguments, _| Ok(bound(arguments, |_| 1))),
    ]
}

fn literal(value: &str) -> String {
    let doubled = value.replace('\'', "''");
    if value.contains('\\') {
        format!(" E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// A bound of an array's first dimension; arrays here begin at 1. Empty arrays have no bounds.
fn bound(arguments: &Arguments<'_>, of: fn(i32) -> i32) -> ScalarValue {
    let length = match arguments.value(0) {
        Some(ScalarValue::List(list)) => i32::try_from(list.value(0).len()).ok(),
        _ => None,
    };
    let first = arguments.number(1) == Some(1);
    ScalarValue::Int32(length.filter(|length| first && *length > 0).map(of))
}

/// An object of the arguments in pairs, as text.
fn json_object(arguments: &Arguments<'_>, between: &str, after: &str) -> Result<ScalarValue> {
    if arguments.count() % 2 == 1 {
        return Err(wrong("argument list must have even number of elements".to_string()));
    }
    let mut members = Vec::new();
    for index in (0..arguments.count()).step_by(2) {
        let Some(key) = arguments.text(index) else {
            return Err(wrong("argument 1: key must not be null".to_string()));
        };
        let key = serde_json::Value::String(key);
        let value = match (arguments.value(index + 1), arguments.text(index + 1)) {
            (Some(ScalarValue::Boolean(Some(truth))), _) => truth.to_string(),
            (Some(value), Some(text)) if value.data_type().is_numeric() => text,
            (_, Some(text)) => serde_json::Value::String(text).to_string(),
            (_, None) => "null".to_string(),
        };
        members.push(format!("{key}{between}{value}"));
    }
    Ok(text(Some(format!("{{{}}}", members.join(after)))))
}

/// `format` with `%s`, `%I`, `%L` and `%%`, positions (`%2$s`) and widths (`%-10s`) included.
fn format(arguments: &Arguments<'_>, _context: &Context) -> Result<ScalarValue> {
    let Some(pattern) = arguments.text(0) else {
        return Ok(text(None));
    };
    let mut out = String::new();
    let mut next = 1;
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        if letters.peek() == Some(&'%') {
            letters.next();
            out.push('%');
            continue;
        }
        let mut specification = String::new();
        let conversion = loop {
            match letters.next() {
                Some(one @ ('s' | 'I' | 'L')) => break one,
                Some(one @ ('0'..='9' | '$' | '-')) => specification.push(one),
                Some(other) => {
                    return Err(wrong(format!("unrecognized format() type specifier \"{other}\""))
                        .with_hint("for a single \"%\" use \"%%\""));
                }
                None => return Err(wrong("unterminated format() type specifier".to_string())),
            }
        };
        let (position, width) = match specification.split_once('$') {
            Some((position, width)) => (position.parse().ok(), width.to_string()),
            None => (None, specification),
        };
        let index: usize = position.unwrap_or(next);
        next = index + 1;
        if index == 0 || index >= arguments.count() {
            return Err(wrong("too few arguments for format()".to_string()));
        }
        let value = arguments.text(index);
        let shown = match (conversion, value) {
            ('I', None) => {
                return Err(Error::new(
                    ErrorKind::InvalidParameterValue,
                    "null values cannot be formatted as an SQL identifier",
                ));
            }
            ('I', Some(name)) => quoted(&name),
            ('L', None) => "NULL".to_string(),
            ('L', Some(value)) => literal(&value),
            (_, value) => value.unwrap_or_default(),
        };
        out.push_str(&padded(&shown, &width));
    }
    Ok(text(Some(out)))
}

fn padded(shown: &str, width: &str) -> String {
    let size: usize = width.trim_start_matches('-').parse().unwrap_or(0).min(10_000);
    if width.starts_with('-') {
        format!("{shown:<size$}")
    } else {
        format!("{shown:>size$}")
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::InvalidParameterValue, message)
}
