//! Times read by a template, for `to_timestamp(text, template)` and `to_date`: the wall clock's time that a text says.

use std::iter::Peekable;
use std::str::Chars;

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use datafusion::common::ScalarValue;

use super::{Arguments, Context, Definition, strict};
use crate::error::{Error, ErrorKind, Result};

pub fn all() -> Vec<Definition> {
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    vec![strict("template_time", time, template_time)]
}

fn template_time(arguments: &Arguments<'_>, _context: &Context) -> Result<ScalarValue> {
    let (text, template) = (
        arguments.text(0).unwrap_or_default(),
        arguments.text(1).unwrap_or_default(),
    );
    let time = read(&text, &template)?.time()?;
    Ok(ScalarValue::TimestampMicrosecond(
        Some(time.and_utc().timestamp_micros()),
        None,
    ))
}

/// A piece of a template.
#[derive(Debug, PartialEq)]
enum Piece {
    /// A number of at most so many digits.
    Number(Part, usize),
    MonthName,
    HalfOfDay,
    /// A character that stands for one of the text.
    Letter,
    /// Neither letter nor digit: stands for one such, or for none.
    Separator,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Year,
    Month,
    Day,
    Hour24,
    Hour12,
    Minute,
    Second,
    Millisecond,
    Microsecond,
}

/// The patterns, each before those that it begins with.
const PATTERNS: [(&str, Piece); 18] = [
    ("YYYY", Piece::Number(Part::Year, 4)),
    ("YY", Piece::Number(Part::Year, 2)),
    ("MONTH", Piece::MonthName),
    ("MON", Piece::MonthName),
    ("MM", Piece::Number(Part::Month, 2)),
    ("MI", Piece::Number(Part::Minute, 2)),
    ("MS", Piece::Number(Part::Millisecond, 3)),
    ("DD", Piece::Number(Part::Day, 2)),
    ("HH24", Piece::Number(Part::Hour24, 2)),
    ("HH12", Piece::Number(Part::Hour12, 2)),
    ("HH", Piece::Number(Part::Hour12, 2)),
    ("SS", Piece::Number(Part::Second, 2)),
    ("US", Piece::Number(Part::Microsecond, 6)),
    ("AM", Piece::HalfOfDay),
    ("PM", Piece::HalfOfDay),
    ("A.M.", Piece::HalfOfDay),
    ("P.M.", Piece::HalfOfDay),
    ("T", Piece::Letter),
];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

fn pieces(template: &str) -> Result<Vec<&'static Piece>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        let pattern = PATTERNS.iter().find(|(word, _)| {
            rest.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
        });
        if let Some((word, piece)) = pattern {
            pieces.push(piece);
            rest = &rest[word.len()..];
        } else if first == '"' {
            let quoted: usize = rest[1..].find('"').unwrap_or(rest.len() - 1);
            pieces.extend(rest[1..=quoted].chars().map(|_| &Piece::Letter));
            rest = rest.get(quoted + 2..).unwrap_or_default();
        } else if first.is_alphanumeric() {
            return Err(Error::not_supported(format!(
                "\"{rest}\" in a template of a time; known are YYYY, YY, MM, MON, MONTH, DD, HH24, HH12, MI, SS, MS, US, AM"
            )));
        } else {
            pieces.push(&Piece::Separator);
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(pieces)
}

/// What was read; what the template does not name is the beginning of the year or the day.
#[derive(Debug, Default)]
struct Reading {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    hour: u32,
    hour_of_twelve: bool,
    afternoon: bool,
    minute: u32,
    second: u32,
    microsecond: u32,
}

fn read(text: &str, template: &str) -> Result<Reading> {
    let pieces = pieces(template)?;
    let mut letters = text.chars().peekable();
    let mut reading = Reading::default();
    for (index, piece) in pieces.iter().enumerate() {
        if matches!(piece, Piece::Number(..) | Piece::MonthName | Piece::HalfOfDay) {
            while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        }
        if letters.peek().is_none() {
            break;
        }
        match piece {
            Piece::Number(part, width) => {
                // A number that another does not follow at once may be longer than the pattern.
                let followed = matches!(pieces.get(index + 1), Some(Piece::Number(..)));
                let most = if followed || *part == Part::Microsecond {
                    *width
                } else {
                    9
                };
                let digits = digits(&mut letters, most);
                reading.put(*part, &digits)?;
            }
            Piece::MonthName => {
                let name = word(&mut letters);
                let found = MONTHS
                    .iter()
                    .position(|month| name.len() >= 3 && month.starts_with(&name));
                let month = found.ok_or_else(|| invalid(&name, "Month"))?;
                reading.month = u32::try_from(month + 1).ok();
            }
            Piece::HalfOfDay => {
                let name = word(&mut letters);
                reading.afternoon = name.starts_with('p');
                reading.hour_of_twelve = true;
            }
            Piece::Letter => {
                letters.next();
            }
            Piece::Separator => {
                letters.next_if(|letter| !letter.is_alphanumeric());
            }
        }
    }
    Ok(reading)
}

fn digits(letters: &mut Peekable<Chars<'_>>, most: usize) -> String {
    let mut digits = String::new();
    while digits.len() < most
        && let Some(digit) = letters.next_if(char::is_ascii_digit)
    {
        digits.push(digit);
    }
    digits
}

fn word(letters: &mut Peekable<Chars<'_>>) -> String {
    let mut word = String::new();
    while let Some(letter) = letters.next_if(|letter| letter.is_alphabetic() || *letter == '.') {
        word.extend(letter.to_lowercase());
    }
    word
}

impl Reading {
    fn put(&mut self, part: Part, digits: &str) -> Result<()> {
        let number: u32 = digits.parse().map_err(|_| invalid(digits, part.name()))?;
        match part {
            Part::Year => {
                let year = i32::try_from(number).unwrap_or(i32::MAX);
                // Years of two digits are those nearest to 2020.
                self.year = Some(match (digits.len(), year) {
                    (..=2, ..70) => year + 2000,
                    (..=2, _) => year + 1900,
                    _ => year,
                });
            }
            Part::Month => self.month = Some(number),
            Part::Day => self.day = Some(number),
            Part::Hour24 => self.hour = number,
            Part::Hour12 => {
                self.hour = number;
                self.hour_of_twelve = true;
            }
            Part::Minute => self.minute = number,
            Part::Second => self.second = number,
            Part::Millisecond => self.microsecond += fraction(digits, 3)? * 1000,
            Part::Microsecond => self.microsecond += fraction(digits, 6)?,
        }
        Ok(())
    }

    fn time(&self) -> Result<NaiveDateTime> {
        let out_of_range = || Error::new(ErrorKind::DatetimeFieldOverflow, "date/time field value out of range");
        let year = self
            .year
            .ok_or_else(|| Error::not_supported("a time without a year, read by a template"))?;
        let hour = match (self.hour_of_twelve, self.hour) {
            (true, 1..=12) => self.hour % 12 + if self.afternoon { 12 } else { 0 },
            (true, _) => {
                let message = format!("hour \"{}\" is invalid for the 12-hour clock", self.hour);
                return Err(Error::new(ErrorKind::InvalidDatetimeFormat, message));
            }
            (false, hour) => hour,
        };
        let date = NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1));
        let time = date.and_then(|date| date.and_hms_opt(hour, self.minute, self.second));
        let fraction = TimeDelta::microseconds(i64::from(self.microsecond));
        time.and_then(|time| time.checked_add_signed(fraction))
            .ok_or_else(out_of_range)
    }
}

/// The digits behind a point as a whole number of so many digits.
fn fraction(digits: &str, width: usize) -> Result<u32> {
    let filled = format!("{digits:0<width$}");
    let cut = filled.get(..width).unwrap_or_default();
    cut.parse().map_err(|_| invalid(digits, "US"))
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Year => "YYYY",
            Part::Month => "MM",
            Part::Day => "DD",
            Part::Hour24 => "HH24",
            Part::Hour12 => "HH12",
            Part::Minute => "MI",
            Part::Second => "SS",
            Part::Millisecond => "MS",
            Part::Microsecond => "US",
        }
    }
}

fn invalid(value: &str, pattern: &str) -> Error {
    Error::new(
        ErrorKind::InvalidDatetimeFormat,
        format!("invalid value \"{value}\" for \"{pattern}\""),
    )
}
