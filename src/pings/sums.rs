//! What is summed for each window and group.

use serde::{Deserialize, Serialize};

/// A sum. The first two are times whose unit differs from their column's: whole numbers add up exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    UsageSeconds,
    UsageDelayMilliseconds,
    CrashDelayMilliseconds,
    Count,
    MainCrashes,
    StartupCrashes,
    ContentCrashes,
    GpuCrashes,
    PluginCrashes,
    GmpluginCrashes,
    ContentShutdownCrashes,
    BrowserShimUsageBlocked,
    PermissionsSqlCorrupted,
    DefectivePermissionsSqlRemoved,
    SlowScriptNoticeCount,
    SlowScriptPageCount,
    UsageDelayPings,
    CrashDelayPings,
}

const SUMS: usize = 18;

/// Sums of which each is absent until something was added to it: a window without crash pings has no count of crashes,
/// not one of 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    present: u32,
    values: [i64; SUMS],
}

impl Sums {
    pub fn set(&mut self, sum: Sum, value: i64) {
        self.present |= 1 << sum as usize;
        self.values[sum as usize] = value;
    }

    pub fn set_if(&mut self, sum: Sum, value: Option<i64>) {
        if let Some(value) = value {
            self.set(sum, value);
        }
    }

    pub fn get(&self, sum: Sum) -> Option<i64> {
        (self.present & (1 << sum as usize) != 0).then(|| self.values[sum as usize])
    }

    pub fn add(&mut self, other: &Self) {
        self.present |= other.present;
        for (mine, more) in self.values.iter_mut().zip(other.values) {
            *mine = mine.saturating_add(more);
        }
    }
}
