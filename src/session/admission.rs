//! Who may compute now: so many queries at one time, a queue of bounded length for the others, first come first served.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::limits::Limits;
use crate::error::{Error, ErrorKind, Result};

/// The queries that compute and those that wait.
#[derive(Debug, Default)]
pub struct Admission {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

/// A query's place among those that compute; dropping it lets the next one in.
#[derive(Debug)]
pub struct Slot {
    admission: Arc<Admission>,
}

impl Admission {
    /// Waits for a place. Fails at once where the queue is full, and after the time that a query may wait.
    pub async fn enter(self: &Arc<Self>, limits: &Limits) -> Result<Slot> {
        let place = {
            let mut state = self.locked();
            if state.running < limits.max_concurrent_queries {
                state.running += 1;
                return Ok(Slot {
                    admission: Arc::clone(self),
                });
            }
            state.waiting.retain(|waiting| !waiting.is_closed());
            if state.waiting.len() >= limits.max_queued_queries {
                return Err(too_busy("too many queries are running and waiting"));
            }
            let (sender, place) = oneshot::channel();
            state.waiting.push_back(sender);
            place
        };
        match tokio::time::timeout(limits.queue_timeout, place).await {
            Ok(Ok(slot)) => Ok(slot),
            _ => Err(too_busy("the query waited too long for others to end")),
        }
    }

    /// How many compute and how many wait.
    pub fn counts(&self) -> (usize, usize) {
        let state = self.locked();
        let waiting = state.waiting.iter().filter(|waiting| !waiting.is_closed());
        (state.running, waiting.count())
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_busy(message: &str) -> Error {
    Error::new(ErrorKind::ConfigurationLimitExceeded, message).with_hint("try again later")
}

impl Drop for Slot {
    fn drop(&mut self) {
        // A slot that cannot be handed over comes back here, so that whoever left the queue does not keep it.
        let next = {
            let mut state = self.admission.locked();
            let next = loop {
                match state.waiting.pop_front() {
                    Some(waiting) if waiting.is_closed() => {}
                    other => break other,
                }
            };
            if next.is_none() {
                state.running -= 1;
            }
            next
        };
        if let Some(next) = next {
            let slot = Self {
                admission: Arc::clone(&self.admission),
            };
            let _ = next.send(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn limits(running: usize, waiting: usize) -> Limits {
        Limits {
            max_concurrent_queries: running,
            max_queued_queries: waiting,
            queue_timeout: Duration::from_millis(200),
            ..Limits::default()
        }
    }

    #[tokio::test]
    async fn the_next_in_the_queue_gets_the_place_of_one_that_ends() {
        let (admission, limits) = (Arc::<Admission>::default(), limits(1, 2));
        let first = admission.enter(&limits).await.unwrap();
        let gone = tokio::time::timeout(Duration::from_millis(10), admission.enter(&limits)).await;
        assert!(gone.is_err(), "waits");
        let next = tokio::spawn({
            let (admission, limits) = (Arc::clone(&admission), limits.clone());
            async move { admission.enter(&limits).await }
        });
        while admission.counts().1 == 0 {
            tokio::task::yield_now().await;
        }
        drop(first);
        let next = next.await.unwrap().unwrap();
        assert_eq!(admission.counts(), (1, 0));
        drop(next);
        assert_eq!(admission.counts(), (0, 0));
    }

    #[tokio::test]
    async fn a_full_queue_and_a_long_wait_are_refused() {
        let (admission, none, one) = (Arc::<Admission>::default(), limits(1, 0), limits(1, 1));
        let _first = admission.enter(&none).await.unwrap();
        let full = admission.enter(&none).await.unwrap_err();
        assert_eq!(full.kind, ErrorKind::ConfigurationLimitExceeded);
        assert!(full.message.contains("waiting"), "{full}");
        let late = admission.enter(&one).await.unwrap_err();
        assert!(late.message.contains("too long"), "{late}");
    }
}
