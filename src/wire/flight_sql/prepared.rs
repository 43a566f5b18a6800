//! Prepared statements, kept by the server under a handle that nobody can guess: bound to a user, limited in number,
//! forgotten when not used for long.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use bytes::Bytes;

use super::seal::random_id;
use crate::error::{Error, ErrorKind, Result};
use crate::session::Prepared;

/// How many sets of parameters a statement keeps, so that tickets made before the newest binding can still be read.
const BINDINGS_KEPT: usize = 4;

/// Limits on what clients make the server keep.
#[derive(Debug, Clone)]
pub struct PreparedLimits {
    pub most_statements: usize,
    pub most_parameter_bytes: usize,
    /// A statement that nobody used for this long is forgotten.
    pub idle_lifetime: Duration,
}

/// All prepared statements of the server.
pub struct PreparedStatements {
    limits: PreparedLimits,
    statements: Mutex<HashMap<Bytes, Kept>>,
}

struct Kept {
    user: String,
    prepared: Prepared,
    used_at: Instant,
    /// Oldest first, each with its number from 1.
    bindings: VecDeque<(u64, RecordBatch)>,
    bindings_made: u64,
}

impl Kept {
    fn parameter_bytes(&self) -> usize {
        self.bindings.iter().map(|(_, rows)| rows.get_array_memory_size()).sum()
    }
}

impl PreparedStatements {
    pub fn new(limits: PreparedLimits) -> Self {
        Self {
            limits,
            statements: Mutex::default(),
        }
    }

    /// Keeps a statement and returns its handle.
    pub fn keep(&self, user: &str, prepared: Prepared, most_of_user: usize) -> Result<Bytes> {
        let handle = Bytes::copy_from_slice(&random_id()?);
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |statements: &HashMap<Bytes, Kept>| {
            let of_user = statements.values().filter(|kept| kept.user == user).count();
            statements.len() >= self.limits.most_statements || of_user >= most_of_user
        };
        if is_full(&statements) {
            statements.retain(|_, kept| kept.used_at.elapsed() < self.limits.idle_lifetime);
        }
        if is_full(&statements) {
            let most = self.limits.most_statements.min(most_of_user);
            return Err(Error::new(
                ErrorKind::ConfigurationLimitExceeded,
                format!("too many prepared statements: at most {most}"),
            )
            .with_hint("close prepared statements that are no longer needed"));
        }
        let kept = Kept {
            user: user.to_string(),
            prepared,
            used_at: Instant::now(),
            bindings: VecDeque::new(),
            bindings_made: 0,
        };
        statements.insert(handle.clone(), kept);
        Ok(handle)
    }

    /// The statement, and the number of its newest binding.
    pub fn get(&self, user: &str, handle: &Bytes) -> Result<(Prepared, u64)> {
        self.with(user, handle, |kept| Ok((kept.prepared.clone(), kept.bindings_made)))
    }

    /// The parameters of one binding; none where nothing was bound.
    pub fn binding(&self, user: &str, handle: &Bytes, number: u64) -> Result<Option<RecordBatch>> {
        self.with(user, handle, |kept| {
            if number == 0 {
                return Ok(None);
            }
            let found = kept.bindings.iter().find(|(one, _)| *one == number);
            found.map(|(_, rows)| Some(rows.clone())).ok_or_else(|| {
                Error::new(
                    ErrorKind::UndefinedObject,
                    "the parameters of this ticket have been replaced by newer ones",
                )
                .with_hint("ask for the flight info again after binding")
            })
        })
    }

    /// Binds rows of parameters.
    pub fn bind(&self, user: &str, handle: &Bytes, rows: RecordBatch) -> Result<()> {
        let most_bytes = self.limits.most_parameter_bytes;
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes_kept: usize = statements.values().map(Kept::parameter_bytes).sum();
        let kept = find(&mut statements, user, handle, self.limits.idle_lifetime)?;
        while kept.bindings.len() >= BINDINGS_KEPT {
            kept.bindings.pop_front();
        }
        if bytes_kept.saturating_add(rows.get_array_memory_size()) > most_bytes {
            return Err(Error::new(
                ErrorKind::ConfigurationLimitExceeded,
                format!("the bound parameters of all statements exceed {most_bytes} bytes"),
            )
            .with_hint("close prepared statements that are no longer needed"));
        }
        kept.bindings_made += 1;
        kept.bindings.push_back((kept.bindings_made, rows));
        Ok(())
    }

    /// Forgets a statement. One that is not there, or belongs to somebody else, is an error.
    pub fn close(&self, user: &str, handle: &Bytes) -> Result<()> {
        self.with(user, handle, |_| Ok(()))?;
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        statements.remove(handle);
        Ok(())
    }

    fn with<T>(&self, user: &str, handle: &Bytes, read: impl FnOnce(&mut Kept) -> Result<T>) -> Result<T> {
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        read(find(&mut statements, user, handle, self.limits.idle_lifetime)?)
    }
}

/// A statement that belongs to somebody else is as unknown as one that never was.
fn find<'a>(
    statements: &'a mut HashMap<Bytes, Kept>,
    user: &str,
    handle: &Bytes,
    idle_lifetime: Duration,
) -> Result<&'a mut Kept> {
    let kept = statements
        .get_mut(handle)
        .filter(|kept| kept.user == user && kept.used_at.elapsed() < idle_lifetime)
        .ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidStatementName,
                "this prepared statement does not exist",
            )
            .with_hint("prepare it again: statements are closed by their client or after a long time without use")
        })?;
    kept.used_at = Instant::now();
    Ok(kept)
}
