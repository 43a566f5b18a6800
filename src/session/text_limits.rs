//! How much a statement's text may ask of the parser. A text of eight megabytes can hold eight million signs, of which
//! the tokenizer makes a hundred bytes each and the parser more, so they are counted before either sees them.

use crate::error::{Error, ErrorKind, Result};

/// How many words, numbers and signs a query string may have.
const MAX_PARTS: usize = 500_000;

/// Refuses a text that has too many parts. What stands in quotes or in a comment is one part.
pub fn check(sql: &str) -> Result<()> {
    let text = sql.as_bytes();
    let (mut at, mut parts) = (0, 0usize);
    while at < text.len() {
        parts += 1;
        if parts > MAX_PARTS {
            return Err(
                Error::new(ErrorKind::StatementTooComplex, "statement is too complex").with_hint(format!(
                    "at most {MAX_PARTS} words, numbers and signs are allowed; pass many values as one parameter"
                )),
            );
        }
        at += part(&text[at..]);
    }
    Ok(())
}

/// The length of the part that a text begins with.
fn part(text: &[u8]) -> usize {
    match text {
        [b'e' | b'E', b'\'', ..] => 1 + quoted(&text[1..], b'\'', true),
        [b'\'', ..] => quoted(text, b'\'', false),
        [b'"', ..] => quoted(text, b'"', false),
        [b'-', b'-', ..] => line(text),
        [b'/', b'*', ..] => block(text),
        [b'$', ..] => dollars(text),
        // A dollar sign inside a word belongs to it and quotes nothing.
        [first, ..] if is_word(*first) => text.iter().take_while(|byte| is_word(**byte) || **byte == b'$').count(),
        _ => 1,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// The length of a quoted text; a doubled quote, and with `escapes` a backslash, does not end it.
fn quoted(text: &[u8], quote: u8, escapes: bool) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        if escapes && *byte == b'\\' {
            at += 2;
        } else if *byte == quote {
            if text.get(at + 1) != Some(&quote) {
                return at + 1;
            }
            at += 2;
        } else {
            at += 1;
        }
    }
    text.len()
}

fn line(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len())
}

/// The length of a comment, in which others may nest.
fn block(text: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0usize);
    while at < text.len() {
        match text.get(at..at + 2) {
            Some(b"/*") => (at, depth) = (at + 2, depth + 1),
            Some(b"*/") => (at, depth) = (at + 2, depth.saturating_sub(1)),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of `$tag$…$tag$`; a single sign where it is a parameter.
fn dollars(text: &[u8]) -> usize {
    let tag = text[1..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
        .count();
    let opening = &text[..(tag + 2).min(text.len())];
    if opening.len() < tag + 2 || !opening.ends_with(b"$") || text.get(1).is_some_and(u8::is_ascii_digit) {
        // A parameter, or a sign by itself.
        return 1;
    }
    let body = &text[opening.len()..];
    let end = body.windows(opening.len()).position(|part| part == opening);
    end.map_or(text.len(), |end| opening.len() + end + opening.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More signs than are allowed.
    fn many() -> String {
        "(".repeat(MAX_PARTS)
    }

    #[test]
    fn what_is_quoted_counts_once() {
        for (before, after) in [
            ("'", "'"),
            ("\"", "\""),
            ("--", "\n"),
            ("/* /* */", "*/"),
            ("$$", "$$"),
            ("$a$ $b$", "$a$"),
            ("E'\\'", "'"),
            ("'it''s", "'"),
        ] {
            assert_eq!(check(&format!("SELECT {before}{}{after}", many())), Ok(()), "{before}");
        }
    }

    #[test]
    fn very_many_parts_are_refused_whatever_stands_before_them() {
        for before in [
            "",
            "'' ",
            "'it''s' ",
            "-- '\n",
            "/* ' */",
            "$1 ",
            "$$'$$",
            "E'\\\\' ",
            "type'\\' ",
            "\"'\" ",
            "a$$ ",
        ] {
            let refused = check(&format!("SELECT {before}{}", many())).unwrap_err();
            assert_eq!(refused.kind, ErrorKind::StatementTooComplex, "{before}");
        }
        assert_eq!(check(&"1 ,".repeat(MAX_PARTS / 4)), Ok(()));
    }
}
