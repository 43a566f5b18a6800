//! `parse_ident`: the parts of a dotted name, as Grafana's and other query builders take it apart.

use std::iter::Peekable;
use std::str::Chars;

use arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;

use super::{Arguments, Context, Definition, strict};
use crate::error::{Error, ErrorKind, Result};

pub fn all() -> Vec<Definition> {
    let names = DataType::List(Field::new_list_field(DataType::Utf8, true).into());
    vec![strict("parse_ident", names, parse_ident)]
}

fn parse_ident(arguments: &Arguments<'_>, _context: &Context) -> Result<ScalarValue> {
    let whole = arguments.text(0).unwrap_or_default();
    let to_the_end = !matches!(arguments.value(1), Some(ScalarValue::Boolean(Some(false))));
    let parts = parts(&whole, to_the_end).map_err(|detail| {
        let error = Error::new(
            ErrorKind::InvalidParameterValue,
            format!("string is not a valid identifier: \"{whole}\""),
        );
        match detail {
            Some(detail) => error.with_detail(detail),
            None => error,
        }
    })?;
    let parts: Vec<ScalarValue> = parts.into_iter().map(ScalarValue::from).collect();
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(
        &parts,
        &DataType::Utf8,
    )))
}

/// Why a text is no name, where PostgreSQL says more than that.
type Refusal = Option<&'static str>;

/// The parts of a dotted name; what follows the name is refused, or else left alone.
fn parts(whole: &str, to_the_end: bool) -> std::result::Result<Vec<String>, Refusal> {
    let mut letters = whole.chars().peekable();
    let mut parts = Vec::new();
    loop {
        skip_spaces(&mut letters);
        let part = match letters.peek() {
            Some('"') => quoted_part(&mut letters)?,
            Some(first) if begins_name(*first) => plain_part(&mut letters),
            Some('.') => return Err(Some("No valid identifier before \".\".")),
            _ if parts.is_empty() => return Err(None),
            _ => return Err(Some("No valid identifier after \".\".")),
        };
        parts.push(part);
        skip_spaces(&mut letters);
        match letters.next() {
            Some('.') => {}
            Some(_) if to_the_end => return Err(None),
            _ => return Ok(parts),
        }
    }
}

fn skip_spaces(letters: &mut Peekable<Chars<'_>>) {
    while letters.next_if(char::is_ascii_whitespace).is_some() {}
}

fn begins_name(letter: char) -> bool {
    letter == '_' || letter.is_ascii_alphabetic() || !letter.is_ascii()
}

fn plain_part(letters: &mut Peekable<Chars<'_>>) -> String {
    let mut part = String::new();
    while let Some(letter) = letters.next_if(|letter| begins_name(*letter) || letter.is_ascii_digit() || *letter == '$')
    {
        part.push(letter.to_ascii_lowercase());
    }
    part
}

/// A part in double quotes, in which two of them stand for one.
fn quoted_part(letters: &mut Peekable<Chars<'_>>) -> std::result::Result<String, Refusal> {
    letters.next();
    let mut part = String::new();
    loop {
        match letters.next() {
            Some('"') if letters.next_if_eq(&'"').is_some() => part.push('"'),
            Some('"') if part.is_empty() => return Err(Some("Quoted identifier must not be empty.")),
            Some('"') => return Ok(part),
            Some(letter) => part.push(letter),
            None => return Err(Some("String has unclosed double quotes.")),
        }
    }
}
