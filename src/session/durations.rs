//! Durations as settings hold them: milliseconds, read and shown in PostgreSQL's forms.

use crate::error::{Error, ErrorKind, Result};

/// PostgreSQL keeps them in 32 bits.
const MOST_MS: f64 = i32::MAX as f64;

/// A number with or without a unit; without one it is in milliseconds. `parameter` is named in the error.
pub fn milliseconds(parameter: &str, given: &str) -> Result<u64> {
    let invalid = || {
        let message = format!("invalid value for parameter \"{parameter}\": \"{given}\"");
        Error::new(ErrorKind::InvalidParameterValue, message)
    };
    let (number, unit) = number_and_unit(given.trim()).ok_or_else(invalid)?;
    let factor = match unit.trim() {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return Err(invalid().with_hint("valid units are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\"")),
    };
    // A half goes to the even neighbour, as in C's rint.
    let total = (number * factor).round_ties_even();
    if total.is_nan() || total.abs() > MOST_MS {
        return Err(invalid().with_hint("value exceeds integer range"));
    }
    if total < 0.0 {
        let message =
            format!("{total:.0} ms is outside the valid range for parameter \"{parameter}\" (0 .. {MOST_MS:.0})");
        return Err(Error::new(ErrorKind::InvalidParameterValue, message));
    }
    Ok(total as u64)
}

/// The number at the start, decimal (with fraction and exponent) or hexadecimal, and what follows it.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let end = digits.find(|it: char| !it.is_ascii_hexdigit()).unwrap_or(digits.len());
        let number = u32::from_str_radix(&digits[..end], 16).ok()?;
        return Some((sign * f64::from(number), &digits[end..]));
    }
    let mantissa = span(unsigned, |it| it.is_ascii_digit() || it == '.');
    let number_end = mantissa + exponent(&unsigned[mantissa..]);
    let number: f64 = unsigned[..number_end].parse().ok()?;
    Some((sign * number, &unsigned[number_end..]))
}

/// How many bytes of an exponent (`e3`, `E-2`) stand at the start.
fn exponent(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(['e', 'E']) else {
        return 0;
    };
    let unsigned = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let digits = span(unsigned, |it| it.is_ascii_digit());
    if digits == 0 {
        return 0;
    }
    text.len() - unsigned.len() + digits
}

fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|it| !belongs(it)).unwrap_or(text.len())
}

/// In the largest unit that divides them.
pub fn shown(milliseconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    if milliseconds == 0 {
        return "0".to_string();
    }
    UNITS
        .iter()
        .find(|(size, _)| milliseconds.is_multiple_of(*size))
        .map_or_else(
            || format!("{milliseconds}ms"),
            |(size, unit)| format!("{}{unit}", milliseconds / size),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `SET statement_timeout = …; SHOW statement_timeout` gives in PostgreSQL 15.
    #[test]
    fn every_form_is_read_and_shown_as_postgresql_does() {
        for (given, expected) in [
            ("100", "100ms"),
            ("5s", "5s"),
            ("5 s", "5s"),
            (" 5s ", "5s"),
            ("1min", "1min"),
            ("2h", "2h"),
            ("1.5s", "1500ms"),
            ("1.5", "2ms"),
            ("0.5ms", "0"),
            ("1500us", "2ms"),
            ("0x10", "16ms"),
            ("0", "0"),
            ("2147483647", "2147483647ms"),
            ("1d", "1d"),
            ("1e3", "1s"),
            ("1e3ms", "1s"),
            ("90000", "90s"),
            ("61000", "61s"),
            ("1500", "1500ms"),
        ] {
            let read = milliseconds("statement_timeout", given);
            assert_eq!(read.map(shown).as_deref(), Ok(expected), "{given}");
        }
    }

    #[test]
    fn what_postgresql_refuses_is_refused_with_its_words() {
        let refusal = |given| milliseconds("statement_timeout", given).unwrap_err();
        for (given, message) in [
            (
                "-1",
                "-1 ms is outside the valid range for parameter \"statement_timeout\" (0 .. 2147483647)",
            ),
            (
                "-1s",
                "-1000 ms is outside the valid range for parameter \"statement_timeout\" (0 .. 2147483647)",
            ),
            ("5S", "invalid value for parameter \"statement_timeout\": \"5S\""),
            (
                "3 parsecs",
                "invalid value for parameter \"statement_timeout\": \"3 parsecs\"",
            ),
            ("", "invalid value for parameter \"statement_timeout\": \"\""),
            ("abc", "invalid value for parameter \"statement_timeout\": \"abc\""),
            (
                "default",
                "invalid value for parameter \"statement_timeout\": \"default\"",
            ),
            (
                "1 min 2s",
                "invalid value for parameter \"statement_timeout\": \"1 min 2s\"",
            ),
        ] {
            assert_eq!(refusal(given).message, message);
            assert_eq!(refusal(given).kind, ErrorKind::InvalidParameterValue);
        }
        for given in ["2147483648", "600h", "25d", "1e300h"] {
            assert_eq!(
                refusal(given).hint.as_deref(),
                Some("value exceeds integer range"),
                "{given}"
            );
        }
    }
}
