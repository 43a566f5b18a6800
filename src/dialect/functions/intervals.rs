//! Intervals as PostgreSQL reads them.

use crate::error::{Error, ErrorKind, Result};

pub const MICROS_PER_SECOND: i64 = 1_000_000;
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Months, days and microseconds, which are kept apart because a month and a day have no fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Span {
    pub months: f64,
    pub days: f64,
    pub micros: f64,
}

impl Span {
    /// Fractions of a month go to days (of which a month has 30), fractions of a day to the time.
    fn settled(mut self) -> Self {
        let days = (self.months - self.months.trunc()) * 30.0;
        self.months = self.months.trunc();
        // What is a whole number but for the error of binary fractions is that number.
        let days = if (days - days.round()).abs() < 1e-9 {
            days.round()
        } else {
            days
        };
        self.days += days;
        self.micros += (self.days - self.days.trunc()) * MICROS_PER_DAY as f64;
        self.days = self.days.trunc();
        self.micros = self.micros.round_ties_even();
        self
    }

    fn add(&mut self, amount: f64, unit: Unit) {
        match unit {
            Unit::Months(count) => {
                let months = amount * count;
                // A fraction of a year is taken in whole months.
                self.months += if count > 1.0 { months.round_ties_even() } else { months };
            }
            Unit::Days(count) => self.days += amount * count,
            Unit::Micros(count) => self.micros += amount * count,
        }
    }

    /// The interval in words that the engine reads.
    pub fn in_words(&self) -> String {
        let seconds = self.micros / MICROS_PER_SECOND as f64;
        // A zero without its sign.
        let (months, days, seconds) = (self.months + 0.0, self.days + 0.0, seconds + 0.0);
        format!("{months} months {days} days {seconds:.6} seconds")
    }
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Months(f64),
    Days(f64),
    Micros(f64),
}

/// A unit by any of its names.
fn unit(name: &str) -> Option<Unit> {
    const SECOND: f64 = MICROS_PER_SECOND as f64;
    Some(match name.to_lowercase().as_str() {
        "microsecond" | "microseconds" | "us" | "usec" | "usecs" => Unit::Micros(1.0),
        "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" => Unit::Micros(1000.0),
        "second" | "seconds" | "sec" | "secs" | "s" => Unit::Micros(SECOND),
        "minute" | "minutes" | "min" | "mins" | "m" => Unit::Micros(60.0 * SECOND),
        "hour" | "hours" | "hr" | "hrs" | "h" => Unit::Micros(3600.0 * SECOND),
        "day" | "days" | "d" => Unit::Days(1.0),
        "week" | "weeks" | "w" => Unit::Days(7.0),
        "month" | "months" | "mon" | "mons" => Unit::Months(1.0),
        "year" | "years" | "yr" | "yrs" | "y" => Unit::Months(12.0),
        "decade" | "decades" | "dec" | "decs" => Unit::Months(120.0),
        "century" | "centuries" | "cent" | "c" => Unit::Months(1200.0),
        "millennium" | "millennia" | "mil" | "mils" => Unit::Months(12_000.0),
        _ => return None,
    })
}

/// Reads an interval: words (`1 day 2 hours ago`), a clock (`04:05:06`), `1-2` for years and months, ISO 8601
/// (`P1Y2M3DT4H`). A number alone is in `bare_unit`, which is seconds where nothing else is said.
pub fn parse(text: &str, bare_unit: &str) -> Result<Span> {
    let invalid = || {
        Error::new(
            ErrorKind::InvalidDatetimeFormat,
            format!("invalid input syntax for type interval: \"{text}\""),
        )
    };
    let trimmed = text.trim();
    if let Some(iso) = trimmed.strip_prefix('P') {
        return iso_8601(iso).map(Span::settled).ok_or_else(invalid);
    }
    let mut span = Span::default();
    let mut words = separated(trimmed).into_iter().peekable();
    let mut any = false;
    let mut ago = false;
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case("ago") && any && words.peek().is_none() {
            ago = true;
            continue;
        }
        if word == "@" {
            continue;
        }
        any = true;
        if word.contains(':') {
            span.micros += clock(&word).ok_or_else(invalid)?;
        } else if let Some(months) = years_and_months(&word) {
            span.months += months;
        } else {
            let amount: f64 = word.parse().map_err(|_| invalid())?;
            let named = words.peek().and_then(|next| unit(next));
            if named.is_some() {
                words.next();
            }
            // "1 04:05" is a day and a clock.
            let before_clock = words.peek().is_some_and(|next| next.contains(':'));
            let bare = if before_clock { "day" } else { bare_unit };
            span.add(amount, named.or_else(|| unit(bare)).ok_or_else(invalid)?);
        }
    }
    if !any {
        return Err(invalid());
    }
    let mut settled = span.settled();
    if ago {
        settled = Span {
            months: -settled.months,
            days: -settled.days,
            micros: -settled.micros,
        };
    }
    Ok(settled)
}

/// Words at white space, and numbers apart from the letters that follow them (`2h`).
fn separated(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let letters = word.find(|letter: char| letter.is_ascii_alphabetic());
        match letters {
            Some(at) if at > 0 => words.extend([word[..at].to_string(), word[at..].to_string()]),
            _ => words.push(word.to_string()),
        }
    }
    words
}

/// `[-]hours:minutes[:seconds]` in microseconds.
fn clock(word: &str) -> Option<f64> {
    let (sign, unsigned) = signed(word);
    let mut parts = unsigned.split(':');
    let hours: f64 = parts.next()?.parse().ok()?;
    let minutes: f64 = parts.next()?.parse().ok()?;
    let seconds: f64 = parts.next().map_or(Some(0.0), |part| part.parse().ok())?;
    let all = hours * 3600.0 + minutes * 60.0 + seconds;
    parts.next().is_none().then_some(sign * all * MICROS_PER_SECOND as f64)
}

/// `[-]years-months` in months.
fn years_and_months(word: &str) -> Option<f64> {
    let (sign, unsigned) = signed(word);
    let (years, months) = unsigned.split_once('-')?;
    let (years, months): (f64, f64) = (years.parse().ok()?, months.parse().ok()?);
    Some(sign * (years * 12.0 + months))
}

fn signed(word: &str) -> (f64, &str) {
    match word.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, word.strip_prefix('+').unwrap_or(word)),
    }
}

fn iso_8601(text: &str) -> Option<Span> {
    let mut span = Span::default();
    let mut in_time = false;
    let mut number = String::new();
    for letter in text.chars() {
        if letter == 'T' {
            in_time = true;
        } else if letter.is_ascii_alphabetic() {
            let name = match (letter, in_time) {
                ('Y', false) => "year",
                ('M', false) => "month",
                ('W', false) => "week",
                ('D', false) => "day",
                ('H', true) => "hour",
                ('M', true) => "minute",
                ('S', true) => "second",
                _ => return None,
            };
            span.add(number.parse().ok()?, unit(name)?);
            number.clear();
        } else {
            number.push(letter);
        }
    }
    (number.is_empty() && !text.is_empty()).then_some(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PostgreSQL 15's reading of the same texts, as months, days and microseconds.
    #[test]
    fn texts_are_read_as_in_postgresql() {
        for (text, months, days, micros) in [
            ("1 day 02:03:04", 0.0, 1.0, 7_384e6),
            ("1 year 2 months 3 days", 14.0, 3.0, 0.0),
            ("1.5 months", 1.0, 15.0, 0.0),
            ("1.5 days", 0.0, 1.0, 43_200e6),
            ("-1-2", -14.0, 0.0, 0.0),
            ("P1Y2M3DT4H5M6S", 14.0, 3.0, 14_706e6),
            ("300", 0.0, 0.0, 300e6),
            ("2h 30m", 0.0, 0.0, 9_000e6),
            ("1 12:00", 0.0, 1.0, 43_200e6),
            ("3 days ago", 0.0, -3.0, 0.0),
        ] {
            let span = parse(text, "second").unwrap();
            assert_eq!((span.months, span.days, span.micros), (months, days, micros), "{text}");
        }
        for text in ["", "one day", "1 parsec", "P1X", "1:2:3:4"] {
            assert!(parse(text, "second").is_err(), "{text}");
        }
    }
}
