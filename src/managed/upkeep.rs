//! The table kept in order while it serves: small files become large ones, old rows go, what no version needs any more
//! is deleted, and the log is summed up in checkpoints. Everything that was done is remembered for
//! `mission_control.maintenance`.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use chrono::{DateTime, NaiveDate, Utc};
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use tokio::time::Instant;

use super::ManagedTable;
use super::files::{self, Effort};
use super::rows::PARTITION;
use crate::delta::{Action, Add, CommitError, Remove, TableState, now_milliseconds};
use crate::error::{Error, Result};
use crate::shutdown::Shutdown;
use crate::sources::DateText;

/// So many commits after a checkpoint the next one is written.
const COMMITS_PER_CHECKPOINT: i64 = 100;
/// Files of about the same size are merged when there are so many of a day.
const FILES_TO_MERGE: usize = 8;
/// At most so many bytes are merged at a time; what is larger stays.
const MERGED_BYTES: i64 = 64 << 20;
/// Sizes up to each of these are about the same.
const SIZE_CLASSES: [i64; 4] = [256 << 10, 2 << 20, 16 << 20, MERGED_BYTES];
/// How often it is looked for what others have committed, at least.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// How often old rows and unneeded files are looked for.
const CLEANING_INTERVAL: Duration = Duration::from_secs(600);
/// Files that no commit has named may belong to a batch that is still on its way.
const UNNAMED_FILES_KEPT: Duration = Duration::from_secs(24 * 3600);
const MOST_EVENTS: usize = 1000;

/// What the upkeep does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaintenanceTask {
    Compact,
    Retain,
    Vacuum,
    Checkpoint,
}

impl MaintenanceTask {
    pub fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Retain => "retention",
            Self::Vacuum => "vacuum",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// One thing that was done, or was not possible.
#[derive(Debug, Clone)]
pub struct MaintenanceEvent {
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    pub task: MaintenanceTask,
    /// Why it failed; `None` where it did not.
    pub error: Option<String>,
    pub files_before: u64,
    pub files_after: u64,
    pub bytes_before: u64,
    pub bytes_after: u64,
    pub version: i64,
}

/// The newest events.
#[derive(Debug, Default)]
pub struct History {
    events: Mutex<VecDeque<MaintenanceEvent>>,
    last_checkpoint: AtomicI64,
}

/// How much there was, and is.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    files_before: u64,
    files_after: u64,
    bytes_before: u64,
    bytes_after: u64,
}

impl Change {
    fn of(before: &[Arc<Add>], after: &[Add]) -> Self {
        let bytes = |sizes: &mut dyn Iterator<Item = i64>| u64::try_from(sizes.sum::<i64>()).unwrap_or(0);
        Self {
            files_before: before.len() as u64,
            files_after: after.len() as u64,
            bytes_before: bytes(&mut before.iter().map(|file| file.size)),
            bytes_after: bytes(&mut after.iter().map(|file| file.size)),
        }
    }
}

impl ManagedTable {
    /// What was done since the start, oldest first.
    pub fn maintenance(&self) -> Vec<MaintenanceEvent> {
        let events = self.history.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().cloned().collect()
    }

    /// Does the upkeep until the server stops, as long as this is the one server of the table.
    pub async fn keep_up(self: Arc<Self>, shutdown: Shutdown) {
        let mut next_flush = Instant::now() + self.settings.flush_interval;
        let mut next_cleaning = Instant::now();
        loop {
            tokio::select! {
                () = shutdown.drained() => return,
                () = tokio::time::sleep(LOOK_INTERVAL.min(self.settings.flush_interval)) => {}
            }
            if let Err(error) = self.log.refresh().await {
                tracing::warn!(%error, "the managed table's log could not be read on");
            }
            if Instant::now() >= next_flush && self.lock.is_held().unwrap_or(false) {
                next_flush = Instant::now() + self.settings.flush_interval;
                self.compact().await;
                if Instant::now() >= next_cleaning {
                    next_cleaning = Instant::now() + CLEANING_INTERVAL;
                    self.retain().await;
                    self.vacuum().await;
                }
                if self.version() - self.history.last_checkpoint.load(Relaxed) >= COMMITS_PER_CHECKPOINT {
                    self.checkpoint().await;
                }
            }
            self.measure();
        }
    }

    /// Merges files of about the same size. Rows stay as they are.
    pub async fn compact(&self) {
        let groups = mergeable(&self.log.state());
        for group in groups {
            let before = group.clone();
            self.record(MaintenanceTask::Compact, async {
                let after = self.merge(group).await?;
                Ok(after.map(|after| Change::of(&before, &after)))
            })
            .await;
        }
    }

    /// One file in place of several; nothing where somebody else has changed them meanwhile.
    async fn merge(&self, group: Vec<Arc<Add>>) -> Result<Option<Vec<Add>>> {
        let mut batches = Vec::new();
        for file in &group {
            batches.extend(self.read(file).await?);
        }
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let mut adds = files::write(self.log.storage(), batches, Effort::Lasting).await?;
        let written: u64 = adds.iter().filter_map(Add::rows).sum();
        if written != rows as u64 {
            return Err(Error::internal(format!(
                "{rows} rows became {written} when files were merged"
            )));
        }
        adds.iter_mut().for_each(|add| add.data_change = false);
        let now = now_milliseconds();
        let removes = group.iter().map(|file| Action::from(Remove::of(file, now, false)));
        let actions: Vec<Action> = removes.chain(adds.iter().cloned().map(Action::from)).collect();
        let info = json!({ "operation": "OPTIMIZE", "operationParameters": { "predicate": "[]" } });
        let done = self.replace(&group, info, actions).await?;
        Ok(done.then_some(adds))
    }

    /// The rows of a file in the table's schema.
    async fn read(&self, file: &Add) -> Result<Vec<RecordBatch>> {
        let path =
            Path::from_url_path(&file.path).map_err(|_| Error::internal("a file of the table has no usable name"))?;
        let content = self.log.storage().read(&path).await?;
        let content = content.ok_or_else(|| Error::internal("a file of the managed table is missing"))?;
        let day = file.partition_values.get(PARTITION).cloned().flatten();
        let day = day.and_then(|day| DateText::parse_any(&day));
        let schema = Arc::clone(self.schema());
        let decoded = tokio::task::spawn_blocking(move || {
            let reader = ParquetRecordBatchReaderBuilder::try_new(content).and_then(|reader| reader.build());
            let reader = reader.map_err(|error| Error::internal(format!("a file cannot be merged: {error}")))?;
            reader
                .map(|batch| files::as_table_rows(&batch?, day, &schema))
                .collect()
        });
        decoded
            .await
            .map_err(|_| Error::internal("reading a file stopped unexpectedly"))?
    }

    /// Commits the replacement of files as long as all of them are still in the table.
    async fn replace(&self, group: &[Arc<Add>], info: serde_json::Value, actions: Vec<Action>) -> Result<bool> {
        loop {
            let state = self.log.state();
            if !group.iter().all(|file| state.files.contains_key(&file.path)) {
                return Ok(false);
            }
            let decided_on = state.version;
            drop(state);
            match self.log.commit(decided_on, info.clone(), actions.clone()).await {
                Ok(_) => return Ok(true),
                Err(CommitError::Overtaken) => drop(self.log.refresh().await?),
                Err(CommitError::Failed(error)) => return Err(error),
            }
        }
    }

    /// Drops the days that are older than the configuration wants.
    pub async fn retain(&self) {
        let Some(days) = self.settings.retention_days else {
            return;
        };
        let Some(oldest) = Utc::now()
            .date_naive()
            .checked_sub_days(chrono::Days::new(u64::from(days)))
        else {
            return;
        };
        let state = self.log.state();
        let old: Vec<Arc<Add>> = state
            .files
            .values()
            .filter(|file| day_of(file).is_some_and(|day| day < oldest))
            .cloned()
            .collect();
        drop(state);
        if old.is_empty() {
            return;
        }
        self.record(MaintenanceTask::Retain, async {
            let now = now_milliseconds();
            let removes = old
                .iter()
                .map(|file| Action::from(Remove::of(file, now, true)))
                .collect();
            let predicate = format!("[\"submission_date < '{oldest}'\"]");
            let info = json!({ "operation": "DELETE", "operationParameters": { "predicate": predicate } });
            let done = self.replace(&old, info, removes).await?;
            Ok(done.then(|| Change::of(&old, &[])))
        })
        .await;
    }

    /// Deletes files that no version needs which a reader may still use, and the log's own old files.
    pub async fn vacuum(&self) {
        self.record(MaintenanceTask::Vacuum, async {
            let now = now_milliseconds();
            let before = |kept: Duration| now - i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
            let removed_before = before(self.settings.vacuum_after);
            let deleted = self
                .delete_unneeded(
                    removed_before,
                    before(UNNAMED_FILES_KEPT.max(self.settings.vacuum_after)),
                )
                .await?;
            self.log.forget(removed_before, before(self.settings.keys_kept));
            let checkpoint = self.log.checkpoint().await?;
            self.history.last_checkpoint.store(checkpoint, Relaxed);
            let logs = self.log.delete_log_before(checkpoint, removed_before).await?;
            let nothing = deleted.files_before == 0 && logs == 0;
            Ok((!nothing).then_some(deleted))
        })
        .await;
    }

    async fn delete_unneeded(&self, removed_before: i64, unnamed_before: i64) -> Result<Change> {
        let state = self.log.state();
        // The log encodes what other writers' names may have, a listing does not.
        let plain = |path: &String| Path::from_url_path(path).ok();
        let kept: HashSet<Path> = state.files.keys().filter_map(plain).collect();
        let removed: BTreeMap<Path, i64> = state
            .removed
            .iter()
            .filter_map(|(path, remove)| Some((plain(path)?, remove.deletion_timestamp.unwrap_or(i64::MAX))))
            .collect();
        if kept.len() != state.files.len() {
            return Err(Error::internal("a file of the table has no usable name"));
        }
        let mut deleted = Change::default();
        for meta in self.log.storage().list(None).await? {
            let path = &meta.location;
            let own = path.as_ref().starts_with(PARTITION) && !kept.contains(path);
            let old = match removed.get(path) {
                Some(at) => *at < removed_before,
                None => meta.last_modified.timestamp_millis() < unnamed_before,
            };
            if own && old {
                self.log.storage().delete(&meta.location).await?;
                deleted.files_before += 1;
                deleted.bytes_before += meta.size;
            }
        }
        Ok(deleted)
    }

    async fn checkpoint(&self) {
        self.record(MaintenanceTask::Checkpoint, async {
            let version = self.log.checkpoint().await?;
            self.history.last_checkpoint.store(version, Relaxed);
            Ok(Some(Change::default()))
        })
        .await;
    }

    /// Does a piece of work and remembers it; work that found nothing to do leaves no trace.
    async fn record(&self, task: MaintenanceTask, work: impl Future<Output = Result<Option<Change>>>) {
        let started_at = Utc::now();
        let (change, error) = match work.await {
            Ok(None) => return,
            Ok(Some(change)) => (change, None),
            Err(error) => {
                tracing::warn!(%error, task = task.name(), "upkeep of the managed table failed");
                (Change::default(), Some(error.message))
            }
        };
        let counter = match (&error, task) {
            (Some(_), _) => &self.metrics.maintenance_failures_total,
            (None, MaintenanceTask::Compact) => &self.metrics.compactions_total,
            (None, MaintenanceTask::Retain) => &self.metrics.retentions_total,
            (None, MaintenanceTask::Vacuum) => &self.metrics.vacuums_total,
            (None, MaintenanceTask::Checkpoint) => &self.metrics.checkpoints_total,
        };
        counter.fetch_add(1, Relaxed);
        let mut events = self.history.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() >= MOST_EVENTS {
            events.pop_front();
        }
        events.push_back(MaintenanceEvent {
            started_at,
            finished_at: Utc::now(),
            task,
            error,
            files_before: change.files_before,
            files_after: change.files_after,
            bytes_before: change.bytes_before,
            bytes_after: change.bytes_after,
            version: self.version(),
        });
    }
}

fn day_of(file: &Add) -> Option<NaiveDate> {
    file.partition_values.get(PARTITION)?.as_deref()?.parse().ok()
}

/// The files of each day that should be one.
fn mergeable(state: &TableState) -> Vec<Vec<Arc<Add>>> {
    let mut groups: BTreeMap<(Option<NaiveDate>, usize), Vec<Arc<Add>>> = BTreeMap::new();
    for file in state.files.values() {
        if let Some(class) = SIZE_CLASSES.iter().position(|most| file.size < *most) {
            groups.entry((day_of(file), class)).or_default().push(Arc::clone(file));
        }
    }
    let large_enough = groups.into_values().filter(|group| group.len() >= FILES_TO_MERGE);
    large_enough.flat_map(within_bounds).collect()
}

/// Parts of a group that are not too large to be merged in memory.
fn within_bounds(group: Vec<Arc<Add>>) -> Vec<Vec<Arc<Add>>> {
    let mut parts: Vec<Vec<Arc<Add>>> = vec![];
    let mut bytes = i64::MAX;
    for file in group {
        bytes = bytes.saturating_add(file.size);
        match parts.last_mut() {
            Some(part) if bytes <= MERGED_BYTES => part.push(file),
            _ => {
                bytes = file.size;
                parts.push(vec![file]);
            }
        }
    }
    parts.retain(|part| part.len() > 1);
    parts
}
