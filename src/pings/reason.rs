//! Why a ping is not counted.

use serde::{Deserialize, Serialize};

/// One reason for each ping that is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    LineTooLong,
    InvalidUtf8,
    InvalidJson,
    InvalidField,
    InvalidText,
    InvalidTime,
    InvalidBuildId,
    InvalidUsage,
    InvalidCount,
    TooManyExperiments,
    FutureArrival,
    OtherType,
    OtherApplication,
    OtherChannel,
    OtherProcess,
    OtherSystem,
    OldBuild,
    FutureBuild,
}

/// What is known of a reason: its name in reports, and what it means in words.
struct Known {
    reason: Reason,
    name: &'static str,
    meaning: &'static str,
}

const fn known(reason: Reason, name: &'static str, meaning: &'static str) -> Known {
    Known { reason, name, meaning }
}

/// In the order of the enum.
const KNOWN: [Known; 18] = [
    known(
        Reason::LineTooLong,
        "line_too_long",
        "the line is longer than a ping may be",
    ),
    known(Reason::InvalidUtf8, "invalid_utf8", "the line is not UTF-8"),
    known(Reason::InvalidJson, "invalid_json", "the line is not JSON"),
    known(
        Reason::InvalidField,
        "invalid_field",
        "the line is no object, or a field that counts has another type or stands twice",
    ),
    known(
        Reason::InvalidText,
        "invalid_text",
        "a text that counts has more than 256 bytes or control characters",
    ),
    known(
        Reason::InvalidTime,
        "invalid_time",
        "the time of arrival is missing or no time since 2000",
    ),
    known(
        Reason::InvalidBuildId,
        "invalid_build_id",
        "the build id is missing or does not begin with a day",
    ),
    known(
        Reason::InvalidUsage,
        "invalid_usage",
        "a main ping without the length of its subsession, or a core ping with more than 2147483647 seconds",
    ),
    known(
        Reason::InvalidCount,
        "invalid_count",
        "a histogram's count is negative or more than 4294967295",
    ),
    known(
        Reason::TooManyExperiments,
        "too_many_experiments",
        "the ping takes part in more than 100 experiments",
    ),
    known(
        Reason::FutureArrival,
        "future_arrival",
        "the time of arrival has not come yet",
    ),
    known(
        Reason::OtherType,
        "other_type",
        "neither a main nor a crash nor a core ping",
    ),
    known(
        Reason::OtherApplication,
        "other_application",
        "neither of Firefox nor of Fennec",
    ),
    known(
        Reason::OtherChannel,
        "other_channel",
        "of no channel, or of one that is none of Mozilla's",
    ),
    known(
        Reason::OtherProcess,
        "other_process",
        "the crash of another process than main or content, which main pings count",
    ),
    known(
        Reason::OtherSystem,
        "other_system",
        "a core ping of another system than Android",
    ),
    known(
        Reason::OldBuild,
        "old_build",
        "the build was more than six months old when the ping came",
    ),
    known(
        Reason::FutureBuild,
        "future_build",
        "the build is dated a month or more after the ping came",
    ),
];

impl Reason {
    pub fn all() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|known| known.reason)
    }

    /// As reports name it.
    pub fn name(self) -> &'static str {
        KNOWN[self as usize].name
    }

    /// What it means, in words.
    pub fn meaning(self) -> &'static str {
        KNOWN[self as usize].meaning
    }

    /// Whether such pings are left out by design, rather than because something is wrong with them.
    pub fn is_filter(self) -> bool {
        self >= Self::OtherType
    }
}

/// How many pings each reason kept out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedCounts([u64; KNOWN.len()]);

impl RejectedCounts {
    pub fn count(&mut self, reason: Reason) {
        self.0[reason as usize] += 1;
    }

    pub fn of(&self, reason: Reason) -> u64 {
        self.0[reason as usize]
    }

    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub fn add(&mut self, other: &Self) {
        for (mine, more) in self.0.iter_mut().zip(other.0) {
            *mine += more;
        }
    }

    /// The reasons that occurred, in their order.
    pub fn present(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::all()
            .map(|reason| (reason, self.of(reason)))
            .filter(|(_, pings)| *pings > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::KNOWN;

    #[test]
    fn reasons_stand_in_their_order() {
        for (place, known) in KNOWN.iter().enumerate() {
            assert_eq!(known.reason as usize, place, "{}", known.name);
        }
    }
}
