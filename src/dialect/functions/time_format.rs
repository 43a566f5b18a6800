//! `to_char`: times, intervals and numbers as text.

use arrow::datatypes::DataType;
use chrono::{Datelike, NaiveDateTime, Timelike};
use datafusion::common::ScalarValue;

use super::intervals::MICROS_PER_SECOND;
use super::template::{Piece, pieces};
use super::times::{given_span, offset_seconds, wall_clock};
use super::{Definition, Kind, Row, number_format, text_result};
use crate::error::Result;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

pub fn all() -> Vec<Definition> {
    vec![
        Definition {
            name: "to_char",
            forms: &[
                &[Kind::Stamp, Kind::Text],
                &[Kind::Zoned, Kind::Text],
                &[Kind::Span, Kind::Text],
                &[Kind::Number, Kind::Text],
            ],
            result: |_| DataType::Utf8,
            body: to_char,
        },
        Definition {
            name: "time_text",
            forms: &[&[Kind::Stamp], &[Kind::Zoned]],
            result: |_| DataType::Utf8,
            body: time_text,
        },
    ]
}

/// A time as PostgreSQL shows it: what `time::text` is.
fn time_text(row: &Row<'_>) -> Result<ScalarValue> {
    let time = wall_clock(row, 0)?;
    let fraction = format!("{:06}", time.nanosecond() / 1000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let (_, has_zone) = row.micros(0);
    let offset = if has_zone {
        offset_text(offset_seconds(row, 0))
    } else {
        String::new()
    };
    Ok(text_result(format!(
        "{}{point}{fraction}{offset}",
        time.format("%Y-%m-%d %H:%M:%S")
    )))
}

fn to_char(row: &Row<'_>) -> Result<ScalarValue> {
    let template = row.text(1);
    Ok(text_result(match row.value(0) {
        ScalarValue::TimestampMicrosecond(_, zone) => {
            let clock = Clock::of_time(&wall_clock(row, 0)?);
            let offset = zone.is_some().then(|| (zone_name(row), offset_seconds(row, 0)));
            formatted(template, &clock, offset.as_ref())
        }
        ScalarValue::IntervalMonthDayNano(_) => formatted(template, &Clock::of_span(given_span(row, 0)), None),
        number => number_format::formatted(number, template),
    }))
}

/// The zone's abbreviation at that time, as `TZ` shows it.
fn zone_name(row: &Row<'_>) -> String {
    use chrono::TimeZone;
    let (micros, _) = row.micros(0);
    let utc = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
    let shown = row.zone.from_utc_datetime(&utc.naive_utc()).format("%Z").to_string();
    if shown == "+00:00" { "UTC".to_string() } else { shown }
}

/// The fields of a time, or of an interval, whose hours go beyond 24.
struct Clock {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    micros: i64,
    date: Option<NaiveDateTime>,
}

impl Clock {
    fn of_time(time: &NaiveDateTime) -> Self {
        Self {
            year: i64::from(time.year()),
            month: i64::from(time.month()),
            day: i64::from(time.day()),
            hour: i64::from(time.hour()),
            minute: i64::from(time.minute()),
            micros: i64::from(time.second()) * MICROS_PER_SECOND + i64::from(time.nanosecond() / 1000),
            date: Some(*time),
        }
    }

    fn of_span((months, days, micros): (i64, i64, i64)) -> Self {
        let minutes = micros / (60 * MICROS_PER_SECOND);
        Self {
            year: months / 12,
            month: months % 12,
            day: days,
            hour: minutes / 60,
            minute: minutes % 60,
            micros: micros % (60 * MICROS_PER_SECOND),
            date: None,
        }
    }
}

fn formatted(template: &str, clock: &Clock, offset: Option<&(String, i32)>) -> String {
    let mut out = String::new();
    for piece in pieces(template) {
        match piece {
            Piece::Literal(text) => out.push_str(&text),
            Piece::Pattern {
                name,
                written,
                fills_not,
                ordinal,
            } => {
                let shown = shown(name, &written, fills_not, clock, offset);
                let ending = ordinal.map(|upper| ordinal_ending(&shown, upper));
                out.push_str(&shown);
                out.push_str(ending.unwrap_or_default());
            }
        }
    }
    out
}

fn ordinal_ending(number: &str, upper: bool) -> &'static str {
    let number: i64 = number.trim().parse().unwrap_or_default();
    let index = match (number % 100, number % 10) {
        (11..=13, _) => 3,
        (_, 1) => 0,
        (_, 2) => 1,
        (_, 3) => 2,
        _ => 3,
    };
    let endings = if upper {
        ["ST", "ND", "RD", "TH"]
    } else {
        ["st", "nd", "rd", "th"]
    };
    endings[index]
}

fn shown(name: &str, written: &str, fills_not: bool, clock: &Clock, offset: Option<&(String, i32)>) -> String {
    let digits = |number: i64, width: usize| {
        let width = if fills_not { 0 } else { width };
        if number < 0 {
            format!("-{:0width$}", -number, width = width)
        } else {
            format!("{number:0width$}")
        }
    };
    let word = |word: &str, width: usize| {
        let cased = in_case(word, written);
        if fills_not { cased } else { format!("{cased:<width$}") }
    };
    let twelve = match clock.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let seconds = clock.micros / MICROS_PER_SECOND;
    let fraction = clock.micros % MICROS_PER_SECOND;
    match name {
        "HH24" => digits(clock.hour, 2),
        "HH12" | "HH" if clock.date.is_none() && clock.hour > 12 => digits(clock.hour % 12, 2),
        "HH12" | "HH" => digits(twelve, 2),
        "MI" => digits(clock.minute, 2),
        "SS" => digits(seconds, 2),
        "SSSS" | "SSSSS" => digits(clock.hour * 3600 + clock.minute * 60 + seconds, 0),
        "MS" => digits(fraction / 1000, 3),
        "US" => digits(fraction, 6),
        "FF1" => digits(fraction / 100_000, 1),
        "FF2" => digits(fraction / 10_000, 2),
        "FF3" => digits(fraction / 1000, 3),
        "FF4" => digits(fraction / 100, 4),
        "FF5" => digits(fraction / 10, 5),
        "FF6" => digits(fraction, 6),
        "AM" | "PM" => in_case(if clock.hour % 24 < 12 { "AM" } else { "PM" }, written),
        "A.M." | "P.M." => in_case(if clock.hour % 24 < 12 { "A.M." } else { "P.M." }, written),
        "YYYY" => digits(clock.year, 4),
        "Y,YYY" => format!("{},{:03}", clock.year / 1000, clock.year % 1000),
        "YYY" => digits(clock.year % 1000, 3),
        "YY" => digits(clock.year % 100, 2),
        "Y" => digits(clock.year % 10, 1),
        "BC" | "AD" => in_case("AD", written),
        "B.C." | "A.D." => in_case("A.D.", written),
        "MM" => digits(clock.month, 2),
        "DD" => digits(clock.day, 2),
        "Q" => digits((clock.month - 1) / 3 + 1, 1),
        "CC" => digits((clock.year + 99) / 100, 2),
        "MONTH" => word(month_name(clock), 9),
        "MON" => in_case(&month_name(clock)[..3.min(month_name(clock).len())], written),
        "TZ" => offset.map(|(zone, _)| in_case(zone, written)).unwrap_or_default(),
        "TZH" => offset
            .map(|(_, seconds)| format!("{:+03}", seconds / 3600))
            .unwrap_or_default(),
        "TZM" => offset
            .map(|(_, seconds)| format!("{:02}", seconds.abs() / 60 % 60))
            .unwrap_or_default(),
        "OF" => offset.map(|(_, seconds)| offset_text(*seconds)).unwrap_or_default(),
        _ => clock
            .date
            .map_or_else(String::new, |date| of_date(name, written, &date, &digits, &word)),
    }
}

/// What only a date has.
fn of_date(
    name: &str,
    written: &str,
    date: &NaiveDateTime,
    digits: &dyn Fn(i64, usize) -> String,
    word: &dyn Fn(&str, usize) -> String,
) -> String {
    let iso_year = i64::from(date.iso_week().year());
    let day_name = DAYS[date.weekday().num_days_from_sunday() as usize];
    match name {
        "DAY" => word(day_name, 9),
        "DY" => in_case(&day_name[..3], written),
        "DDD" => digits(i64::from(date.ordinal()), 3),
        "D" => digits(i64::from(date.weekday().number_from_sunday()), 1),
        "ID" => digits(i64::from(date.weekday().number_from_monday()), 1),
        "WW" => digits(i64::from((date.ordinal() - 1) / 7 + 1), 2),
        "W" => digits(i64::from((date.day() - 1) / 7 + 1), 1),
        "IW" => digits(i64::from(date.iso_week().week()), 2),
        "IDDD" => {
            let day = (date.iso_week().week() - 1) * 7 + date.weekday().number_from_monday();
            digits(i64::from(day), 3)
        }
        "IYYY" => digits(iso_year, 4),
        "IYY" => digits(iso_year % 1000, 3),
        "IY" => digits(iso_year % 100, 2),
        "I" => digits(iso_year % 10, 1),
        "J" => (i64::from(date.date().num_days_from_ce()) + 1_721_425).to_string(),
        "RM" => {
            let roman = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];
            word(roman[date.month0() as usize], 4)
        }
        _ => String::new(),
    }
}

fn month_name(clock: &Clock) -> &'static str {
    let index = usize::try_from(clock.month - 1).unwrap_or(usize::MAX);
    MONTHS.get(index).copied().unwrap_or_default()
}

/// A word in capitals, in small letters, or with a capital at its start, as its pattern is.
fn in_case(word: &str, written: &str) -> String {
    let letters: Vec<char> = written.chars().filter(|letter| letter.is_alphabetic()).collect();
    match letters.as_slice() {
        [first, second, ..] if first.is_uppercase() && second.is_lowercase() => word.to_string(),
        [first, ..] if first.is_lowercase() => word.to_lowercase(),
        _ => word.to_uppercase(),
    }
}

fn offset_text(seconds: i32) -> String {
    let minutes = seconds.abs() / 60 % 60;
    let hours = format!("{:+03}", seconds / 3600);
    if minutes == 0 {
        hours
    } else {
        format!("{hours}:{minutes:02}")
    }
}
