//! The one place that adds to the table: batches that wait at the same time share a commit, and each hears of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arrow::array::RecordBatch;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::files::{self, Effort};
use super::ingest::{Acknowledged, BadRow, IngestKey, Origin};
use super::quarantine::Quarantine;
use crate::delta::{Action, Add, CommitError, DeltaLog, Transaction, now_milliseconds};
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::ManagedMetrics;

/// Commits follow each other at least this far apart, so that many small batches make few commits.
const GROUP_INTERVAL: Duration = Duration::from_millis(100);
/// Batches in one commit.
const MOST_TOGETHER: usize = 4096;
/// Other writers may come first so often before this one gives up.
const MOST_ATTEMPTS: usize = 50;

/// What one batch adds to a commit.
#[derive(Debug)]
pub struct Part {
    pub key: IngestKey,
    pub origin: Origin,
    /// Files that are written already.
    pub staged: Vec<Add>,
    /// Rows that are not.
    pub rows: Vec<RecordBatch>,
    pub bad: Vec<BadRow>,
    pub accepted: u64,
}

/// Batches that are in the table together or not at all.
struct Request {
    parts: Vec<Part>,
    reply: oneshot::Sender<Result<Vec<Acknowledged>>>,
}

/// Takes batches to the task that commits them.
#[derive(Debug)]
pub struct Committer {
    requests: mpsc::Sender<Request>,
}

impl Committer {
    pub fn start(log: Arc<DeltaLog>, quarantine: Arc<Quarantine>, metrics: Arc<ManagedMetrics>) -> Self {
        let (requests, waiting) = mpsc::channel(MOST_TOGETHER);
        let work = Work {
            log,
            quarantine,
            metrics,
        };
        tokio::spawn(work.run(waiting));
        Self { requests }
    }

    pub async fn commit(&self, parts: Vec<Part>) -> Result<Vec<Acknowledged>> {
        let stopped = || {
            Error::new(ErrorKind::AdminShutdown, "the managed table is being closed")
                .with_hint("send the batch again with the same idempotency key")
        };
        let (reply, answer) = oneshot::channel();
        let request = Request { parts, reply };
        self.requests.send(request).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

struct Work {
    log: Arc<DeltaLog>,
    quarantine: Arc<Quarantine>,
    metrics: Arc<ManagedMetrics>,
}

impl Work {
    async fn run(self, mut waiting: mpsc::Receiver<Request>) {
        let mut next = Instant::now();
        while let Some(first) = waiting.recv().await {
            tokio::time::sleep_until(next).await;
            next = Instant::now() + GROUP_INTERVAL;
            let mut group = vec![first];
            while group.len() < MOST_TOGETHER
                && let Ok(request) = waiting.try_recv()
            {
                group.push(request);
            }
            self.commit_group(group).await;
        }
    }

    async fn commit_group(&self, group: Vec<Request>) {
        let sizes: Vec<usize> = group.iter().map(|request| request.parts.len()).collect();
        let (parts, replies): (Vec<_>, Vec<_>) = group.into_iter().map(|one| (one.parts, one.reply)).unzip();
        let parts: Vec<Part> = parts.into_iter().flatten().collect();
        let outcome = self.commit_parts(&parts).await;
        if let Err(error) = &outcome {
            self.metrics.commit_failures_total.fetch_add(1, Relaxed);
            tracing::warn!(%error, "a commit to the managed table failed");
        }
        let mut done = outcome.as_ref().map(|acknowledged| acknowledged.iter().copied());
        for (size, reply) in sizes.into_iter().zip(replies) {
            let answer = match &mut done {
                Ok(acknowledged) => Ok(acknowledged.by_ref().take(size).collect()),
                Err(error) => Err((*error).clone()),
            };
            // Who no longer waits has gone; the batch is in the table all the same.
            let _ = reply.send(answer);
        }
    }

    async fn commit_parts(&self, parts: &[Part]) -> Result<Vec<Acknowledged>> {
        let mut written: Option<(Vec<usize>, Vec<Add>)> = None;
        let mut quarantined = HashSet::new();
        for _ in 0..MOST_ATTEMPTS {
            let state = self.log.state();
            let fresh = fresh_parts(parts, |key| state.transactions.contains_key(key));
            let decided_on = state.version;
            drop(state);
            if !fresh.iter().any(|part| has_content(&parts[*part])) {
                return Ok(answers(parts, &fresh, decided_on));
            }
            let adds = match written.take() {
                Some((of, adds)) if of == fresh => adds,
                _ => self.write(parts, &fresh, &mut quarantined).await?,
            };
            let info = json!({
                "operation": "WRITE",
                "operationParameters": { "mode": "Append", "partitionBy": "[\"submission_date\"]" },
                "isBlindAppend": true,
            });
            let actions = actions(parts, &fresh, &adds);
            match self.log.commit(decided_on, info, actions).await {
                Ok(version) => {
                    self.count(parts, &fresh);
                    return Ok(answers(parts, &fresh, version));
                }
                Err(CommitError::Overtaken) => {
                    self.log.refresh().await?;
                    written = Some((fresh, adds));
                }
                Err(CommitError::Failed(error)) => return Err(error),
            }
        }
        Err(Error::new(
            ErrorKind::Io,
            "the managed table is being changed by others too often to be written",
        )
        .with_hint("send the batch again with the same idempotency key"))
    }

    /// The rows that are not in files yet go into common ones; bad rows go to quarantine first, so that none is lost
    /// when the batch is acknowledged.
    async fn write(&self, parts: &[Part], fresh: &[usize], quarantined: &mut HashSet<usize>) -> Result<Vec<Add>> {
        for index in fresh {
            let part = &parts[*index];
            if !part.bad.is_empty() && quarantined.insert(*index) {
                self.quarantine.add(&part.bad, &part.origin, &part.key).await?;
            }
        }
        let rows: Vec<RecordBatch> = fresh
            .iter()
            .flat_map(|index| parts[*index].rows.iter().cloned())
            .collect();
        files::write(self.log.storage(), rows, Effort::Quick).await
    }

    fn count(&self, parts: &[Part], fresh: &[usize]) {
        let rows: u64 = fresh.iter().map(|index| parts[*index].accepted).sum();
        let bad: usize = fresh.iter().map(|index| parts[*index].bad.len()).sum();
        self.metrics.commits_total.fetch_add(1, Relaxed);
        self.metrics.batches_total.fetch_add(fresh.len() as u64, Relaxed);
        self.metrics.rows_total.fetch_add(rows, Relaxed);
        self.metrics.rows_quarantined_total.fetch_add(bad as u64, Relaxed);
        let repeated = parts.len() - fresh.len();
        self.metrics.batches_repeated_total.fetch_add(repeated as u64, Relaxed);
    }
}

fn has_content(part: &Part) -> bool {
    !part.staged.is_empty() || !part.rows.is_empty() || !part.bad.is_empty()
}

/// The batches that are not in the table, each key once.
fn fresh_parts(parts: &[Part], is_known: impl Fn(&str) -> bool) -> Vec<usize> {
    let mut seen = HashSet::new();
    let is_fresh = |part: &Part| match part.key.application() {
        Some(key) => !is_known(&key) && seen.insert(key),
        None => true,
    };
    let fresh: Vec<bool> = parts.iter().map(is_fresh).collect();
    (0..parts.len()).filter(|index| fresh[*index]).collect()
}

fn actions(parts: &[Part], fresh: &[usize], adds: &[Add]) -> Vec<Action> {
    let staged = fresh.iter().flat_map(|index| &parts[*index].staged);
    let keys = fresh.iter().filter_map(|index| parts[*index].key.application());
    let keys = keys.map(|app_id| {
        Action::from(Transaction {
            app_id,
            version: 1,
            last_updated: Some(now_milliseconds()),
        })
    });
    keys.chain(staged.chain(adds).cloned().map(Action::from)).collect()
}

fn answers(parts: &[Part], fresh: &[usize], version: i64) -> Vec<Acknowledged> {
    let answer = |(index, part): (usize, &Part)| match fresh.contains(&index) {
        true => Acknowledged {
            rows: part.accepted,
            quarantined: part.bad.len() as u64,
            repeated: false,
            version,
        },
        false => Acknowledged::repeated(version),
    };
    parts.iter().enumerate().map(answer).collect()
}
