//! The downloads under way, by their tickets' ids, so that CancelFlightInfo finds them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

/// All downloads under way. One ticket may be read several times at once.
#[derive(Debug, Clone, Default)]
pub struct Running {
    downloads: Arc<Mutex<HashMap<Bytes, Download>>>,
}

#[derive(Debug, Default)]
struct Download {
    readers: usize,
    cancelled: CancellationToken,
}

impl Running {
    /// Enters a download; it is under way until the result is dropped.
    pub fn enter(&self, id: &Bytes) -> Entered {
        let mut downloads = self.downloads.lock().unwrap_or_else(PoisonError::into_inner);
        let download = downloads.entry(id.clone()).or_default();
        download.readers += 1;
        Entered {
            id: id.clone(),
            cancelled: download.cancelled.clone(),
            running: self.clone(),
        }
    }

    /// Cancels every reader of a ticket. Returns whether there was one.
    pub fn cancel(&self, id: &Bytes) -> bool {
        let mut downloads = self.downloads.lock().unwrap_or_else(PoisonError::into_inner);
        match downloads.get_mut(id) {
            Some(download) => {
                // Readers that come later have their own token, so that a cancelled ticket can be read again.
                std::mem::take(&mut download.cancelled).cancel();
                true
            }
            None => false,
        }
    }

    fn leave(&self, id: &Bytes) {
        let mut downloads = self.downloads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(download) = downloads.get_mut(id) {
            download.readers -= 1;
            if download.readers == 0 {
                downloads.remove(id);
            }
        }
    }
}

/// A download's place among those under way.
#[derive(Debug)]
pub struct Entered {
    id: Bytes,
    cancelled: CancellationToken,
    running: Running,
}

impl Entered {
    /// Resolves when somebody cancels the download.
    pub async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.running.leave(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn cancel_reaches_every_reader_and_nobody_after_the_last_left() {
        let running = Running::default();
        let id = Bytes::from_static(b"id");
        assert!(!running.cancel(&id));
        let (first, second) = (running.enter(&id), running.enter(&id));
        assert!(running.cancel(&id));
        first.cancelled().await;
        second.cancelled().await;
        let later = running.enter(&id);
        assert!(!later.cancelled.is_cancelled());
        drop((first, second, later));
        assert!(!running.cancel(&id));
        assert!(running.downloads.lock().unwrap().is_empty());
    }
}
