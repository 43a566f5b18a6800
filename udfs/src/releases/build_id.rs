//! Build ids: the time of a build, written as digits.

/// Microseconds since 1970 of a build id of 8, 10, 12 or 14 digits (`YYYYMMDD[hh[mm[ss]]]`, taken as UTC);
/// `None` for anything else.
pub fn build_micros(build_id: &str) -> Option<i64> {
    let digits = build_id.trim().as_bytes();
    if !matches!(digits.len(), 8 | 10 | 12 | 14) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let part = |from: usize, to: usize| {
        digits.get(from..to).map_or(0, |part| {
            part.iter()
                .fold(0i64, |number, digit| number * 10 + i64::from(digit - b'0'))
        })
    };
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    let (hour, minute, second) = (part(8, 10), part(10, 12), part(12, 14));
    let is_date = year >= 1 && (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(seconds * 1_000_000)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let previous = year - 1;
    let leap_days = previous / 4 - previous / 100 + previous / 400;
    let days_before_month: i64 = (1..month).map(|earlier| days_in_month(year, earlier)).sum();
    // 719162 days lie between 0001-01-01 and 1970-01-01.
    previous * 365 + leap_days + days_before_month + day - 1 - 719_162
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_become_times() {
        // `date -u -d '2017-06-08 10:58:25' +%s`
        assert_eq!(build_micros("20170608105825"), Some(1_496_919_505_000_000));
        assert_eq!(build_micros("201706081058"), Some(1_496_919_480_000_000));
        assert_eq!(build_micros("2017060810"), Some(1_496_916_000_000_000));
        assert_eq!(build_micros("20170608"), Some(1_496_880_000_000_000));
        assert_eq!(build_micros("19700101"), Some(0));
        assert_eq!(build_micros("20160229000000"), Some(1_456_704_000_000_000));
        assert_eq!(build_micros("19691231235959"), Some(-1_000_000));
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "2017",
            "201706081",
            "20170608105860",
            "20170608240000",
            "20170229",
            "20171301",
            "2017060a",
            "00000101",
        ] {
            assert_eq!(build_micros(text), None, "{text:?}");
        }
    }
}
