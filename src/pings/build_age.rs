//! How old a build is when its ping arrives, as the streaming job counted it.

use chrono::{Datelike, NaiveDate};

use super::reason::Reason;

const OLDEST_MONTHS: i64 = 6;

/// Refuses builds of which more than six whole months have passed, and those a whole month or more ahead.
pub fn check(build_id: &str, arrival_day: NaiveDate) -> Result<(), Reason> {
    let build_day = build_id.get(..8).and_then(compact_date).ok_or(Reason::InvalidBuildId)?;
    match whole_months(build_day, arrival_day) {
        months if months < 0 => Err(Reason::FutureBuild),
        months if months > OLDEST_MONTHS => Err(Reason::OldBuild),
        _ => Ok(()),
    }
}

/// A day written as `YYYYMMDD`.
pub fn compact_date(text: &str) -> Option<NaiveDate> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u32 = text.parse().ok()?;
    NaiveDate::from_ymd_opt(i32::try_from(number / 10_000).ok()?, number / 100 % 100, number % 100)
}

/// Whole months between two days, towards 0: a month is over when its day of the month comes round again.
fn whole_months(from: NaiveDate, to: NaiveDate) -> i64 {
    // No month has 32 days, so that the division drops what is less than a month.
    let packed = |day: NaiveDate| (i64::from(day.year()) * 12 + i64::from(day.month0())) * 32 + i64::from(day.day());
    (packed(to) - packed(from)) / 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_of_six_whole_months_count() {
        let cases = [
            // The streaming job's own two.
            ("20170102", "20170810", Err(Reason::OldBuild)),
            ("20170101", "20170601", Ok(())),
            // Around the bounds.
            ("20170115000000", "20170814", Ok(())),
            ("20170115000000", "20170815", Err(Reason::OldBuild)),
            ("20170201000000", "20170101", Err(Reason::FutureBuild)),
            ("20170131235959", "20170101", Ok(())),
            // Not days.
            ("2017010", "20170601", Err(Reason::InvalidBuildId)),
            ("20171301", "20170601", Err(Reason::InvalidBuildId)),
            ("2017é101", "20170601", Err(Reason::InvalidBuildId)),
            ("+2017010", "20170601", Err(Reason::InvalidBuildId)),
        ];
        for (build_id, day, expected) in cases {
            let day = compact_date(day).expect("a day");
            assert_eq!(check(build_id, day), expected, "{build_id} on {day}");
        }
    }
}
