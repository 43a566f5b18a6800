//! Who is connected, so that a cancel request, which comes over a connection of its own, finds the statement it means.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ring::rand::{SecureRandom, SystemRandom};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};

/// All connections of one listener.
#[derive(Debug, Default)]
pub struct Registry {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last_pid: i32,
    connections: HashMap<i32, Entry>,
}

#[derive(Debug)]
struct Entry {
    secret: i32,
    running: Arc<Mutex<Option<CancellationToken>>>,
}

/// A connection's place among the others; leaving it frees the place.
#[derive(Debug)]
pub struct Registration {
    pub pid: i32,
    pub secret: i32,
    registry: Arc<Registry>,
    running: Arc<Mutex<Option<CancellationToken>>>,
}

impl Registry {
    /// Adds a connection. `None` when there are as many as allowed.
    pub fn register(self: &Arc<Self>, most: usize) -> Result<Option<Registration>> {
        let secret = random_i32()?;
        let mut inner = locked(&self.inner);
        if inner.connections.len() >= most {
            return Ok(None);
        }
        let pid = inner.free_pid();
        inner.last_pid = pid;
        let running = Arc::new(Mutex::new(None));
        let entry = Entry {
            secret,
            running: Arc::clone(&running),
        };
        inner.connections.insert(pid, entry);
        Ok(Some(Registration {
            pid,
            secret,
            registry: Arc::clone(self),
            running,
        }))
    }

    /// Cancels what the connection runs, if it runs anything and the secret is its own. Nobody is told which.
    pub fn cancel(&self, pid: i32, secret: i32) {
        let inner = locked(&self.inner);
        if let Some(entry) = inner.connections.get(&pid)
            && entry.secret == secret
            && let Some(running) = locked(&entry.running).as_ref()
        {
            running.cancel();
        }
    }
}

impl Inner {
    fn free_pid(&self) -> i32 {
        let mut pid = self.last_pid;
        loop {
            pid = if pid == i32::MAX { 1 } else { pid + 1 };
            if !self.connections.contains_key(&pid) {
                return pid;
            }
        }
    }
}

impl Registration {
    /// From now on a cancel request ends what watches the returned token.
    pub fn begin(&self) -> CancellationToken {
        let token = CancellationToken::new();
        *locked(&self.running) = Some(token.clone());
        token
    }

    /// Nothing runs: cancel requests have no effect.
    pub fn idle(&self) {
        *locked(&self.running) = None;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        locked(&self.registry.inner).connections.remove(&self.pid);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn random_i32() -> Result<i32> {
    let mut bytes = [0u8; 4];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(i32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_secret_cancels_and_only_what_runs() {
        let registry = Arc::new(Registry::default());
        let connection = registry.register(1).unwrap().unwrap();
        assert!(registry.register(1).unwrap().is_none(), "the limit is one");
        registry.cancel(connection.pid, connection.secret);
        let token = connection.begin();
        registry.cancel(connection.pid, connection.secret.wrapping_add(1));
        assert!(!token.is_cancelled());
        registry.cancel(connection.pid, connection.secret);
        assert!(token.is_cancelled());
        drop(connection);
        assert!(registry.register(1).unwrap().is_some(), "the place is free again");
    }
}
