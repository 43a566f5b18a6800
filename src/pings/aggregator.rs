//! The open windows: which of them are due, and how much memory they may take.

use arrow::record_batch::RecordBatch;

use super::batches;
use super::windows::{Tally, WINDOW_SECONDS, Windows};
use crate::error::Result;

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AggregatorSettings {
    /// How long after the newest arrival an older one is still no surprise. A window closes when the newest arrival is
    /// this much past its end; a ping that comes even later opens it again, and gives further rows for it.
    pub lateness_seconds: i64,
    /// What the open windows may take. Beyond it the oldest are given out as they are: counts add up, so that what is
    /// still to come for them are further rows.
    pub memory_bytes: usize,
}

impl Default for AggregatorSettings {
    fn default() -> Self {
        Self {
            lateness_seconds: 60,
            memory_bytes: 256 << 20,
        }
    }
}

/// Windows that are not given out yet.
#[derive(Debug)]
pub struct Aggregator {
    settings: AggregatorSettings,
    windows: Windows,
    latest_arrival_microseconds: Option<i64>,
}

impl Aggregator {
    pub fn new(settings: AggregatorSettings) -> Self {
        Self::resumed(settings, Windows::default(), None)
    }

    pub(super) fn resumed(
        settings: AggregatorSettings,
        windows: Windows,
        latest_arrival_microseconds: Option<i64>,
    ) -> Self {
        Self {
            settings,
            windows,
            latest_arrival_microseconds,
        }
    }

    pub fn add(&mut self, tally: Tally) {
        self.windows.merge(tally.windows);
        self.latest_arrival_microseconds = self.latest_arrival_microseconds.max(tally.latest_arrival_microseconds);
    }

    pub(super) fn windows(&self) -> &Windows {
        &self.windows
    }

    pub(super) fn latest_arrival_microseconds(&self) -> Option<i64> {
        self.latest_arrival_microseconds
    }

    /// Before this time no more pings are expected; `None` before the first ping.
    pub fn watermark_seconds(&self) -> Option<i64> {
        let latest = self.latest_arrival_microseconds?.div_euclid(MICROSECONDS_PER_SECOND);
        Some(latest.saturating_sub(self.settings.lateness_seconds))
    }

    /// The starts of the windows that end at or before the watermark, with the number of their groups.
    pub fn closed(&self) -> (Vec<i64>, usize) {
        let Some(watermark) = self.watermark_seconds() else {
            return (Vec::new(), 0);
        };
        let mut starts = Vec::new();
        let mut groups = 0;
        for (start, window) in self.windows.iter() {
            if start + WINDOW_SECONDS > watermark {
                break;
            }
            starts.push(start);
            groups += window.len();
        }
        (starts, groups)
    }

    /// The starts of all windows.
    pub fn all(&self) -> Vec<i64> {
        self.windows.iter().map(|(start, _)| start).collect()
    }

    /// The starts of the oldest windows that have to go for the memory to be half used; none while it suffices.
    pub fn beyond_memory(&self) -> Vec<i64> {
        let mut left = self.windows.bytes();
        if left <= self.settings.memory_bytes {
            return Vec::new();
        }
        let mut starts = Vec::new();
        for (start, window) in self.windows.iter() {
            if left <= self.settings.memory_bytes / 2 {
                break;
            }
            let bytes: usize = window.keys().map(super::windows::group_bytes).sum();
            left = left.saturating_sub(bytes);
            starts.push(start);
        }
        starts
    }

    /// The rows of these windows, in the order of window and group; each batch is of one day.
    pub fn batches(&self, starts: &[i64]) -> Result<Vec<RecordBatch>> {
        batches::of_windows(&self.windows, starts)
    }

    /// Forgets windows that were given out.
    pub fn remove(&mut self, starts: &[i64]) {
        for start in starts {
            self.windows.remove(*start);
        }
    }
}
