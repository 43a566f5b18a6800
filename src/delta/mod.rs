//! Delta tables: a folder of Parquet files and a log that says which of them count. Reading what any writer of plain
//! tables makes, and writing so that every reader understands it.
//!
//! The protocol: <https://github.com/delta-io/delta/blob/master/PROTOCOL.md>.

mod actions;
mod checkpoint;
mod schema;
mod state;
mod storage;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use object_store::ObjectMeta;
use object_store::path::Path;
use serde_json::json;

pub use actions::{Action, Add, Format, Metadata, Protocol, Remove, Transaction};
pub use schema::{column_types, schema_string};
pub use state::TableState;
pub use storage::{Storage, WriteError, random_name};

use crate::error::{Error, Result};

const LOG_FOLDER: &str = "_delta_log";
const LAST_CHECKPOINT: &str = "_last_checkpoint";

/// The log of one table, as far as it has been read.
#[derive(Debug)]
pub struct DeltaLog {
    storage: Storage,
    state: RwLock<Arc<TableState>>,
    /// One reader of the log's end, or one writer, at a time.
    turn: tokio::sync::Mutex<()>,
}

/// Why a commit was not made.
#[derive(Debug)]
pub enum CommitError {
    /// Another writer has made the next version. It has been read: decide again, and try again.
    Overtaken,
    Failed(Error),
}

impl From<Error> for CommitError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl DeltaLog {
    /// Opens the table in a folder; `None` where there is none.
    pub async fn open(storage: Storage) -> Result<Option<Self>> {
        let Some(state) = load(&storage).await? else {
            return Ok(None);
        };
        state.check_readable()?;
        Ok(Some(Self {
            storage,
            state: RwLock::new(Arc::new(state)),
            turn: tokio::sync::Mutex::default(),
        }))
    }

    /// Makes a table. Where somebody else makes one at the same time, theirs is opened.
    pub async fn create(storage: Storage, metadata: Metadata) -> Result<Self> {
        let protocol = Protocol {
            min_reader_version: 1,
            min_writer_version: 2,
            reader_features: None,
            writer_features: None,
        };
        let info = json!({ "timestamp": now_milliseconds(), "operation": "CREATE TABLE", "operationParameters": {} });
        let actions = [
            Action {
                commit_info: Some(info),
                ..Action::default()
            },
            protocol.into(),
            metadata.into(),
        ];
        match storage.create(&commit_path(0), lines(&actions)?).await {
            Ok(()) | Err(WriteError::Exists) => {}
            Err(WriteError::Failed(error)) => return Err(error),
        }
        let opened = Self::open(storage).await?;
        opened.ok_or_else(|| Error::internal("a table that was just made is not there"))
    }

    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// The table as it was last read.
    pub fn state(&self) -> Arc<TableState> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads what others have committed since. Returns whether there was anything.
    pub async fn refresh(&self) -> Result<bool> {
        let _turn = self.turn.lock().await;
        self.read_on().await
    }

    async fn read_on(&self) -> Result<bool> {
        let mut changed = false;
        loop {
            let next = self.state().version + 1;
            let Some(text) = self.storage.read(&commit_path(next)).await? else {
                return Ok(changed);
            };
            self.take_over(next, parse(&text)?)?;
            changed = true;
        }
    }

    fn take_over(&self, version: i64, actions: Vec<Action>) -> Result<()> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut state).apply(version, actions)?;
        state.check_readable()
    }

    /// Makes the next version of the table out of `actions`, described by `info`. When this returns, it survives the
    /// machine and every reader sees it. `decided_on` is the version that the actions were decided on.
    pub async fn commit(
        &self,
        decided_on: i64,
        info: serde_json::Value,
        mut actions: Vec<Action>,
    ) -> Result<i64, CommitError> {
        let _turn = self.turn.lock().await;
        let state = self.state();
        if state.version != decided_on {
            return Err(CommitError::Overtaken);
        }
        state.check_writable()?;
        // A commit whose answer got lost is recognised by this.
        let mark = random_name();
        let mut info = info;
        if let Some(fields) = info.as_object_mut() {
            fields.insert("timestamp".to_string(), json!(now_milliseconds()));
            fields.insert("txnId".to_string(), json!(mark));
            fields.insert(
                "engineInfo".to_string(),
                json!(concat!("mission-control/", env!("CARGO_PKG_VERSION"))),
            );
        }
        actions.insert(
            0,
            Action {
                commit_info: Some(info),
                ..Action::default()
            },
        );
        let version = state.version + 1;
        let text = lines(&actions)?;
        drop(state);
        match self.storage.create(&commit_path(version), text).await {
            Ok(()) => {
                self.take_over(version, actions)?;
                Ok(version)
            }
            Err(WriteError::Exists) => self.whose(version, &mark, None).await,
            Err(WriteError::Failed(error)) => self.whose(version, &mark, Some(error)).await,
        }
    }

    /// After a commit that was not plainly made: whether it is there, somebody else's is, or nothing.
    async fn whose(&self, version: i64, mark: &str, failure: Option<Error>) -> Result<i64, CommitError> {
        let found = self.storage.read(&commit_path(version)).await;
        let text = match (found, failure) {
            (Ok(Some(text)), _) => text,
            (_, Some(failure)) => return Err(CommitError::Failed(failure)),
            (Err(error), None) => return Err(CommitError::Failed(error)),
            (Ok(None), None) => return Err(CommitError::Overtaken),
        };
        let actions = parse(&text)?;
        let marks = |action: &Action| {
            let info = action.commit_info.as_ref();
            info.and_then(|info| info.get("txnId")?.as_str()) == Some(mark)
        };
        let own = actions.iter().any(marks);
        self.take_over(version, actions)?;
        self.read_on().await?;
        if own { Ok(version) } else { Err(CommitError::Overtaken) }
    }

    /// Writes a checkpoint of the present state, so that readers need none of the commits before it.
    pub async fn checkpoint(&self) -> Result<i64> {
        let state = self.state();
        let version = state.version;
        let made = tokio::task::spawn_blocking(move || checkpoint::write(&state)).await;
        let (file, actions) = made.map_err(|_| Error::internal("writing a checkpoint stopped unexpectedly"))??;
        let path = log_path(&format!("{version:020}.checkpoint.parquet"));
        self.storage.replace(&path, file).await?;
        let pointer = json!({ "version": version, "size": actions }).to_string();
        self.storage.replace(&log_path(LAST_CHECKPOINT), pointer.into()).await?;
        Ok(version)
    }

    /// Forgets removed files and transactions from before given times. Only a checkpoint makes it last.
    pub fn forget(&self, removed_before: i64, transactions_before: i64) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let state = Arc::make_mut(&mut state);
        state
            .removed
            .retain(|_, remove| remove.deletion_timestamp.is_none_or(|at| at >= removed_before));
        state
            .transactions
            .retain(|_, transaction| transaction.last_updated.is_none_or(|at| at >= transactions_before));
    }

    /// Deletes commits and checkpoints before `version`, which must have a checkpoint, that are older than a time.
    pub async fn delete_log_before(&self, version: i64, before_milliseconds: i64) -> Result<usize> {
        let listed = self.storage.list(Some(&Path::from(LOG_FOLDER))).await?;
        let old = listed.into_iter().filter(|meta| {
            let at = meta.last_modified.timestamp_millis();
            LogFile::of(meta).is_some_and(|file| file.version() < version && at < before_milliseconds)
        });
        let mut deleted = 0;
        for meta in old {
            self.storage.delete(&meta.location).await?;
            deleted += 1;
        }
        Ok(deleted)
    }
}

/// A file of the log, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LogFile {
    Commit(i64),
    /// Part so many of so many, from 1.
    Checkpoint {
        version: i64,
        part: usize,
        parts: usize,
    },
}

impl LogFile {
    fn of(meta: &ObjectMeta) -> Option<Self> {
        let name = meta.location.filename()?;
        let pieces: Vec<&str> = name.split('.').collect();
        let version = |text: &str| text.parse::<i64>().ok().filter(|_| text.len() == 20);
        match pieces.as_slice() {
            [commit, "json"] => version(commit).map(Self::Commit),
            [at, "checkpoint", "parquet"] => Some(Self::Checkpoint {
                version: version(at)?,
                part: 1,
                parts: 1,
            }),
            [at, "checkpoint", part, parts, "parquet"] => Some(Self::Checkpoint {
                version: version(at)?,
                part: part.parse().ok()?,
                parts: parts.parse().ok()?,
            }),
            _ => None,
        }
    }

    fn version(self) -> i64 {
        match self {
            Self::Commit(version) | Self::Checkpoint { version, .. } => version,
        }
    }
}

/// Reads the newest whole checkpoint and every commit after it.
async fn load(storage: &Storage) -> Result<Option<TableState>> {
    let listed = storage.list(Some(&Path::from(LOG_FOLDER))).await?;
    let mut commits = BTreeMap::new();
    let mut checkpoints: BTreeMap<(i64, usize), BTreeMap<usize, Path>> = BTreeMap::new();
    for meta in listed {
        match LogFile::of(&meta) {
            Some(LogFile::Commit(version)) => drop(commits.insert(version, meta.location)),
            Some(LogFile::Checkpoint { version, part, parts }) => {
                let found = checkpoints.entry((version, parts)).or_default();
                found.insert(part, meta.location);
            }
            None => {}
        }
    }
    let newest = checkpoints
        .iter()
        .rev()
        .find(|((_, parts), found)| found.keys().copied().eq(1..=*parts));
    let mut actions = Vec::new();
    let mut version = -1;
    if let Some(((at, _), parts)) = newest {
        version = *at;
        for path in parts.values() {
            let file = read_present(storage, path).await?;
            let read = tokio::task::spawn_blocking(move || checkpoint::read(file)).await;
            actions.extend(read.map_err(|_| state::damaged("a checkpoint cannot be read"))??);
        }
    }
    while let Some(path) = commits.get(&(version + 1)) {
        actions.extend(parse(&read_present(storage, path).await?)?);
        version += 1;
    }
    match commits.keys().next_back() {
        Some(last) if *last > version => Err(state::damaged(&format!("commit {} is missing", version + 1))),
        _ if version < 0 => Ok(None),
        _ => TableState::replay(version, actions).map(Some),
    }
}

async fn read_present(storage: &Storage, path: &Path) -> Result<Bytes> {
    let found = storage.read(path).await?;
    found.ok_or_else(|| state::damaged("a file of it vanished while it was read"))
}

fn parse(text: &[u8]) -> Result<Vec<Action>> {
    let text = std::str::from_utf8(text).map_err(|_| state::damaged("a commit is not UTF-8 text"))?;
    actions::from_lines(text).map_err(|error| state::damaged(&format!("a commit cannot be read: {error}")))
}

fn lines(actions: &[Action]) -> Result<Bytes> {
    let text = actions::to_lines(actions);
    text.map(Bytes::from)
        .map_err(|error| Error::internal(format!("a commit cannot be written: {error}")))
}

fn log_path(name: &str) -> Path {
    Path::from_iter([LOG_FOLDER, name])
}

fn commit_path(version: i64) -> Path {
    log_path(&format!("{version:020}.json"))
}

pub fn now_milliseconds() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
