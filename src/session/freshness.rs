//! What was acknowledged is seen by the next statement: before it looks at the relations, it waits for those that show
//! the managed table as it is. Nobody pays for rows that nobody asks for.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::Engine;
use crate::managed::ManagedTable;

/// How long a statement waits for newer relations at most; then it sees those that there are, and the log says why.
const PATIENCE: Duration = Duration::from_secs(10);

impl Engine {
    /// The table that takes rows from now on, whose changes are shown before the next statement.
    pub fn write_into(&self, managed: Arc<ManagedTable>) {
        self.freshness.follow(managed);
    }

    /// The table that takes rows, if there is one.
    pub fn managed(&self) -> Option<Arc<ManagedTable>> {
        self.freshness.managed()
    }

    /// Resolves once a statement waits for newer relations.
    pub async fn newer_rows_wanted(&self) {
        self.freshness.wanted().await;
    }

    /// The relations show the managed table as of a version.
    pub fn shows(&self, managed_version: i64) {
        self.freshness.shows(managed_version);
    }
}

#[derive(Default)]
pub struct Freshness {
    managed: RwLock<Option<Arc<ManagedTable>>>,
    wanted: Notify,
    shown: watch::Sender<i64>,
}

impl Freshness {
    pub fn follow(&self, managed: Arc<ManagedTable>) {
        *self.managed.write().unwrap_or_else(PoisonError::into_inner) = Some(managed);
    }

    pub fn managed(&self) -> Option<Arc<ManagedTable>> {
        self.managed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    pub fn shows(&self, version: i64) {
        self.shown.send_replace(version);
    }

    /// Waits until the relations show what the managed table holds now.
    pub async fn catch_up(&self) {
        let Some(managed) = self.managed() else { return };
        let version = managed.version();
        let mut shown = self.shown.subscribe();
        if *shown.borrow_and_update() >= version {
            return;
        }
        self.wanted.notify_one();
        let caught_up = shown.wait_for(|shown| *shown >= version);
        if tokio::time::timeout(PATIENCE, caught_up).await.is_err() {
            tracing::warn!(
                version,
                "the relations do not show the newest rows of the managed table yet"
            );
        }
    }
}
