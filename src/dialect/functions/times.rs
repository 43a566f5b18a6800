//! Parts of times, their differences in years and months, and times made of parts.

use arrow::datatypes::{DataType, IntervalMonthDayNano};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeZone, Timelike};
use datafusion::common::ScalarValue;

use super::intervals::{MICROS_PER_DAY, MICROS_PER_SECOND};
use super::{Definition, Kind, Row, float_result, out_of_range, span, stamp, wrong};
use crate::error::{Error, ErrorKind, Result};

pub fn all() -> Vec<Definition> {
    vec![
        Definition {
            name: "date_part",
            forms: &[
                &[Kind::Text, Kind::Stamp],
                &[Kind::Text, Kind::Zoned],
                &[Kind::Text, Kind::Clock],
                &[Kind::Text, Kind::Span],
            ],
            result: |_| DataType::Float64,
            body: date_part,
        },
        Definition {
            name: "age",
            forms: &[&[Kind::Stamp, Kind::Stamp], &[Kind::Zoned, Kind::Zoned]],
            result: |_| span(),
            body: age,
        },
        Definition {
            name: "date_trunc_coarse",
            forms: &[&[Kind::Text, Kind::Stamp]],
            result: |_| stamp(),
            body: date_trunc_coarse,
        },
        Definition {
            name: "date_trunc_interval",
            forms: &[&[Kind::Text, Kind::Span]],
            result: |_| span(),
            body: date_trunc_interval,
        },
        Definition {
            name: "make_timestamp",
            forms: &[&[
                Kind::Whole,
                Kind::Whole,
                Kind::Whole,
                Kind::Whole,
                Kind::Whole,
                Kind::Float,
            ]],
            result: |_| stamp(),
            body: make_timestamp,
        },
        Definition {
            name: "make_interval",
            forms: &[&[
                Kind::Whole,
                Kind::Whole,
                Kind::Whole,
                Kind::Whole,
                Kind::Whole,
                Kind::Whole,
                Kind::Float,
            ]],
            result: |_| span(),
            body: make_interval,
        },
        Definition {
            name: "justify_days",
            forms: &[&[Kind::Span]],
            result: |_| span(),
            body: |row| interval(justified_days(given_span(row, 0))),
        },
        Definition {
            name: "justify_hours",
            forms: &[&[Kind::Span]],
            result: |_| span(),
            body: |row| interval(justified_hours(given_span(row, 0))),
        },
        Definition {
            name: "justify_interval",
            forms: &[&[Kind::Span]],
            result: |_| span(),
            body: |row| interval(justified(given_span(row, 0))),
        },
        Definition {
            name: "isfinite",
            forms: &[&[Kind::Stamp], &[Kind::Zoned], &[Kind::Span]],
            result: |_| DataType::Boolean,
            // No time here is infinite.
            body: |_| Ok(ScalarValue::Boolean(Some(true))),
        },
    ]
}

/// Months, days and microseconds.
type Parts = (i64, i64, i64);

pub fn given_span(row: &Row<'_>, index: usize) -> Parts {
    match row.value(index) {
        ScalarValue::IntervalMonthDayNano(Some(given)) => {
            (i64::from(given.months), i64::from(given.days), given.nanoseconds / 1000)
        }
        _ => (0, 0, 0),
    }
}

fn interval((months, days, micros): Parts) -> Result<ScalarValue> {
    let too_long = |_| out_of_range("interval out of range");
    let months = i32::try_from(months).map_err(too_long)?;
    let days = i32::try_from(days).map_err(too_long)?;
    let nanos = micros
        .checked_mul(1000)
        .ok_or_else(|| out_of_range("interval out of range"))?;
    Ok(ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(
        months, days, nanos,
    ))))
}

fn justified_hours((months, days, micros): Parts) -> Parts {
    let (mut days, mut micros) = (days + micros / MICROS_PER_DAY, micros % MICROS_PER_DAY);
    if days > 0 && micros < 0 {
        (days, micros) = (days - 1, micros + MICROS_PER_DAY);
    } else if days < 0 && micros > 0 {
        (days, micros) = (days + 1, micros - MICROS_PER_DAY);
    }
    (months, days, micros)
}

fn justified_days((months, days, micros): Parts) -> Parts {
    let (mut months, mut days) = (months + days / 30, days % 30);
    if months > 0 && days < 0 {
        (months, days) = (months - 1, days + 30);
    } else if months < 0 && days > 0 {
        (months, days) = (months + 1, days - 30);
    }
    (months, days, micros)
}

/// Both, with all parts of one sign.
fn justified(parts: Parts) -> Parts {
    let (mut months, mut days, mut micros) = justified_days(justified_hours(parts));
    if months > 0 && (days < 0 || (days == 0 && micros < 0)) {
        (months, days) = (months - 1, days + 30);
    } else if months < 0 && (days > 0 || (days == 0 && micros > 0)) {
        (months, days) = (months + 1, days - 30);
    }
    if days > 0 && micros < 0 {
        (days, micros) = (days - 1, micros + MICROS_PER_DAY);
    } else if days < 0 && micros > 0 {
        (days, micros) = (days + 1, micros - MICROS_PER_DAY);
    }
    (months, days, micros)
}

/// What a clock shows: of a time with a zone the session's.
pub fn wall_clock(row: &Row<'_>, index: usize) -> Result<NaiveDateTime> {
    let (micros, has_zone) = row.micros(index);
    let utc = DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| out_of_range("timestamp out of range"))?
        .naive_utc();
    let offset = if has_zone { offset_seconds(row, index) } else { 0 };
    Ok(utc + chrono::TimeDelta::seconds(i64::from(offset)))
}

/// How far the session's zone is before UTC at a time, in seconds.
pub fn offset_seconds(row: &Row<'_>, index: usize) -> i32 {
    let (micros, _) = row.micros(index);
    let utc = DateTime::from_timestamp_micros(micros).unwrap_or_default().naive_utc();
    row.zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()
}

/// Seconds with their fraction, exact to the microsecond.
fn seconds(micros: i64) -> f64 {
    micros as f64 / MICROS_PER_SECOND as f64
}

fn date_part(row: &Row<'_>) -> Result<ScalarValue> {
    let part = row.text(0).to_lowercase();
    let found = match row.value(1) {
        ScalarValue::TimestampMicrosecond(..) => part_of_time(&part, row)?,
        ScalarValue::Time64Microsecond(Some(micros)) => part_of_clock(&part, *micros),
        _ => part_of_span(&part, given_span(row, 1)),
    };
    let unknown = || {
        Error::new(
            ErrorKind::InvalidParameterValue,
            format!("unit \"{part}\" not recognized for this type"),
        )
    };
    Ok(float_result(found.ok_or_else(unknown)?))
}

fn part_of_time(part: &str, row: &Row<'_>) -> Result<Option<f64>> {
    let (micros, has_zone) = row.micros(1);
    let time = wall_clock(row, 1)?;
    let of_day = micros_of_day(&time);
    let year = time.year();
    let since = |years: i32| f64::from((year + years - 1).div_euclid(years));
    Ok(Some(match part {
        "epoch" => seconds(micros),
        "year" | "years" => f64::from(year),
        "month" | "months" | "mon" => f64::from(time.month()),
        "day" | "days" => f64::from(time.day()),
        "dow" => f64::from(time.weekday().num_days_from_sunday()),
        "isodow" => f64::from(time.weekday().number_from_monday()),
        "doy" => f64::from(time.ordinal()),
        "week" => f64::from(time.iso_week().week()),
        "isoyear" => f64::from(time.iso_week().year()),
        "quarter" | "qtr" => f64::from((time.month() - 1) / 3 + 1),
        "decade" => f64::from(year.div_euclid(10)),
        "century" => since(100),
        "millennium" => since(1000),
        "julian" => {
            let days = time.date().num_days_from_ce();
            // The Julian day before the first of January of the year 1 was 1721425.
            f64::from(days) + 1_721_425.0 + of_day as f64 / MICROS_PER_DAY as f64
        }
        "timezone" if has_zone => f64::from(offset_seconds(row, 1)),
        "timezone_hour" if has_zone => f64::from(offset_seconds(row, 1) / 3600),
        "timezone_minute" if has_zone => f64::from(offset_seconds(row, 1) / 60 % 60),
        _ => return Ok(part_of_clock(part, of_day).filter(|_| part != "epoch")),
    }))
}

fn micros_of_day(time: &NaiveDateTime) -> i64 {
    i64::from(time.num_seconds_from_midnight()) * MICROS_PER_SECOND + i64::from(time.nanosecond() / 1000)
}

fn part_of_clock(part: &str, micros: i64) -> Option<f64> {
    let of_minute = micros % (60 * MICROS_PER_SECOND);
    Some(match part {
        "epoch" => seconds(micros),
        "hour" | "hours" => (micros / (3600 * MICROS_PER_SECOND)) as f64,
        "minute" | "minutes" | "min" => (micros / (60 * MICROS_PER_SECOND) % 60) as f64,
        "second" | "seconds" | "sec" => seconds(of_minute),
        "millisecond" | "milliseconds" | "ms" | "msec" => of_minute as f64 / 1000.0,
        "microsecond" | "microseconds" | "us" | "usec" => of_minute as f64,
        _ => return None,
    })
}

fn part_of_span(part: &str, (months, days, micros): Parts) -> Option<f64> {
    Some(match part {
        // A year has 365.25 days there, a month 30.
        "epoch" => {
            let years = (months / 12) as f64 * 365.25;
            let rest = (months % 12 * 30 + days) as f64;
            (years + rest) * 86_400.0 + seconds(micros)
        }
        "year" | "years" => (months / 12) as f64,
        "month" | "months" | "mon" => (months % 12) as f64,
        "day" | "days" => days as f64,
        "quarter" => (months % 12 / 3 + 1) as f64,
        "decade" => (months / 120) as f64,
        "century" => (months / 1200) as f64,
        "millennium" => (months / 12_000) as f64,
        _ => return part_of_clock(part, micros),
    })
}

/// The difference of two times field by field, with months as long as they were.
fn age(row: &Row<'_>) -> Result<ScalarValue> {
    let (later, earlier) = (wall_clock(row, 0)?, wall_clock(row, 1)?);
    let (sign, from, to) = if later >= earlier {
        (1, earlier, later)
    } else {
        (-1, later, earlier)
    };
    let mut micros = micros_of_day(&to) - micros_of_day(&from);
    let mut days = i64::from(to.day()) - i64::from(from.day());
    let months_of = |time: &NaiveDateTime| i64::from(time.year()) * 12 + i64::from(time.month0());
    let mut months = months_of(&to) - months_of(&from);
    if micros < 0 {
        (days, micros) = (days - 1, micros + MICROS_PER_DAY);
    }
    if days < 0 {
        // The days of the month in which the earlier time lies, or for a negative age the other's: its first argument's.
        days += days_of_month(&from);
        months -= 1;
    }
    interval((sign * months, sign * days, sign * micros))
}

fn days_of_month(time: &NaiveDateTime) -> i64 {
    let (year, month) = if time.month() == 12 {
        (time.year() + 1, 1)
    } else {
        (time.year(), time.month() + 1)
    };
    let next = NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_default();
    i64::from(next.pred_opt().unwrap_or_default().day())
}

/// Decades, centuries and millennia, which the engine does not cut at.
fn date_trunc_coarse(row: &Row<'_>) -> Result<ScalarValue> {
    let time = wall_clock(row, 1)?;
    let first = |years: i32| (time.year() - 1).div_euclid(years) * years + 1;
    let year = match row.text(0) {
        "decade" => time.year().div_euclid(10) * 10,
        "century" => first(100),
        _ => first(1000),
    };
    let start = NaiveDate::from_ymd_opt(year, 1, 1).and_then(|date| date.and_hms_opt(0, 0, 0));
    Ok(ScalarValue::TimestampMicrosecond(
        start.map(|start| start.and_utc().timestamp_micros()),
        None,
    ))
}

fn date_trunc_interval(row: &Row<'_>) -> Result<ScalarValue> {
    let (months, days, micros) = given_span(row, 1);
    let cut = |micros: i64, size: i64| micros / size * size;
    interval(match row.text(0).to_lowercase().trim_end_matches('s') {
        "microsecond" => (months, days, micros),
        "millisecond" => (months, days, cut(micros, 1000)),
        "second" => (months, days, cut(micros, MICROS_PER_SECOND)),
        "minute" => (months, days, cut(micros, 60 * MICROS_PER_SECOND)),
        "hour" => (months, days, cut(micros, 3600 * MICROS_PER_SECOND)),
        "day" => (months, days, 0),
        "month" => (months, 0, 0),
        "quarter" => (months / 3 * 3, 0, 0),
        "year" => (months / 12 * 12, 0, 0),
        "decade" => (months / 120 * 120, 0, 0),
        other => return Err(wrong(format!("unit \"{other}\" not supported for type interval"))),
    })
}

fn make_timestamp(row: &Row<'_>) -> Result<ScalarValue> {
    let whole = |index: usize| u32::try_from(row.whole(index)).ok();
    let micros = row.float(5) * MICROS_PER_SECOND as f64;
    let time = || {
        let year = i32::try_from(row.whole(0)).ok()?;
        let day = NaiveDate::from_ymd_opt(year, whole(1)?, whole(2)?)?;
        let start = day.and_hms_opt(whole(3)?, whole(4)?, 0)?;
        (0.0..=60e6)
            .contains(&micros)
            .then(|| start.and_utc().timestamp_micros() + micros.round() as i64)
    };
    match time() {
        Some(micros) => Ok(ScalarValue::TimestampMicrosecond(Some(micros), None)),
        None => Err(out_of_range("date/time field value out of range")),
    }
}

fn make_interval(row: &Row<'_>) -> Result<ScalarValue> {
    let seconds = row.whole(4) * 3600 + row.whole(5) * 60;
    let micros = seconds * MICROS_PER_SECOND + (row.float(6) * MICROS_PER_SECOND as f64).round() as i64;
    interval((
        row.whole(0) * 12 + row.whole(1),
        row.whole(2) * 7 + row.whole(3),
        micros,
    ))
}
