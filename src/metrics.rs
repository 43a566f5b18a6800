//! What the server counts about itself, in Prometheus's names and units.

pub mod process_memory;

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::error::ErrorKind;

/// Which protocol a connection or statement came over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Postgres,
    Flight,
}

impl Protocol {
    const ALL: [Self; 2] = [Self::Postgres, Self::Flight];

    fn label(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Flight => "flight",
        }
    }
}

/// Counts of one protocol.
#[derive(Debug, Default)]
pub struct ProtocolMetrics {
    pub connections_open: AtomicI64,
    pub connections_total: AtomicU64,
    pub statements_total: AtomicU64,
    pub statement_errors_total: AtomicU64,
    pub rows_sent_total: AtomicU64,
    pub bytes_sent_total: AtomicU64,
    pub statement_microseconds_total: AtomicU64,
}

/// Counts of the source's upkeep.
#[derive(Debug, Default)]
pub struct SourceMetrics {
    pub files: AtomicU64,
    pub rows: AtomicU64,
    pub bytes: AtomicU64,
    pub problems: AtomicU64,
    pub refreshes_total: AtomicU64,
    pub refresh_failures_total: AtomicU64,
    pub last_refresh_unix_seconds: AtomicU64,
}

/// Counts of the managed table.
#[derive(Debug, Default)]
pub struct ManagedMetrics {
    pub version: AtomicU64,
    pub files: AtomicU64,
    pub bytes: AtomicU64,
    pub keys: AtomicU64,
    pub commits_total: AtomicU64,
    pub commit_failures_total: AtomicU64,
    pub batches_total: AtomicU64,
    pub batches_repeated_total: AtomicU64,
    pub rows_total: AtomicU64,
    pub rows_refused_total: AtomicU64,
    pub rows_quarantined_total: AtomicU64,
    pub compactions_total: AtomicU64,
    pub retentions_total: AtomicU64,
    pub vacuums_total: AtomicU64,
    pub checkpoints_total: AtomicU64,
    pub maintenance_failures_total: AtomicU64,
}

/// The errors that say that a limit was reached, or that this program has a bug, with their labels.
const NOTED_ERRORS: [(ErrorKind, &str); 12] = [
    (ErrorKind::TooManyConnections, "connections"),
    (ErrorKind::StatementTimeout, "statement_timeout"),
    (ErrorKind::QueryCanceled, "cancelled"),
    (ErrorKind::IdleTimeout, "idle_timeout"),
    (ErrorKind::IdleInTransactionTimeout, "idle_in_transaction_timeout"),
    (ErrorKind::OutOfMemory, "memory"),
    (ErrorKind::DiskFull, "disk_full"),
    (ErrorKind::ConfigurationLimitExceeded, "results_queue_or_spilling"),
    (ErrorKind::ProgramLimitExceeded, "statement_length_or_parameters"),
    (ErrorKind::StatementTooComplex, "statement_complexity"),
    (ErrorKind::AdminShutdown, "terminated"),
    (ErrorKind::Internal, "internal_error"),
];

/// Everything that `/metrics` shows.
#[derive(Debug, Default)]
pub struct Metrics {
    noted_errors: [AtomicU64; NOTED_ERRORS.len()],
    postgres: ProtocolMetrics,
    flight: ProtocolMetrics,
    pub source: SourceMetrics,
    pub managed: Arc<ManagedMetrics>,
}

impl Metrics {
    pub fn protocol(&self, protocol: Protocol) -> &ProtocolMetrics {
        match protocol {
            Protocol::Postgres => &self.postgres,
            Protocol::Flight => &self.flight,
        }
    }

    /// Counts an error that went to a client, where it tells of a limit.
    pub fn note_error(&self, kind: ErrorKind) {
        if let Some(index) = NOTED_ERRORS.iter().position(|(noted, _)| *noted == kind) {
            self.noted_errors[index].fetch_add(1, Relaxed);
        }
    }

    /// The Prometheus text exposition format, version 0.0.4.
    pub fn render(&self) -> String {
        let mut text = String::new();
        self.render_protocols(&mut text);
        self.render_source(&mut text);
        self.render_managed(&mut text);
        self.render_limits(&mut text);
        text
    }

    fn render_managed(&self, text: &mut String) {
        let managed = &self.managed;
        let families: [(&str, &str, &str, &AtomicU64); 16] = [
            (
                "version",
                "gauge",
                "The version of the managed table.",
                &managed.version,
            ),
            ("files", "gauge", "Files of the managed table.", &managed.files),
            ("bytes", "gauge", "Bytes in those files.", &managed.bytes),
            ("keys", "gauge", "Idempotency keys that are remembered.", &managed.keys),
            (
                "commits_total",
                "counter",
                "Commits of batches.",
                &managed.commits_total,
            ),
            (
                "commit_failures_total",
                "counter",
                "Commits that failed; their batches were not acknowledged.",
                &managed.commit_failures_total,
            ),
            (
                "batches_total",
                "counter",
                "Batches acknowledged.",
                &managed.batches_total,
            ),
            (
                "batches_repeated_total",
                "counter",
                "Batches that were in the table already, by their key.",
                &managed.batches_repeated_total,
            ),
            ("rows_total", "counter", "Rows acknowledged.", &managed.rows_total),
            (
                "rows_refused_total",
                "counter",
                "Rows that could not be taken.",
                &managed.rows_refused_total,
            ),
            (
                "rows_quarantined_total",
                "counter",
                "Rows that went to quarantine.",
                &managed.rows_quarantined_total,
            ),
            (
                "compactions_total",
                "counter",
                "Merges of small files.",
                &managed.compactions_total,
            ),
            (
                "retentions_total",
                "counter",
                "Removals of old days.",
                &managed.retentions_total,
            ),
            (
                "vacuums_total",
                "counter",
                "Deletions of files that no version needs.",
                &managed.vacuums_total,
            ),
            (
                "checkpoints_total",
                "counter",
                "Checkpoints of the log.",
                &managed.checkpoints_total,
            ),
            (
                "maintenance_failures_total",
                "counter",
                "Upkeep that failed.",
                &managed.maintenance_failures_total,
            ),
        ];
        for (name, kind, help, value) in families {
            let name = format!("mission_control_managed_{name}");
            let _ = writeln!(
                text,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {}",
                value.load(Relaxed)
            );
        }
    }

    fn render_limits(&self, text: &mut String) {
        let name = "mission_control_limits_reached_total";
        let help = "Statements and connections that were refused or ended, by the reason.";
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
        for ((_, label), count) in NOTED_ERRORS.iter().zip(&self.noted_errors) {
            let _ = writeln!(text, "{name}{{limit=\"{label}\"}} {}", count.load(Relaxed));
        }
    }

    fn render_protocols(&self, text: &mut String) {
        type Read = fn(&ProtocolMetrics) -> f64;
        let families: [(&str, &str, &str, Read); 7] = [
            ("connections", "gauge", "Open connections.", |one| {
                one.connections_open.load(Relaxed) as f64
            }),
            ("connections_total", "counter", "Connections accepted.", |one| {
                one.connections_total.load(Relaxed) as f64
            }),
            ("statements_total", "counter", "Statements run.", |one| {
                one.statements_total.load(Relaxed) as f64
            }),
            (
                "statement_errors_total",
                "counter",
                "Statements that ended in an error.",
                |one| one.statement_errors_total.load(Relaxed) as f64,
            ),
            ("rows_sent_total", "counter", "Rows sent to clients.", |one| {
                one.rows_sent_total.load(Relaxed) as f64
            }),
            (
                "sent_bytes_total",
                "counter",
                "Bytes of results sent to clients.",
                |one| one.bytes_sent_total.load(Relaxed) as f64,
            ),
            (
                "statement_seconds_total",
                "counter",
                "Time spent on statements.",
                |one| one.statement_microseconds_total.load(Relaxed) as f64 / 1e6,
            ),
        ];
        for (name, kind, help, read) in families {
            let _ = writeln!(
                text,
                "# HELP mission_control_{name} {help}\n# TYPE mission_control_{name} {kind}"
            );
            for protocol in Protocol::ALL {
                let value = read(self.protocol(protocol));
                let _ = writeln!(
                    text,
                    "mission_control_{name}{{protocol=\"{}\"}} {value}",
                    protocol.label()
                );
            }
        }
    }

    fn render_source(&self, text: &mut String) {
        let source = &self.source;
        let families: [(&str, &str, &str, &AtomicU64); 7] = [
            ("source_files", "gauge", "Files that are read.", &source.files),
            ("source_rows", "gauge", "Rows in those files.", &source.rows),
            ("source_bytes", "gauge", "Size of those files in bytes.", &source.bytes),
            ("source_problems", "gauge", "Files that are left out.", &source.problems),
            (
                "source_refreshes_total",
                "counter",
                "Times the source was looked at.",
                &source.refreshes_total,
            ),
            (
                "source_refresh_failures_total",
                "counter",
                "Times that looking failed.",
                &source.refresh_failures_total,
            ),
            (
                "source_last_refresh_timestamp_seconds",
                "gauge",
                "When the source was last looked at, in seconds since 1970.",
                &source.last_refresh_unix_seconds,
            ),
        ];
        for (name, kind, help, value) in families {
            let value = value.load(Relaxed);
            let _ = writeln!(
                text,
                "# HELP mission_control_{name} {help}\n# TYPE mission_control_{name} {kind}\nmission_control_{name} {value}"
            );
        }
    }
}
