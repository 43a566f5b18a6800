//! The managed table: rows that clients send, kept as a Delta table that other programs can read meanwhile.
//!
//! There is one durable thing, the table itself. A batch's rows become Parquet files, the files are named by one commit
//! of the table's log, and when that commit has reached the disk (or the object store) the batch is acknowledged. What
//! a crash leaves behind without a commit is not in the table and is cleaned up later. Batches that come at the same
//! time share a commit. The key of a batch is an action of the same commit, so that a batch that is sent again, even
//! after a restart, is counted once.

mod commits;
mod field_rows;
mod files;
mod ingest;
mod lock;
mod quarantine;
mod rows;
mod upkeep;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

pub use field_rows::{FieldRows, FieldSyntax, UtcTimes};
pub use ingest::{Acknowledged, BadRow, Ingest, IngestKey, OnError, Origin};
pub use quarantine::quarantine_schema;
pub use rows::{Fault, ManagedColumn, PLATFORM, arrow_type};
pub use upkeep::{MaintenanceEvent, MaintenanceTask};

use crate::delta::{DeltaLog, Format, Metadata, Storage, column_types, now_milliseconds, random_name, schema_string};
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::ManagedMetrics;
use crate::sources::{PlatformAliases, open_table_folder};
use commits::Committer;
use lock::WriterLock;
use quarantine::Quarantine;
use rows::{PARTITION, RowRules};
use upkeep::History;

/// What a managed table needs to be opened.
#[derive(Debug, Clone)]
pub struct ManagedSettings {
    /// A local folder, or a folder of an object store.
    pub location: String,
    /// Options of the object store by its own names.
    pub options: BTreeMap<String, String>,
    /// How often small files are merged.
    pub flush_interval: Duration,
    pub on_error: OnError,
    /// Days after which rows are dropped, by their day; `None` keeps them for ever.
    pub retention_days: Option<u32>,
    /// How long replaced files stay for readers of older versions.
    pub vacuum_after: Duration,
    /// How long the keys of batches are remembered.
    pub keys_kept: Duration,
    /// Measures beyond the ones known by name.
    pub measures: Vec<String>,
    pub platforms: PlatformAliases,
}

/// What the program that opens the table does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Writes and does the upkeep; a local table can have one server.
    Serve,
    /// Appends beside a server, as any other writer of Delta tables does.
    Append,
    Read,
}

/// An open managed table.
#[derive(Debug)]
pub struct ManagedTable {
    log: Arc<DeltaLog>,
    rules: Arc<RowRules>,
    settings: ManagedSettings,
    quarantine: Arc<Quarantine>,
    committer: Committer,
    lock: WriterLock,
    history: History,
    metrics: Arc<ManagedMetrics>,
}

impl ManagedTable {
    /// Opens the table; makes it where there is none, unless it is only read. Runs inside a tokio runtime, on which it
    /// commits.
    pub async fn open(settings: ManagedSettings, purpose: Purpose, metrics: Arc<ManagedMetrics>) -> Result<Arc<Self>> {
        if purpose != Purpose::Read {
            make_local_folder(&settings.location)?;
        }
        let (objects, folder) = open_table_folder(&settings.location, &settings.options).await?;
        let storage = match &folder {
            Some(folder) => Storage::of_folder(objects, folder.clone()),
            None => Storage::of_objects(objects),
        };
        Self::open_in(storage, settings, purpose, metrics).await
    }

    async fn open_in(
        storage: Storage,
        settings: ManagedSettings,
        purpose: Purpose,
        metrics: Arc<ManagedMetrics>,
    ) -> Result<Arc<Self>> {
        let rules = RowRules::new(settings.measures.iter().cloned(), settings.platforms.clone());
        let log = match DeltaLog::open(storage.clone()).await? {
            Some(log) => log,
            None if purpose == Purpose::Read => {
                return Err(Error::configuration("there is no managed table yet")
                    .with_hint("serve or ingest with this configuration makes it"));
            }
            None => DeltaLog::create(storage.clone(), metadata(rules.schema(), Some(PARTITION))?).await?,
        };
        check_columns(&log, &rules)?;
        let lock = WriterLock::new(storage.folder(), purpose)?;
        let log = Arc::new(log);
        let quarantine = Arc::new(Quarantine::open(storage.below("_quarantine")).await?);
        let committer = Committer::start(Arc::clone(&log), Arc::clone(&quarantine), Arc::clone(&metrics));
        let table = Arc::new(Self {
            log,
            rules: Arc::new(rules),
            settings,
            quarantine,
            committer,
            lock,
            history: History::default(),
            metrics,
        });
        table.measure();
        Ok(table)
    }

    /// The log, for whoever reads the table's rows.
    pub fn log(&self) -> &Arc<DeltaLog> {
        &self.log
    }

    /// Another number after every change.
    pub fn version(&self) -> i64 {
        self.log.state().version
    }

    /// The columns of the table; `platform` is not among them.
    pub fn schema(&self) -> &SchemaRef {
        self.rules.schema()
    }

    /// The kind of a column that rows may bring.
    pub fn column_kind(&self, name: &str) -> Option<crate::sources::ColumnKind> {
        self.rules.kind(name)
    }

    /// Refuses a set of columns that is no row of the table.
    pub fn check_columns<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
        self.rules.check_columns(names)
    }

    pub fn settings(&self) -> &ManagedSettings {
        &self.settings
    }

    pub fn quarantine(&self) -> &Arc<Quarantine> {
        &self.quarantine
    }

    /// Begins a batch. Nothing of it is in the table before [`Ingest::finish`] has returned, and all of it is then.
    pub fn ingest(self: &Arc<Self>, origin: Origin, key: IngestKey) -> Result<Ingest> {
        self.lock.check()?;
        Ok(Ingest::new(Arc::clone(self), origin, key))
    }

    /// Appends rows as one batch. When this returns they are durable, and the next query sees them.
    pub async fn append(self: &Arc<Self>, batches: Vec<RecordBatch>, key: IngestKey) -> Result<Acknowledged> {
        let mut ingest = self.ingest(Origin::Program, key)?;
        for batch in batches {
            ingest.push(&batch).await?;
        }
        ingest.finish().await
    }

    /// Whether a batch of this key is in the table.
    pub fn has(&self, key: &IngestKey) -> bool {
        key.application()
            .is_some_and(|key| self.log.state().transactions.contains_key(&key))
    }

    /// Publishes what the table holds to the metrics.
    fn measure(&self) {
        let state = self.log.state();
        let bytes: i64 = state.files.values().map(|file| file.size).sum();
        self.metrics
            .version
            .store(u64::try_from(state.version).unwrap_or(0), Relaxed);
        self.metrics.files.store(state.files.len() as u64, Relaxed);
        self.metrics.bytes.store(u64::try_from(bytes).unwrap_or(0), Relaxed);
        self.metrics.keys.store(state.transactions.len() as u64, Relaxed);
    }
}

/// Finishes several batches at once: all of them are in the table, or none is.
pub async fn finish_together(batches: Vec<Ingest>) -> Result<Vec<Acknowledged>> {
    ingest::finish_together(batches).await
}

/// A new table's metadata.
fn metadata(schema: &SchemaRef, partition: Option<&str>) -> Result<Metadata> {
    let id = random_name();
    // The log's readers expect the usual form of a unique number.
    let id = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-");
    Ok(Metadata {
        id,
        name: None,
        description: None,
        format: Format {
            provider: "parquet".to_string(),
            options: BTreeMap::new(),
        },
        schema_string: schema_string(schema)?,
        partition_columns: partition.map(str::to_string).into_iter().collect(),
        configuration: BTreeMap::new(),
        created_time: Some(now_milliseconds()),
    })
}

/// Refuses a table of other columns: what is written must fit what readers are told.
fn check_columns(log: &DeltaLog, rules: &RowRules) -> Result<()> {
    let state = log.state();
    let found = column_types(&state.metadata.schema_string)?;
    let wanted = column_types(&schema_string(rules.schema())?)?;
    if state.metadata.partition_columns != [PARTITION] {
        return Err(other_table("it is not partitioned by submission_date"));
    }
    for (name, data_type) in &wanted {
        match found.get(name) {
            Some(found) if found == data_type => {}
            Some(found) => {
                return Err(other_table(&format!(
                    "its column {name} is of type {found}, not {data_type}"
                )));
            }
            None => return Err(other_table(&format!("it has no column {name}"))),
        }
    }
    Ok(())
}

fn other_table(detail: &str) -> Error {
    Error::configuration("the delta table at the managed location is not one of error aggregates")
        .with_detail(detail)
        .with_hint(
            "give an empty folder, serve a foreign table with --source, or make a new table where [columns] changed",
        )
}

/// A local location may not exist yet.
fn make_local_folder(location: &str) -> Result<()> {
    let local = location.strip_prefix("file://").unwrap_or(location);
    if local.contains("://") {
        return Ok(());
    }
    std::fs::create_dir_all(local).map_err(|error| {
        Error::new(
            ErrorKind::Configuration,
            format!("cannot make the managed table's folder {location}"),
        )
        .with_detail(error.kind().to_string())
        .with_hint("check the path, and that this user may write there")
    })
}
