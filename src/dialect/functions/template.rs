//! The templates of `to_char`, `to_timestamp` and `to_date`: patterns, and the letters between them.

/// A pattern of a time, by the name under which it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Pattern {
        name: &'static str,
        /// As it was written: `Mon`, `MON` and `mon` are the same pattern and give other letters.
        written: String,
        /// `FM`: without blanks and zeros that only fill.
        fills_not: bool,
        /// `TH` or `th` after it.
        ordinal: Option<bool>,
    },
    Literal(String),
}

/// Longer names stand before those that they begin with.
const NAMES: [&str; 53] = [
    "SSSSS", "SSSS", "Y,YYY", "IYYY", "YYYY", "MONTH", "A.M.", "P.M.", "B.C.", "A.D.", "HH24", "HH12", "IDDD", "TZH",
    "TZM", "IYY", "YYY", "DAY", "DDD", "MON", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "HH", "MI", "SS", "MS", "US",
    "AM", "PM", "YY", "IY", "BC", "AD", "MM", "DY", "DD", "ID", "WW", "IW", "CC", "RM", "TZ", "OF", "Y", "I", "D", "W",
    "J", "Q",
];

pub fn pieces(template: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut rest = template;
    let mut fills_not = false;
    while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').unwrap_or(quoted.len());
            found.push(Piece::Literal(quoted[..end].to_string()));
            rest = quoted.get(end + 1..).unwrap_or_default();
        } else if let Some(after) = rest.strip_prefix("FM") {
            fills_not = true;
            rest = after;
        } else if let Some(after) = rest.strip_prefix("TM") {
            rest = after;
        } else if let Some(name) = NAMES.into_iter().find(|name| begins_with(rest, name)) {
            let written = rest[..name.len()].to_string();
            rest = &rest[name.len()..];
            let ordinal = match rest.get(..2) {
                Some("TH") => Some(true),
                Some("th") => Some(false),
                _ => None,
            };
            if ordinal.is_some() {
                rest = &rest[2..];
            }
            found.push(Piece::Pattern {
                name,
                written,
                fills_not,
                ordinal,
            });
            fills_not = false;
        } else {
            found.push(Piece::Literal(first.to_string()));
            rest = &rest[first.len_utf8()..];
        }
    }
    found
}

fn begins_with(text: &str, name: &str) -> bool {
    text.get(..name.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(name))
}
