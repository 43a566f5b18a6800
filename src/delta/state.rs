//! What a Delta table is at one version: the actions of its log, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::actions::{Action, Add, Metadata, Protocol, Remove, Transaction};
use crate::error::{Error, Result};

/// What reading needs beyond plain files, and what is understood here because it changes nothing for a reader of files.
const HARMLESS_READER_FEATURES: [&str; 3] = ["timestampNtz", "vacuumProtocolCheck", "deletionVectors"];

/// What writers of version 7 may ask for and this one does by itself: it only adds and removes whole files, and its
/// columns have neither invariants nor checks.
const HARMLESS_WRITER_FEATURES: [&str; 3] = ["appendOnly", "invariants", "timestampNtz"];

/// The newest writer version without features that have to be kept up here.
const PLAIN_WRITER_VERSION: i32 = 2;

#[derive(Debug, Clone)]
pub struct TableState {
    pub version: i64,
    pub protocol: Protocol,
    pub metadata: Metadata,
    /// By path, as the log has it.
    pub files: BTreeMap<String, Arc<Add>>,
    pub removed: BTreeMap<String, Arc<Remove>>,
    pub transactions: BTreeMap<String, Transaction>,
}

impl TableState {
    /// The state that the actions up to a version lead to.
    pub fn replay(version: i64, actions: impl IntoIterator<Item = Action>) -> Result<Self> {
        let mut building = Building::default();
        for action in actions {
            building.apply(action)?;
        }
        let (Some(protocol), Some(metadata)) = (building.protocol, building.metadata) else {
            return Err(damaged(
                "it says neither which protocol nor which columns the table has",
            ));
        };
        Ok(Self {
            version,
            protocol,
            metadata,
            files: building.files,
            removed: building.removed,
            transactions: building.transactions,
        })
    }

    /// The next version.
    pub fn apply(&mut self, version: i64, actions: impl IntoIterator<Item = Action>) -> Result<()> {
        let mut building = Building {
            protocol: Some(self.protocol.clone()),
            metadata: Some(self.metadata.clone()),
            files: std::mem::take(&mut self.files),
            removed: std::mem::take(&mut self.removed),
            transactions: std::mem::take(&mut self.transactions),
        };
        let applied = actions.into_iter().try_for_each(|action| building.apply(action));
        self.files = building.files;
        self.removed = building.removed;
        self.transactions = building.transactions;
        applied?;
        self.protocol = building.protocol.unwrap_or_else(|| self.protocol.clone());
        self.metadata = building.metadata.unwrap_or_else(|| self.metadata.clone());
        self.version = version;
        Ok(())
    }

    /// Refuses tables whose rows are more than what lies in their files.
    pub fn check_readable(&self) -> Result<()> {
        let version = self.protocol.min_reader_version;
        let unknown = match version {
            1 => None,
            2 => Some("columnMapping".to_string()),
            3 => self
                .protocol
                .reader_features
                .iter()
                .flatten()
                .find(|feature| !HARMLESS_READER_FEATURES.contains(&feature.as_str()))
                .cloned(),
            other => Some(format!("reader version {other}")),
        };
        if self.metadata.format.provider != "parquet" {
            return Err(unsupported(&format!("the format {}", self.metadata.format.provider)));
        }
        unknown.map_or(Ok(()), |feature| Err(unsupported(&feature)))
    }

    /// Refuses to write where that needs what this program does not do.
    pub fn check_writable(&self) -> Result<()> {
        let version = self.protocol.min_writer_version;
        let features = self.protocol.writer_features.iter().flatten();
        let unknown = features
            .clone()
            .find(|feature| !HARMLESS_WRITER_FEATURES.contains(&feature.as_str()));
        match (version, unknown) {
            (..=PLAIN_WRITER_VERSION, _) | (7, None) => Ok(()),
            (7, Some(feature)) => Err(unsupported(feature)),
            (other, _) => Err(unsupported(&format!("writer version {other}"))),
        }
    }

    /// Every action that a checkpoint of this state holds.
    pub fn actions(&self) -> impl Iterator<Item = Action> + '_ {
        let first = [Action::from(self.protocol.clone()), Action::from(self.metadata.clone())];
        first
            .into_iter()
            .chain(self.transactions.values().cloned().map(Action::from))
            .chain(
                self.removed
                    .values()
                    .map(|remove| Action::from(remove.as_ref().clone())),
            )
            .chain(self.files.values().map(|add| Action::from(add.as_ref().clone())))
    }
}

#[derive(Default)]
struct Building {
    protocol: Option<Protocol>,
    metadata: Option<Metadata>,
    files: BTreeMap<String, Arc<Add>>,
    removed: BTreeMap<String, Arc<Remove>>,
    transactions: BTreeMap<String, Transaction>,
}

impl Building {
    fn apply(&mut self, action: Action) -> Result<()> {
        if action.sidecar.is_some() {
            return Err(unsupported("v2Checkpoint"));
        }
        if let Some(protocol) = action.protocol {
            self.protocol = Some(protocol);
        }
        if let Some(metadata) = action.meta_data {
            self.metadata = Some(metadata);
        }
        if let Some(transaction) = action.txn {
            self.transactions.insert(transaction.app_id.clone(), transaction);
        }
        if let Some(remove) = action.remove {
            self.files.remove(&remove.path);
            self.removed.insert(remove.path.clone(), Arc::new(remove));
        }
        if let Some(add) = action.add {
            if add.deletion_vector.is_some() {
                return Err(unsupported("deletionVectors"));
            }
            self.removed.remove(&add.path);
            self.files.insert(add.path.clone(), Arc::new(add));
        }
        Ok(())
    }
}

pub fn damaged(detail: &str) -> Error {
    Error::configuration("the log of the delta table is damaged")
        .with_detail(detail)
        .with_hint("restore the folder _delta_log as its writer left it")
}

fn unsupported(feature: &str) -> Error {
    Error::configuration(format!(
        "the delta table needs a feature that is not supported: {feature}"
    ))
    .with_hint(
        "plain tables are supported: no column mapping, no deletion vectors, no checkpoints of version 2; in Spark, \
         ALTER TABLE … DROP FEATURE or a REORG … APPLY (PURGE) makes one of it",
    )
}
