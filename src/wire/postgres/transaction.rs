//! A connection's transaction: its settings, its savepoints, whether it has failed, and the batches that become part of
//! the managed table when it commits.

use pgwire::messages::response::TransactionStatus;

use crate::error::{Error, ErrorKind, Result};
use crate::managed::Ingest;
use crate::session::Settings;

/// How many savepoints a transaction may have.
const MAX_SAVEPOINTS: usize = 1000;
/// How many statements of a transaction may write.
const MAX_WRITES: usize = 10_000;

#[derive(Debug, Default)]
pub struct Transaction {
    status: Status,
    /// What ROLLBACK returns to; present from a transaction's first statement on, implicit ones included.
    before: Option<Settings>,
    /// What COMMIT leaves: like the settings in force, without those of SET LOCAL.
    lasting: Option<Settings>,
    savepoints: Vec<Savepoint>,
    writes: Vec<Ingest>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Each statement, or each string of statements, is a transaction of its own.
    #[default]
    Idle,
    InBlock,
    Failed,
}

#[derive(Debug)]
struct Savepoint {
    name: String,
    settings: Settings,
    lasting: Settings,
    writes: usize,
}

impl Transaction {
    pub fn status(&self) -> TransactionStatus {
        match self.status {
            Status::Idle => TransactionStatus::Idle,
            Status::InBlock => TransactionStatus::Transaction,
            Status::Failed => TransactionStatus::Error,
        }
    }

    pub fn is_idle(&self) -> bool {
        self.status == Status::Idle
    }

    pub fn is_failed(&self) -> bool {
        self.status == Status::Failed
    }

    /// Every statement begins with this: outside a block it opens the implicit transaction, unless one is open.
    pub fn touch(&mut self, settings: &Settings) {
        if self.before.is_none() {
            self.before = Some(settings.clone());
            self.lasting = Some(settings.clone());
        }
    }

    /// BEGIN. What the implicit transaction did so far belongs to the block.
    pub fn begin(&mut self, settings: &Settings) {
        self.touch(settings);
        self.status = Status::InBlock;
    }

    /// A statement failed.
    pub fn fail(&mut self, settings: &mut Settings) {
        match self.status {
            Status::Idle => self.rollback(settings),
            Status::InBlock | Status::Failed => self.status = Status::Failed,
        }
    }

    /// Ends the transaction and keeps what it did, except SET LOCAL.
    pub fn commit(&mut self, settings: &mut Settings) {
        if let Some(lasting) = self.lasting.take() {
            *settings = lasting;
        }
        *self = Self::default();
    }

    /// Ends the transaction as if it had not been.
    pub fn rollback(&mut self, settings: &mut Settings) {
        if let Some(before) = self.before.take() {
            *settings = before;
        }
        *self = Self::default();
    }

    /// A change of settings that a COMMIT is to keep: `change` is applied to both sets.
    pub fn lasting_change(&mut self, change: impl Fn(&mut Settings) -> Result<()>) -> Result<()> {
        self.lasting.as_mut().map_or(Ok(()), change)
    }

    pub fn savepoint(&mut self, name: String, settings: &Settings) -> Result<()> {
        if self.savepoints.len() >= MAX_SAVEPOINTS {
            return Err(Error::new(
                ErrorKind::ConfigurationLimitExceeded,
                format!("a transaction may have at most {MAX_SAVEPOINTS} savepoints"),
            ));
        }
        let lasting = self.lasting.clone().unwrap_or_else(|| settings.clone());
        self.savepoints.push(Savepoint {
            name,
            settings: settings.clone(),
            lasting,
            writes: self.writes.len(),
        });
        Ok(())
    }

    pub fn release(&mut self, name: &str) -> Result<()> {
        let index = self.find(name)?;
        self.savepoints.truncate(index);
        Ok(())
    }

    /// Back to a savepoint, which stays; a failed transaction is well again.
    pub fn rollback_to(&mut self, name: &str, settings: &mut Settings) -> Result<()> {
        let index = self.find(name)?;
        self.savepoints.truncate(index + 1);
        if let Some(savepoint) = self.savepoints.last() {
            *settings = savepoint.settings.clone();
            self.lasting = Some(savepoint.lasting.clone());
            self.writes.truncate(savepoint.writes);
        }
        self.status = Status::InBlock;
        Ok(())
    }

    /// Keeps a batch until the transaction commits.
    pub fn write(&mut self, batch: Ingest) -> Result<()> {
        if self.writes.len() >= MAX_WRITES {
            return Err(Error::new(
                ErrorKind::ConfigurationLimitExceeded,
                format!("a transaction may have at most {MAX_WRITES} statements that write"),
            )
            .with_hint("commit more often, or use COPY"));
        }
        self.writes.push(batch);
        Ok(())
    }

    pub fn take_writes(&mut self) -> Vec<Ingest> {
        std::mem::take(&mut self.writes)
    }

    fn find(&self, name: &str) -> Result<usize> {
        self.savepoints.iter().rposition(|one| one.name == name).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidSavepoint,
                format!("savepoint \"{name}\" does not exist"),
            )
        })
    }
}

/// What every statement but the end of the transaction gets once one has failed.
pub fn aborted() -> Error {
    Error::new(
        ErrorKind::InFailedTransaction,
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}
