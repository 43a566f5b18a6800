//! Dates, times of day, timestamps and intervals.

use std::fmt::Write;
use std::str::FromStr;

use arrow::array::{Array, AsArray, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit,
    IntervalYearMonthType, TimeUnit,
};
use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Offset, TimeZone};

use super::Cell;
use super::interval_text::{Parts, write_interval};
use crate::error::{Error, ErrorKind, Result};

pub use super::interval_text::IntervalStyle;

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;
const MICROSECONDS_PER_DAY: i64 = 86_400 * MICROSECONDS_PER_SECOND;
/// From 1970-01-01, where Arrow counts from, to 2000-01-01, where PostgreSQL does.
const EPOCH_DAYS: i64 = 10_957;

/// A time zone: a name of the tz database or a fixed offset.
#[derive(Debug, Clone, Copy)]
pub enum Zone {
    Named(chrono_tz::Tz),
    FixedSeconds(i32),
}

impl Zone {
    /// The zone of a setting that was checked when it was set.
    pub fn named(name: &str) -> Self {
        if let Ok(zone) = chrono_tz::Tz::from_str(name) {
            return Self::Named(zone);
        }
        let seconds = arrow::array::timezone::Tz::from_str(name)
            .ok()
            .and_then(|zone| Some(zone.offset_from_utc_datetime(&DateTime::from_timestamp(0, 0)?.naive_utc())))
            .map_or(0, |offset| offset.fix().local_minus_utc());
        Self::FixedSeconds(seconds)
    }

    /// The offset east of UTC at a moment. Beyond the calendar's reach it is that of its end.
    fn offset_seconds(self, unix_seconds: i64) -> i32 {
        match self {
            Self::FixedSeconds(seconds) => seconds,
            Self::Named(chrono_tz::Tz::UTC) => 0,
            Self::Named(zone) => {
                let far = if unix_seconds < 0 {
                    DateTime::<chrono::Utc>::MIN_UTC
                } else {
                    DateTime::<chrono::Utc>::MAX_UTC
                };
                let moment = DateTime::from_timestamp(unix_seconds, 0).unwrap_or(far);
                zone.offset_from_utc_datetime(&moment.naive_utc())
                    .fix()
                    .local_minus_utc()
            }
        }
    }
}

fn out_of_range(what: &str) -> Error {
    Error::new(ErrorKind::DatetimeFieldOverflow, format!("{what} out of range"))
}

/// The civil date of a day counted from 1970-01-01, in the proleptic Gregorian calendar (Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u32, day as u32)
}

/// Writes a date without its era; returns whether ` BC` has to follow at the end.
fn put_date(days: i64, out: &mut BytesMut) -> bool {
    let (year, month, day) = civil(days);
    let before_christ = year <= 0;
    let shown_year = if before_christ { 1 - year } else { year };
    // Writing into a growing buffer cannot fail.
    let _ = write!(out, "{shown_year:04}-{month:02}-{day:02}");
    before_christ
}

fn put_time_of_day(microseconds: i64, out: &mut BytesMut) {
    let seconds = microseconds / MICROSECONDS_PER_SECOND;
    let _ = write!(
        out,
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    put_fraction(microseconds % MICROSECONDS_PER_SECOND, out);
}

/// `.5`, `.000001`, or nothing.
pub fn put_fraction(microseconds: i64, out: &mut BytesMut) {
    if microseconds == 0 {
        return;
    }
    let digits = format!("{:06}", microseconds.abs());
    out.put_u8(b'.');
    out.put_slice(digits.trim_end_matches('0').as_bytes());
}

fn put_offset(seconds: i32, out: &mut BytesMut) {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    let _ = write!(out, "{sign}{:02}", seconds / 3600);
    if seconds % 3600 != 0 {
        let _ = write!(out, ":{:02}", seconds / 60 % 60);
    }
    if seconds % 60 != 0 {
        let _ = write!(out, ":{:02}", seconds % 60);
    }
}

/// Dates, with how many units make a day.
pub struct Date<'a, T: ArrowPrimitiveType>(pub &'a PrimitiveArray<T>, pub i64);

impl<T: ArrowPrimitiveType> Date<'_, T>
where
    T::Native: Into<i64>,
{
    fn days(&self, row: usize) -> i64 {
        let value: i64 = self.0.value(row).into();
        value.div_euclid(self.1)
    }
}

impl<T: ArrowPrimitiveType> Cell for Date<'_, T>
where
    T::Native: Into<i64>,
{
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        if put_date(self.days(row), out) {
            out.put_slice(b" BC");
        }
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let days = i32::try_from(self.days(row) - EPOCH_DAYS).map_err(|_| out_of_range("date"))?;
        out.put_i32(days);
        Ok(())
    }
}

/// The 64-bit integers beneath a column of any temporal type.
fn integers(array: &dyn Array) -> Result<PrimitiveArray<Int64Type>> {
    let plain = match array.data_type() {
        DataType::Time32(_) => {
            let narrow = cast(array, &DataType::Int32)?;
            narrow.as_primitive::<Int32Type>().unary(i64::from)
        }
        _ => cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone(),
    };
    Ok(plain)
}

/// A count in some unit as microseconds.
fn microseconds(value: i64, unit: TimeUnit, what: &str) -> Result<i64> {
    let converted = match unit {
        TimeUnit::Second => value.checked_mul(MICROSECONDS_PER_SECOND),
        TimeUnit::Millisecond => value.checked_mul(1000),
        TimeUnit::Microsecond => Some(value),
        TimeUnit::Nanosecond => Some(value.div_euclid(1000)),
    };
    converted.ok_or_else(|| out_of_range(what))
}

struct TimeOfDay {
    values: PrimitiveArray<Int64Type>,
    unit: TimeUnit,
}

pub fn time_of_day(array: &dyn Array, unit: TimeUnit) -> Result<Box<dyn Cell>> {
    let values = integers(array)?;
    Ok(Box::new(TimeOfDay { values, unit }))
}

impl TimeOfDay {
    fn microseconds(&self, row: usize) -> Result<i64> {
        match microseconds(self.values.value(row), self.unit, "time")? {
            time @ 0..=MICROSECONDS_PER_DAY => Ok(time),
            _ => Err(out_of_range("time")),
        }
    }
}

impl Cell for TimeOfDay {
    fn is_null(&self, row: usize) -> bool {
        self.values.is_null(row)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        put_time_of_day(self.microseconds(row)?, out);
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_i64(self.microseconds(row)?);
        Ok(())
    }
}

struct Timestamp {
    values: PrimitiveArray<Int64Type>,
    unit: TimeUnit,
    /// The zone in which moments are shown; `None` for a timestamp that knows no zone.
    zone: Option<Zone>,
}

pub fn timestamp(array: &dyn Array, unit: TimeUnit, zone: Option<&Zone>) -> Result<Box<dyn Cell>> {
    let values = integers(array)?;
    let zone = zone.copied();
    Ok(Box::new(Timestamp { values, unit, zone }))
}

impl Timestamp {
    fn microseconds(&self, row: usize) -> Result<i64> {
        microseconds(self.values.value(row), self.unit, "timestamp")
    }
}

impl Cell for Timestamp {
    fn is_null(&self, row: usize) -> bool {
        self.values.is_null(row)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let moment = self.microseconds(row)?;
        let offset = self
            .zone
            .map(|zone| zone.offset_seconds(moment.div_euclid(MICROSECONDS_PER_SECOND)));
        let local = moment
            .checked_add(i64::from(offset.unwrap_or(0)) * MICROSECONDS_PER_SECOND)
            .ok_or_else(|| out_of_range("timestamp"))?;
        let before_christ = put_date(local.div_euclid(MICROSECONDS_PER_DAY), out);
        out.put_u8(b' ');
        put_time_of_day(local.rem_euclid(MICROSECONDS_PER_DAY), out);
        if let Some(offset) = offset {
            put_offset(offset, out);
        }
        if before_christ {
            out.put_slice(b" BC");
        }
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let since_2000 = self.microseconds(row)?.checked_sub(EPOCH_DAYS * MICROSECONDS_PER_DAY);
        out.put_i64(since_2000.ok_or_else(|| out_of_range("timestamp"))?);
        Ok(())
    }
}

struct Interval {
    /// Months, days and microseconds of each row.
    values: Vec<Option<Parts>>,
    style: IntervalStyle,
}

pub fn interval(array: &dyn Array, style: IntervalStyle) -> Result<Box<dyn Cell>> {
    let values: Vec<Option<Parts>> = match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => array
            .as_primitive::<IntervalYearMonthType>()
            .iter()
            .map(|value| value.map(|months| Parts::new(months, 0, 0)))
            .collect(),
        DataType::Interval(IntervalUnit::DayTime) => array
            .as_primitive::<IntervalDayTimeType>()
            .iter()
            .map(|value| value.map(|it| Parts::new(0, it.days, i64::from(it.milliseconds) * 1000)))
            .collect(),
        DataType::Interval(IntervalUnit::MonthDayNano) => array
            .as_primitive::<IntervalMonthDayNanoType>()
            .iter()
            .map(|value| value.map(|it| Parts::new(it.months, it.days, it.nanoseconds / 1000)))
            .collect(),
        DataType::Duration(unit) => integers(array)?
            .iter()
            .map(|value| value.map(|count| duration(count, *unit)).transpose())
            .collect::<Result<_>>()?,
        other => return Err(Error::internal(format!("{other} is no interval"))),
    };
    Ok(Box::new(Interval { values, style }))
}

/// The difference of two timestamps, in days and the rest as PostgreSQL gives it.
fn duration(count: i64, unit: TimeUnit) -> Result<Parts> {
    let total = microseconds(count, unit, "interval")?;
    let days = i32::try_from(total / MICROSECONDS_PER_DAY).map_err(|_| out_of_range("interval"))?;
    Ok(Parts::new(0, days, total % MICROSECONDS_PER_DAY))
}

impl Interval {
    fn parts(&self, row: usize) -> Parts {
        self.values.get(row).copied().flatten().unwrap_or_default()
    }
}

impl Cell for Interval {
    fn is_null(&self, row: usize) -> bool {
        self.values.get(row).is_none_or(Option::is_none)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        write_interval(self.parts(row), self.style, out);
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let parts = self.parts(row);
        out.put_i64(parts.microseconds);
        out.put_i32(parts.days);
        out.put_i32(parts.months);
        Ok(())
    }
}
