//! One server writes to a local table: it holds a lock on a file in the table's folder, which the system takes back
//! when the process ends, however it ends. An object store has no such thing and needs none, because commits there
//! cannot overtake each other either way; what the lock keeps apart is the upkeep of two servers.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Purpose;
use crate::error::{Error, ErrorKind, Result};

const LOCK_FILE: &str = ".mission-control.lock";

#[derive(Debug)]
pub struct WriterLock {
    purpose: Purpose,
    path: Option<PathBuf>,
    held: Mutex<Option<File>>,
}

impl WriterLock {
    pub fn new(folder: Option<&Path>, purpose: Purpose) -> Result<Self> {
        let lock = Self {
            purpose,
            path: folder.map(|folder| folder.join(LOCK_FILE)),
            held: Mutex::default(),
        };
        if purpose == Purpose::Serve && !lock.is_held()? {
            tracing::warn!("another server writes to the managed table; this one only reads it");
        }
        Ok(lock)
    }

    /// Fails unless this program may write now. Where the other server has gone, this one takes over.
    pub fn check(&self) -> Result<()> {
        match self.purpose {
            Purpose::Append => Ok(()),
            Purpose::Serve if self.is_held()? => Ok(()),
            Purpose::Serve => Err(Error::new(
                ErrorKind::ObjectInUse,
                "cannot write: another server holds the managed table",
            )
            .with_hint("send rows to that server; this one reads the same table and takes over when that one ends")),
            Purpose::Read => Err(Error::new(
                ErrorKind::ReadOnlyTransaction,
                "the managed table was opened for reading only",
            )),
        }
    }

    /// Whether this is the one server; tries to become it.
    pub fn is_held(&self) -> Result<bool> {
        let Some(path) = &self.path else { return Ok(true) };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_some() {
            return Ok(true);
        }
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Io, "the managed table cannot be locked").with_detail(error.kind().to_string())
        };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                *held = Some(file);
                Ok(true)
            }
            Err(std::fs::TryLockError::WouldBlock) => Ok(false),
            Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}
