//! Arrays as PostgreSQL writes them: `{1,2,NULL,"a b"}`, and the two vector types' `1 2 3`.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use crate::error::{Error, ErrorKind, Result};

/// The array that a text stands for, with elements of the given type. Arrays of one dimension only.
pub fn parse_array(text: &str, element: &DataType) -> Result<ScalarValue> {
    let trimmed = text.trim();
    let items = match trimmed.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(inner) => split(inner).ok_or_else(|| malformed(text))?,
        None if is_vector(trimmed, element) => trimmed.split_whitespace().map(|word| Some(word.to_string())).collect(),
        None => return Err(malformed(text)),
    };
    let values: Result<Vec<ScalarValue>> = items.into_iter().map(|item| value_of(item, element)).collect();
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&values?, element)))
}

fn is_vector(text: &str, element: &DataType) -> bool {
    element.is_integer() && text.split_whitespace().all(|word| word.parse::<i64>().is_ok())
}

fn malformed(text: &str) -> Error {
    Error::new(
        ErrorKind::InvalidTextRepresentation,
        format!("malformed array literal: \"{text}\""),
    )
}

fn value_of(item: Option<String>, element: &DataType) -> Result<ScalarValue> {
    let Some(text) = item else {
        return Ok(ScalarValue::try_from(element)?);
    };
    let truth = match (element, text.to_lowercase().as_str()) {
        (DataType::Boolean, "t" | "true" | "on" | "yes" | "1") => Some(true),
        (DataType::Boolean, "f" | "false" | "off" | "no" | "0") => Some(false),
        _ => None,
    };
    if let Some(truth) = truth {
        return Ok(ScalarValue::Boolean(Some(truth)));
    }
    ScalarValue::Utf8(Some(text.clone())).cast_to(element).map_err(|_| {
        Error::new(
            ErrorKind::InvalidTextRepresentation,
            format!("invalid input syntax for an array element: \"{text}\""),
        )
    })
}

/// The elements between the braces; `None` where quotes or braces do not match.
fn split(inner: &str) -> Option<Vec<Option<String>>> {
    if inner.trim().is_empty() {
        return Some(vec![]);
    }
    let mut items = Vec::new();
    let mut item = String::new();
    let (mut in_quotes, mut was_quoted) = (false, false);
    let mut letters = inner.chars();
    let finish = |item: &mut String, was_quoted: &mut bool| {
        let text = std::mem::take(item);
        if std::mem::take(was_quoted) {
            return Some(text);
        }
        let text = text.trim();
        (!text.eq_ignore_ascii_case("null")).then(|| text.to_string())
    };
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => item.push(letters.next()?),
            '"' => {
                in_quotes = !in_quotes;
                // Spaces before a quoted element are none of its text.
                if !was_quoted && item.trim().is_empty() {
                    item.clear();
                }
                was_quoted = true;
            }
            ',' if !in_quotes => items.push(finish(&mut item, &mut was_quoted)),
            '{' | '}' if !in_quotes => return None,
            other if in_quotes || !was_quoted => item.push(other),
            other if other.is_whitespace() => {}
            _ => return None,
        }
    }
    if in_quotes {
        return None;
    }
    items.push(finish(&mut item, &mut was_quoted));
    Some(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_read_as_postgresql_reads_them() {
        let words = |text| split(text).unwrap();
        let some = |text: &str| Some(text.to_string());
        assert_eq!(words("a, b ,NULL"), [some("a"), some("b"), None]);
        assert_eq!(
            words(r#""a,b","null","c\"d""#),
            [some("a,b"), some("null"), some("c\"d")]
        );
        assert_eq!(words(r#" "p", "f" ,"" "#), [some("p"), some("f"), some("")]);
        assert_eq!(words(""), []);
        assert_eq!(split("\"a"), None);
        assert!(parse_array("1,2", &DataType::Int64).is_err());
        let vector = parse_array("3 1", &DataType::Int16).unwrap();
        assert_eq!(vector, parse_array("{3,1}", &DataType::Int16).unwrap());
    }
}
