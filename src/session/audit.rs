//! Records of statements in the log: who ran what for how long, and what it took.

use std::time::Duration;

use super::activity::{Client, Taken};

/// What is recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditOptions {
    /// A line for every statement.
    pub statements: bool,
    /// With the statements' text, which may hold what is not for the readers of logs.
    pub text: bool,
    /// A warning for statements that take at least this long.
    pub slow: Option<Duration>,
}

/// Records a statement that has ended. `outcome` is the code that the client got, `00000` for success.
pub fn record(options: &AuditOptions, client: &Client, pid: i32, taken: &Taken, outcome: &str) {
    let text = options.text.then_some(taken.text.as_str());
    let duration_ms = taken.duration.as_secs_f64() * 1e3;
    let Client { user, protocol, .. } = client;
    let Taken {
        rows,
        bytes,
        peak_memory_bytes,
        ..
    } = taken;
    if options.statements {
        tracing::info!(
            target: "audit",
            user, protocol, pid, duration_ms, rows, bytes, peak_memory_bytes, outcome, text,
            "statement"
        );
    }
    if options.slow.is_some_and(|slow| taken.duration >= slow) {
        tracing::warn!(
            target: "slow",
            user, protocol, pid, duration_ms, rows, bytes, peak_memory_bytes, outcome, text,
            "slow statement"
        );
    }
}
