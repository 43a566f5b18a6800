//! Numbers about a source for monitoring.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::snapshot::SourceSnapshot;

/// Updated by every scan; read at any time, from any thread.
#[derive(Debug, Default)]
pub struct SourceMetrics {
    files: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
    problems: AtomicU64,
    refreshes: AtomicU64,
    refresh_failures: AtomicU64,
    last_refresh_unix_seconds: AtomicI64,
}

impl SourceMetrics {
    pub(super) fn record(&self, snapshot: &SourceSnapshot) {
        self.files.store(snapshot.files.len() as u64, Ordering::Relaxed);
        self.rows.store(snapshot.rows() as u64, Ordering::Relaxed);
        self.bytes.store(snapshot.bytes(), Ordering::Relaxed);
        self.problems.store(snapshot.problems.len() as u64, Ordering::Relaxed);
        self.refreshes.fetch_add(1, Ordering::Relaxed);
        self.last_refresh_unix_seconds
            .store(snapshot.scanned_at.timestamp(), Ordering::Relaxed);
    }

    pub(super) fn record_failure(&self) {
        self.refresh_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Files being served.
    pub fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }

    /// Rows in those files.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Bytes those files take where they are stored.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Files left out and other problems, as of the last look.
    pub fn problems(&self) -> u64 {
        self.problems.load(Ordering::Relaxed)
    }

    /// Looks at the source that succeeded since the start.
    pub fn refreshes(&self) -> u64 {
        self.refreshes.load(Ordering::Relaxed)
    }

    /// Looks at the source that failed since the start.
    pub fn refresh_failures(&self) -> u64 {
        self.refresh_failures.load(Ordering::Relaxed)
    }

    /// When the last look succeeded, in seconds since 1970; 0 before the first.
    pub fn last_refresh_unix_seconds(&self) -> i64 {
        self.last_refresh_unix_seconds.load(Ordering::Relaxed)
    }
}
