//! Functions of texts.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::{Definition, Kind, text_result, wrong};
use crate::error::Result;

pub fn all() -> Vec<Definition> {
    vec![Definition {
        name: "unistr",
        forms: &[&[Kind::Text]],
        result: |_| DataType::Utf8,
        body: |row| unescaped(row.text(0)),
    }]
}

/// `\0061` and `\+000061` as the letters they stand for.
fn unescaped(text: &str) -> Result<ScalarValue> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('\\') {
            out.push('\\');
            rest = after;
            continue;
        }
        let (skipped, digits) = match rest.chars().next() {
            Some('+') => (1, 6),
            Some('u') => (1, 4),
            Some('U') => (1, 8),
            _ => (0, 4),
        };
        let code = rest.get(skipped..skipped + digits);
        let letter = code
            .and_then(|code| u32::from_str_radix(code, 16).ok())
            .and_then(char::from_u32);
        out.push(letter.ok_or_else(|| wrong("invalid Unicode escape"))?);
        rest = &rest[skipped + digits..];
    }
    out.push_str(rest);
    Ok(text_result(out))
}
