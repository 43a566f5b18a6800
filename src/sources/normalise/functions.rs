//! The two conversions that the query engine's own expressions lack: a platform from an operating system's name, and
//! a date from the text forms in use.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, StringViewArray};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use chrono::{Datelike, NaiveDate};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use mission_control_udfs::platform_of;

/// Days from 0001-01-01 to 1970-01-01, which chrono and Arrow count from.
const EPOCH_DAYS_FROM_CE: i32 = 719_163;

pub(super) const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

/// Which of the two text forms of a date a column holds throughout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DateText {
    /// `2018-06-04`
    Dashed,
    /// `20180604`
    Compact,
}

impl DateText {
    /// The form that one value has.
    pub fn of(text: &str) -> Option<Self> {
        match text.len() {
            10 => Self::Dashed.parse(text).map(|_| Self::Dashed),
            8 => Self::Compact.parse(text).map(|_| Self::Compact),
            _ => None,
        }
    }

    /// Days since 1970 of a text in this form; `None` for anything else.
    pub fn parse(self, text: &str) -> Option<i32> {
        let well_formed = match self {
            Self::Dashed => text.len() == 10,
            Self::Compact => text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()),
        };
        if !well_formed {
            return None;
        }
        let date = NaiveDate::parse_from_str(text, self.pattern()).ok()?;
        Some(date.num_days_from_ce() - EPOCH_DAYS_FROM_CE)
    }

    pub fn parse_any(text: &str) -> Option<i32> {
        Self::of(text).and_then(|form| form.parse(text))
    }

    /// A day in this form; `None` where the form would not sort as dates do (outside the years 0 to 9999).
    pub fn format(self, days: i32) -> Option<String> {
        let date = NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAYS_FROM_CE)?)?;
        (0..=9999)
            .contains(&date.year())
            .then(|| date.format(self.pattern()).to_string())
    }

    fn pattern(self) -> &'static str {
        match self {
            Self::Dashed => "%Y-%m-%d",
            Self::Compact => "%Y%m%d",
        }
    }
}

/// Which platform an operating system belongs to: configured names first, then the common ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PlatformAliases {
    /// Lower-case name → platform.
    configured: BTreeMap<String, String>,
}

impl PlatformAliases {
    /// With names of operating systems beyond the common ones; upper and lower case are the same.
    pub fn new(configured: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            configured: configured
                .into_iter()
                .map(|(name, platform)| (name.to_lowercase(), platform))
                .collect(),
        }
    }

    /// Fennec reported Android as Linux for years.
    pub fn platform<'a>(&'a self, os_name: &str, application: Option<&str>) -> &'a str {
        let name = os_name.trim().to_lowercase();
        let platform = self
            .configured
            .get(&name)
            .map_or_else(|| platform_of(&name), String::as_str);
        match (platform, application) {
            ("linux", Some("Fennec")) => "android",
            (platform, _) => platform,
        }
    }
}

/// `(os_name, application)` → platform, as the table has it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct SourcePlatform {
    aliases: Arc<PlatformAliases>,
    signature: Signature,
}

impl SourcePlatform {
    pub fn new(aliases: Arc<PlatformAliases>) -> Self {
        let arguments = vec![DataType::Utf8View, DataType::Utf8View];
        Self {
            aliases,
            signature: Signature::exact(arguments, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for SourcePlatform {
    fn name(&self) -> &str {
        "source_platform"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [os_names, applications] = arrays.as_slice() else {
            return datafusion::common::internal_err!("source_platform takes two arguments");
        };
        let pairs = os_names
            .as_string_view()
            .iter()
            .zip(applications.as_string_view().iter());
        // A batch has few different names, and looking one up costs less than comparing it with every alias.
        let mut known: HashMap<(&str, Option<&str>), &str> = HashMap::new();
        let mut platform = |os_name, application| {
            *known
                .entry((os_name, application))
                .or_insert_with(|| self.aliases.platform(os_name, application))
        };
        let platforms: StringViewArray = pairs
            .map(|(os_name, application)| os_name.map(|os_name| platform(os_name, application)))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(platforms) as ArrayRef))
    }
}

/// Text → date, by one form or by either.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct SourceDate {
    format: Option<DateText>,
    signature: Signature,
}

impl SourceDate {
    pub fn new(format: Option<DateText>) -> Self {
        Self {
            format,
            signature: Signature::exact(vec![DataType::Utf8View], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for SourceDate {
    fn name(&self) -> &str {
        "source_date"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [texts] = arrays.as_slice() else {
            return datafusion::common::internal_err!("source_date takes one argument");
        };
        let parse = |text: &str| match self.format {
            Some(format) => format.parse(text),
            None => DateText::parse_any(text),
        };
        let dates: Date32Array = texts.as_string_view().iter().map(|text| text.and_then(parse)).collect();
        Ok(ColumnarValue::Array(Arc::new(dates) as ArrayRef))
    }
}

/// Time → its day, UTC. The engine's own cast fails on a time beyond the calendar; here such a day is NULL.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct SourceDay {
    signature: Signature,
}

impl SourceDay {
    pub fn new() -> Self {
        Self {
            signature: Signature::exact(vec![super::time_type()], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for SourceDay {
    fn name(&self) -> &str {
        "source_day"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [times] = arrays.as_slice() else {
            return datafusion::common::internal_err!("source_day takes one argument");
        };
        let times = times.as_primitive::<TimestampMicrosecondType>();
        let day = |micros: i64| i32::try_from(micros.div_euclid(MICROSECONDS_PER_DAY)).ok();
        let days: Date32Array = times.unary_opt(day);
        Ok(ColumnarValue::Array(Arc::new(days) as ArrayRef))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_both_forms_and_in_no_other() {
        // 2018-06-04 is day 17686: `date -ud 2018-06-04 +%s` / 86400.
        assert_eq!(DateText::parse_any("2018-06-04"), Some(17_686));
        assert_eq!(DateText::parse_any("20180604"), Some(17_686));
        for text in [
            "",
            "2018-6-4",
            "20180631",
            "2018-02-30",
            "2018/06/04",
            "+2018060",
            "18-06-2004",
            "20180604 ",
        ] {
            assert_eq!(DateText::parse_any(text), None, "{text}");
        }
        assert_eq!(DateText::Compact.parse("2018-06-04"), None);
        assert_eq!(DateText::Compact.format(17_686).as_deref(), Some("20180604"));
        assert_eq!(DateText::Dashed.format(17_686).as_deref(), Some("2018-06-04"));
        assert_eq!(DateText::Dashed.format(i32::MAX), None);
    }

    #[test]
    fn platforms_have_one_name() {
        let aliases = PlatformAliases::new([("HarmonyOS".to_string(), "android".to_string())]);
        for (os_name, expected) in [
            ("Windows_NT", "windows"),
            ("Windows", "windows"),
            ("Darwin", "mac"),
            ("Mac", "mac"),
            ("Linux", "linux"),
            ("Android", "android"),
            ("harmonyos", "android"),
            ("SunOS", "other"),
            ("", "other"),
        ] {
            assert_eq!(aliases.platform(os_name, Some("Firefox")), expected, "{os_name}");
        }
        assert_eq!(aliases.platform("Linux", Some("Fennec")), "android");
        assert_eq!(aliases.platform("Linux", None), "linux");
    }
}
