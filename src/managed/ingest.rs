//! One batch on its way into the table: its rows are checked as they come, written to files when they are many, and all
//! of it becomes part of the table in one commit at the end.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arrow::array::RecordBatch;
use arrow::json::LineDelimitedWriter;
use serde::Deserialize;

use super::ManagedTable;
use super::commits::Part;
use super::files::{self, Effort};
use super::rows::Fault;
use crate::delta::Add;
use crate::error::{Error, ErrorKind, Result};

/// So many rows, or bytes of them, are written to files without waiting for the end of their batch.
const ROWS_IN_MEMORY: usize = 256 * 1024;
const BYTES_IN_MEMORY: usize = 64 << 20;
/// More bad rows than this in one batch are a mistake of another kind.
const MOST_BAD_ROWS: usize = 100_000;
const LONGEST_KEY: usize = 256;
/// What stands before a key among the transactions of the log.
const KEY_PREFIX: &str = "mission-control:";

/// What happens to a row that cannot be taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// Its whole batch is refused.
    #[default]
    Refuse,
    /// It goes to `mission_control.quarantine`, and the others into the table.
    Quarantine,
}

/// The name of a batch, by which it is counted once however often it is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IngestKey(Option<String>);

impl IngestKey {
    /// A batch that is new every time.
    pub fn none() -> Self {
        Self(None)
    }

    pub fn named(key: impl Into<String>) -> Result<Self> {
        let key = key.into();
        if key.is_empty() || key.len() > LONGEST_KEY || key.chars().any(char::is_control) {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                format!("an idempotency key has 1 to {LONGEST_KEY} bytes and no control characters"),
            ));
        }
        Ok(Self(Some(key)))
    }

    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Under which name the log remembers it.
    pub(super) fn application(&self) -> Option<String> {
        self.0.as_ref().map(|key| format!("{KEY_PREFIX}{key}"))
    }
}

/// How a batch came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Copy,
    Insert,
    Flight,
    File(String),
    /// A part of this program, or one that embeds it.
    Program,
}

impl Origin {
    pub fn name(&self) -> &str {
        match self {
            Self::Copy => "copy",
            Self::Insert => "insert",
            Self::Flight => "flight",
            Self::File(name) => name,
            Self::Program => "program",
        }
    }

    /// What one row is called there.
    fn unit(&self) -> &'static str {
        match self {
            Self::Copy | Self::File(_) => "line",
            Self::Insert | Self::Flight | Self::Program => "row",
        }
    }
}

/// A row that cannot be taken, with where it was and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// From 1.
    pub line: u64,
    pub fault: Fault,
    /// The row's values as JSON, or its text where it could not be read.
    pub row: String,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// Rows in the table.
    pub rows: u64,
    pub quarantined: u64,
    /// The batch was there already, under its key; nothing was added.
    pub repeated: bool,
    /// The version of the table that has them.
    pub version: i64,
}

impl Acknowledged {
    /// A batch that was there already.
    pub fn repeated(version: i64) -> Self {
        Self {
            rows: 0,
            quarantined: 0,
            repeated: true,
            version,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Ingest {
    table: Arc<ManagedTable>,
    origin: Origin,
    key: IngestKey,
    on_error: OnError,
    buffered: Vec<RecordBatch>,
    buffered_rows: usize,
    buffered_bytes: usize,
    staged: Vec<Add>,
    bad: Vec<BadRow>,
    accepted: u64,
    lines: u64,
}

impl Ingest {
    pub(super) fn new(table: Arc<ManagedTable>, origin: Origin, key: IngestKey) -> Self {
        let on_error = table.settings.on_error;
        Self {
            table,
            origin,
            key,
            on_error,
            buffered: vec![],
            buffered_rows: 0,
            buffered_bytes: 0,
            staged: vec![],
            bad: vec![],
            accepted: 0,
            lines: 0,
        }
    }

    pub fn table(&self) -> &Arc<ManagedTable> {
        &self.table
    }

    pub fn set_on_error(&mut self, on_error: OnError) {
        self.on_error = on_error;
    }

    /// Names the batch, where its name is known only at its end.
    pub fn set_key(&mut self, key: IngestKey) {
        self.key = key;
    }

    /// How many rows it has taken so far.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Adds rows, which are counted on as lines.
    pub async fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let first = self.lines + 1;
        let lines: Vec<u64> = (first..first + batch.num_rows() as u64).collect();
        self.push_lines(batch, &lines).await
    }

    /// Adds rows that were in given lines.
    pub async fn push_lines(&mut self, batch: &RecordBatch, lines: &[u64]) -> Result<()> {
        if let Some(last) = lines.last() {
            self.lines = *last;
        }
        let checked = self.table.rules.check(batch)?;
        for (row, fault) in checked.faults {
            let bad = BadRow {
                line: lines.get(row).copied().unwrap_or_default(),
                fault,
                row: as_json(batch, row),
            };
            self.refuse(bad)?;
        }
        if checked.good.num_rows() == 0 {
            return Ok(());
        }
        self.accepted += checked.good.num_rows() as u64;
        self.buffered_rows += checked.good.num_rows();
        self.buffered_bytes += checked.good.get_array_memory_size();
        self.buffered.push(checked.good);
        if self.buffered_bytes >= BYTES_IN_MEMORY {
            return self.keep_in_memory(0).await;
        }
        self.keep_in_memory(ROWS_IN_MEMORY).await
    }

    /// Writes the rows in memory to files, where there are more than `most`.
    pub async fn keep_in_memory(&mut self, most: usize) -> Result<()> {
        if self.buffered_rows <= most {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.buffered);
        (self.buffered_rows, self.buffered_bytes) = (0, 0);
        let written = files::write(self.table.log.storage(), rows, Effort::Quick).await?;
        self.staged.extend(written);
        Ok(())
    }

    /// A row cannot be taken: the end of the batch, or one more row in quarantine.
    pub fn refuse(&mut self, bad: BadRow) -> Result<()> {
        self.table.metrics.rows_refused_total.fetch_add(1, Relaxed);
        if self.on_error == OnError::Refuse {
            return Err(refusal(&self.origin, &bad));
        }
        if self.bad.len() >= MOST_BAD_ROWS {
            return Err(Error::new(
                ErrorKind::ProgramLimitExceeded,
                format!("more than {MOST_BAD_ROWS} rows of the batch cannot be taken"),
            )
            .with_detail(refusal(&self.origin, &bad).detail.unwrap_or_default()));
        }
        self.bad.push(bad);
        Ok(())
    }

    /// Makes the batch part of the table. When this returns, it is durable and the next query sees it.
    pub async fn finish(self) -> Result<Acknowledged> {
        let mut finished = finish_together(vec![self]).await?;
        finished.pop().ok_or_else(|| Error::internal("a batch without an end"))
    }

    fn into_part(self) -> Part {
        Part {
            key: self.key,
            origin: self.origin,
            staged: self.staged,
            rows: self.buffered,
            bad: self.bad,
            accepted: self.accepted,
        }
    }
}

pub async fn finish_together(batches: Vec<Ingest>) -> Result<Vec<Acknowledged>> {
    let Some(first) = batches.first() else {
        return Ok(vec![]);
    };
    let table = Arc::clone(&first.table);
    table.lock.check()?;
    let acknowledged = table
        .committer
        .commit(batches.into_iter().map(Ingest::into_part).collect())
        .await?;
    table.measure();
    Ok(acknowledged)
}

/// The error that a bad row is, with where it was.
fn refusal(origin: &Origin, bad: &BadRow) -> Error {
    let Fault { column, kind, reason } = &bad.fault;
    let column_name = column.as_deref().unwrap_or("(the whole row)");
    let unit = origin.unit();
    Error::new(*kind, format!("{unit} {}, column {column_name}: {reason}", bad.line))
        .with_detail(format!("The row: {}", shortened(&bad.row)))
        .with_hint("nothing of this batch was kept; on_error = 'quarantine' keeps the other rows")
}

fn shortened(text: &str) -> String {
    const MOST: usize = 400;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

/// One row of a batch, NULLs left out.
fn as_json(batch: &RecordBatch, row: usize) -> String {
    let mut lines = LineDelimitedWriter::new(Vec::new());
    let written = lines.write(&batch.slice(row, 1)).and_then(|()| lines.finish());
    match written {
        Ok(()) => String::from_utf8_lossy(&lines.into_inner()).trim_end().to_string(),
        Err(_) => "a row that has no form in JSON".to_string(),
    }
}
