//! Sums by window and group, and the adding up of a block of lines.

use std::collections::{BTreeMap, HashMap};

use super::ping::parse;
use super::reason::{Reason, RejectedCounts};
use super::sums::Sums;

pub const WINDOW_SECONDS: i64 = 300;
const MICROSECONDS_PER_SECOND: i64 = 1_000_000;

/// A longer text is no dimension but an attempt to fill the memory.
const LONGEST_TEXT_BYTES: usize = 256;

/// Texts have no control characters, so that these two cannot be part of one.
const SEPARATOR: char = '\u{1f}';
const ABSENT: &str = "\0";

/// The texts that make a group, one behind the other: what is equal here is one group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey(String);

impl GroupKey {
    /// The start of a key: every dimension but the experiment's.
    pub fn new<const N: usize>(dimensions: [Option<&str>; N]) -> Result<Self, Reason> {
        let mut key = Self(String::with_capacity(160));
        for (place, dimension) in dimensions.into_iter().enumerate() {
            if place > 0 {
                key.0.push(SEPARATOR);
            }
            key.push(dimension)?;
        }
        Ok(key)
    }

    pub fn of_experiment(&self, id: Option<&str>, branch: Option<&str>) -> Result<Self, Reason> {
        let mut key = self.clone();
        for dimension in [id, branch] {
            key.0.push(SEPARATOR);
            key.push(dimension)?;
        }
        Ok(key)
    }

    fn push(&mut self, dimension: Option<&str>) -> Result<(), Reason> {
        match dimension {
            None => self.0.push_str(ABSENT),
            Some(text) if text.len() > LONGEST_TEXT_BYTES || text.chars().any(char::is_control) => {
                return Err(Reason::InvalidText);
            }
            Some(text) => self.0.push_str(text),
        }
        Ok(())
    }

    /// The dimensions again, in their order.
    pub fn dimensions(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.split(SEPARATOR).map(|text| (text != ABSENT).then_some(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a checkpoint has it.
    pub fn from_checkpoint(text: String) -> Self {
        Self(text)
    }
}

/// The groups of one window.
pub type Groups = HashMap<GroupKey, Sums>;

/// An estimate of what a group takes, with the share of the table that is kept empty for growth.
pub fn group_bytes(key: &GroupKey) -> usize {
    key.0.capacity() + 2 * size_of::<(GroupKey, Sums)>()
}

/// Windows by their start in seconds since 1970.
#[derive(Debug, Default)]
pub struct Windows {
    windows: BTreeMap<i64, Groups>,
    bytes: usize,
}

impl Windows {
    pub fn add(&mut self, window_start: i64, key: GroupKey, sums: &Sums) {
        let groups = self.windows.entry(window_start).or_default();
        // Most pings meet a group that is there.
        if let Some(known) = groups.get_mut(&key) {
            known.add(sums);
            return;
        }
        self.bytes += group_bytes(&key);
        groups.insert(key, *sums);
    }

    pub fn merge(&mut self, other: Self) {
        for (window_start, groups) in other.windows {
            for (key, sums) in groups {
                self.add(window_start, key, &sums);
            }
        }
    }

    pub fn remove(&mut self, window_start: i64) {
        let groups = self.windows.remove(&window_start).unwrap_or_default();
        let freed: usize = groups.keys().map(group_bytes).sum();
        self.bytes = self.bytes.saturating_sub(freed);
    }

    /// Memory taken, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn get(&self, window_start: i64) -> Option<&Groups> {
        self.windows.get(&window_start)
    }

    /// Oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &Groups)> {
        self.windows.iter().map(|(start, groups)| (*start, groups))
    }
}

/// What the lines of one block come to.
#[derive(Debug, Default)]
pub struct Tally {
    pub windows: Windows,
    pub counted: u64,
    pub rejected: RejectedCounts,
    pub latest_arrival_microseconds: Option<i64>,
}

impl Tally {
    /// Adds the lines of a block up; empty lines are nothing.
    pub fn of_lines(block: &[u8], latest_arrival_microseconds: i64) -> Self {
        let mut tally = Self::default();
        for line in block.split(|byte| *byte == b'\n') {
            if !line.trim_ascii().is_empty() {
                tally.count_line(line, latest_arrival_microseconds);
            }
        }
        tally
    }

    fn count_line(&mut self, line: &[u8], latest_arrival_microseconds: i64) {
        let ping = match parse(line, latest_arrival_microseconds) {
            Ok(ping) => ping,
            Err(reason) => {
                self.rejected.count(reason);
                return;
            }
        };
        self.counted += 1;
        self.latest_arrival_microseconds = self.latest_arrival_microseconds.max(Some(ping.arrival_microseconds));
        let window_start = window_start(ping.arrival_microseconds);
        for group in ping.groups {
            self.windows.add(window_start, group, &ping.sums);
        }
    }
}

fn window_start(arrival_microseconds: i64) -> i64 {
    let seconds = arrival_microseconds.div_euclid(MICROSECONDS_PER_SECOND);
    seconds - seconds.rem_euclid(WINDOW_SECONDS)
}
