//! Version numbers: grammar, total order and labels.
//!
//! `MAJOR[.MINOR[.PATCH[.X]]][(a|b|rc)N][esr]`, the grammar of Mozilla's product-details history files; missing parts
//! are 0, so that 55, 55.0 and 55.0.0 are one version. Order: the numbers, then nightly < beta < candidate < final.
//! An extended support release ties with the final release of the same number.

/// What a version is in the life of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Nightly,
    Beta,
    Candidate,
    Final,
}

/// A version that was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version<'a> {
    /// Major, minor, patch and the fourth number, 0 where not written.
    pub numbers: [u32; 4],
    /// How many of the numbers are written.
    pub written: usize,
    pub stage: Stage,
    /// The number behind `a`, `b` or `rc`; 0 for a final version.
    pub stage_number: u32,
    pub is_esr: bool,
    /// The text without surrounding space.
    pub text: &'a str,
}

/// Bits of the sort key, from the least significant: stage number, stage, fourth number, patch, minor, major.
const KEY_BITS: [u32; 6] = [11, 2, 10, 16, 10, 14];

impl<'a> Version<'a> {
    /// Reads a version; `None` where the text is not one.
    pub fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (body, is_esr) = match text.strip_suffix("esr") {
            Some(body) => (body, true),
            None => (text, false),
        };
        let dotted_length = body
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(body.len());
        let (dotted, suffix) = body.split_at(dotted_length);
        let (stage, stage_number) = parse_stage(suffix)?;
        let mut numbers = [0; 4];
        let mut written = 0;
        for part in dotted.split('.') {
            *numbers.get_mut(written)? = parse_number(part)?;
            written += 1;
        }
        Some(Self {
            numbers,
            written,
            stage,
            stage_number,
            is_esr,
            text,
        })
    }

    pub fn is_prerelease(&self) -> bool {
        self.stage != Stage::Final
    }

    pub fn stage_name(&self) -> &'static str {
        match self.stage {
            Stage::Nightly => "nightly",
            Stage::Beta => "beta",
            Stage::Candidate => "rc",
            Stage::Final if self.is_esr => "esr",
            Stage::Final => "final",
        }
    }

    /// A number that sorts as the versions do; `None` where a part is too large for it.
    pub fn sort_key(&self) -> Option<i64> {
        let [major, minor, patch, fourth] = self.numbers;
        let parts = [self.stage_number, self.stage as u32, fourth, patch, minor, major];
        let mut key = 0;
        let mut shift = 0;
        for (part, bits) in parts.into_iter().zip(KEY_BITS) {
            if part >> bits != 0 {
                return None;
            }
            key |= i64::from(part) << shift;
            shift += bits;
        }
        Some(key)
    }

    /// The major version alone: `58`.
    pub fn major_label(&self) -> String {
        self.numbers[0].to_string()
    }

    /// The release within the major, without the number of a pre-release: `58.0`, `58.0.1`, `60.2.0esr`.
    ///
    /// Equal versions get one label: at least major and minor are written, and a patch of 0 is not where minor is 0.
    pub fn point_label(&self) -> String {
        let [major, minor, patch, fourth] = self.numbers;
        let mut label = format!("{major}.{minor}");
        if patch > 0 || fourth > 0 || (minor > 0 && self.written > 2) {
            label.push_str(&format!(".{patch}"));
        }
        if fourth > 0 {
            label.push_str(&format!(".{fourth}"));
        }
        if self.is_esr {
            label.push_str("esr");
        }
        label
    }

    /// The version as written.
    pub fn build_label(&self) -> String {
        self.text.to_string()
    }
}

fn parse_stage(suffix: &str) -> Option<(Stage, u32)> {
    if suffix.is_empty() {
        return Some((Stage::Final, 0));
    }
    let (stage, number) = if let Some(number) = suffix.strip_prefix("rc") {
        (Stage::Candidate, number)
    } else if let Some(number) = suffix.strip_prefix('b') {
        (Stage::Beta, number)
    } else {
        (Stage::Nightly, suffix.strip_prefix('a')?)
    };
    Some((stage, parse_number(number)?))
}

/// Digits only, at most nine, so that every number fits.
fn parse_number(digits: &str) -> Option<u32> {
    let is_number = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> i64 {
        Version::parse(text)
            .and_then(|version| version.sort_key())
            .unwrap_or_else(|| panic!("{text} has no key"))
    }

    #[test]
    fn versions_sort_by_numbers_then_stage() {
        let order = [
            "0.8",
            "3.6.28",
            "52.9.0",
            "52.10.0",
            "55.0b2",
            "55.0b10",
            "55",
            "56.0.2",
            "58.0a1",
            "58.0a2",
            "58.0b5",
            "58.0b10",
            "58.0rc1",
            "58.0",
            "58.0.1",
            "59.0a1",
            "60.0.1rc5",
            "60.0.1",
            "62.0.3",
            "99.0.1",
            "100.0a1",
            "100.0",
            "120.0.6099.109",
        ];
        for pair in order.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{} must sort before {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn equal_versions_have_equal_keys() {
        assert_eq!(key("55"), key("55.0"));
        assert_eq!(key("55.0"), key("55.0.0.0"));
        assert_eq!(key("60.0esr"), key("60.0"));
        assert_eq!(key(" 60.0 "), key("60.0"));
    }

    #[test]
    fn labels_keep_esr_apart_and_write_equal_versions_alike() {
        let point = |text| Version::parse(text).map(|version| version.point_label());
        assert_eq!(point("55").as_deref(), Some("55.0"));
        assert_eq!(point("55.0.0").as_deref(), Some("55.0"));
        assert_eq!(point("58.0b5").as_deref(), Some("58.0"));
        assert_eq!(point("52.2.0").as_deref(), Some("52.2.0"));
        assert_eq!(point("60.0esr").as_deref(), Some("60.0esr"));
        assert_eq!(
            Version::parse("60.0esr").map(|version| version.stage_name()),
            Some("esr")
        );
    }

    #[test]
    fn what_is_no_version_is_none() {
        for text in [
            "",
            "esr",
            "58.",
            ".58",
            "58..0",
            "58.0b",
            "58.0c1",
            "1.2.3.4.5",
            "58.0b1.2",
            "v58",
            "58.0-1",
            "5٨.0",
            "12345678901.0",
        ] {
            assert_eq!(Version::parse(text), None, "{text:?}");
        }
    }
}
