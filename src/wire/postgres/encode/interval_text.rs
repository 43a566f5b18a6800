//! The four text forms of an interval, by the setting `IntervalStyle`.

use std::fmt::Write;

use bytes::{BufMut, BytesMut};

use super::times::put_fraction;

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalStyle {
    Postgres,
    PostgresVerbose,
    SqlStandard,
    Iso8601,
}

impl IntervalStyle {
    pub fn named(name: &str) -> Self {
        match name {
            "postgres_verbose" => Self::PostgresVerbose,
            "sql_standard" => Self::SqlStandard,
            "iso_8601" => Self::Iso8601,
            _ => Self::Postgres,
        }
    }
}

/// An interval as PostgreSQL keeps it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts {
    pub months: i32,
    pub days: i32,
    pub microseconds: i64,
}

impl Parts {
    pub fn new(months: i32, days: i32, microseconds: i64) -> Self {
        Self {
            months,
            days,
            microseconds,
        }
    }
}

/// The fields that are shown. All fields of the time share its sign, and so do years and months.
struct Fields {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    minutes: i64,
    seconds: i64,
    microseconds: i64,
}

impl Fields {
    fn new(parts: Parts) -> Self {
        let seconds = parts.microseconds / MICROSECONDS_PER_SECOND;
        Self {
            years: i64::from(parts.months) / 12,
            months: i64::from(parts.months) % 12,
            days: i64::from(parts.days),
            hours: seconds / 3600,
            minutes: seconds / 60 % 60,
            seconds: seconds % 60,
            microseconds: parts.microseconds % MICROSECONDS_PER_SECOND,
        }
    }

    fn time_is_negative(&self) -> bool {
        self.hours < 0 || self.minutes < 0 || self.seconds < 0 || self.microseconds < 0
    }

    fn has_time(&self) -> bool {
        self.hours != 0 || self.minutes != 0 || self.seconds != 0 || self.microseconds != 0
    }

    /// `05:06.789`, the hours being written in the style's own way.
    fn put_minutes_and_seconds(&self, out: &mut BytesMut) {
        // Writing into a growing buffer cannot fail, here and below.
        let _ = write!(out, "{:02}:{:02}", self.minutes.abs(), self.seconds.abs());
        put_fraction(self.microseconds, out);
    }

    fn put_seconds(&self, out: &mut BytesMut) {
        let _ = write!(out, "{}", self.seconds.abs());
        put_fraction(self.microseconds, out);
    }
}

pub fn write_interval(parts: Parts, style: IntervalStyle, out: &mut BytesMut) {
    let fields = Fields::new(parts);
    match style {
        IntervalStyle::Postgres => postgres(&fields, out),
        IntervalStyle::PostgresVerbose => verbose(&fields, out),
        IntervalStyle::SqlStandard => sql_standard(parts, &fields, out),
        IntervalStyle::Iso8601 => iso_8601(&fields, out),
    }
}

fn postgres(fields: &Fields, out: &mut BytesMut) {
    let (mut empty, mut negative_before) = (true, false);
    for (value, unit) in [(fields.years, "year"), (fields.months, "mon"), (fields.days, "day")] {
        if value == 0 {
            continue;
        }
        let space = if empty { "" } else { " " };
        let plus = if negative_before && value > 0 { "+" } else { "" };
        let plural = if value == 1 { "" } else { "s" };
        let _ = write!(out, "{space}{plus}{value} {unit}{plural}");
        (empty, negative_before) = (false, value < 0);
    }
    if empty || fields.has_time() {
        let space = if empty { "" } else { " " };
        let sign = match (fields.time_is_negative(), negative_before) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        let _ = write!(out, "{space}{sign}{:02}:", fields.hours.abs());
        fields.put_minutes_and_seconds(out);
    }
}

fn verbose(fields: &Fields, out: &mut BytesMut) {
    out.put_u8(b'@');
    let (mut empty, mut ago) = (true, false);
    let units = [
        (fields.years, "year"),
        (fields.months, "mon"),
        (fields.days, "day"),
        (fields.hours, "hour"),
        (fields.minutes, "min"),
    ];
    for (value, unit) in units {
        if value == 0 {
            continue;
        }
        // The first field's sign is said by "ago" at the end; the others are relative to it.
        if empty {
            ago = value < 0;
        }
        let shown = if ago { -value } else { value };
        let plural = if shown == 1 { "" } else { "s" };
        let _ = write!(out, " {shown} {unit}{plural}");
        empty = false;
    }
    if fields.seconds != 0 || fields.microseconds != 0 {
        let negative = fields.seconds < 0 || fields.microseconds < 0;
        if empty {
            ago = negative;
        }
        out.put_slice(if negative == ago { b" " } else { b" -" });
        fields.put_seconds(out);
        let plural = if fields.seconds.abs() == 1 && fields.microseconds == 0 {
            ""
        } else {
            "s"
        };
        let _ = write!(out, " sec{plural}");
        empty = false;
    }
    if empty {
        out.put_slice(b" 0");
    }
    if ago {
        out.put_slice(b" ago");
    }
}

fn sql_standard(parts: Parts, fields: &Fields, out: &mut BytesMut) {
    let signs = [i64::from(parts.months), i64::from(parts.days), parts.microseconds];
    let any_negative = signs.iter().any(|sign| *sign < 0);
    let any_positive = signs.iter().any(|sign| *sign > 0);
    let has_day_time = parts.days != 0 || parts.microseconds != 0;
    if !any_negative && !any_positive {
        out.put_u8(b'0');
    } else if (any_negative && any_positive) || (parts.months != 0 && has_day_time) {
        let [year, day, time] = signs.map(|sign| if sign < 0 { '-' } else { '+' });
        let (years, months) = (fields.years.abs(), fields.months.abs());
        let (days, hours) = (fields.days.abs(), fields.hours.abs());
        let _ = write!(out, "{year}{years}-{months} {day}{days} {time}{hours}:");
        fields.put_minutes_and_seconds(out);
    } else {
        if any_negative {
            out.put_u8(b'-');
        }
        if parts.months != 0 {
            let _ = write!(out, "{}-{}", fields.years.abs(), fields.months.abs());
            return;
        }
        if parts.days != 0 {
            let _ = write!(out, "{} ", fields.days.abs());
        }
        let _ = write!(out, "{}:", fields.hours.abs());
        fields.put_minutes_and_seconds(out);
    }
}

fn iso_8601(fields: &Fields, out: &mut BytesMut) {
    out.put_u8(b'P');
    let put = |value: i64, unit: char, out: &mut BytesMut| {
        if value != 0 {
            let _ = write!(out, "{value}{unit}");
        }
    };
    put(fields.years, 'Y', out);
    put(fields.months, 'M', out);
    put(fields.days, 'D', out);
    if fields.has_time() {
        out.put_u8(b'T');
        put(fields.hours, 'H', out);
        put(fields.minutes, 'M', out);
        if fields.seconds != 0 || fields.microseconds != 0 {
            if fields.time_is_negative() {
                out.put_u8(b'-');
            }
            fields.put_seconds(out);
            out.put_u8(b'S');
        }
    } else if fields.years == 0 && fields.months == 0 && fields.days == 0 {
        out.put_slice(b"T0S");
    }
}
