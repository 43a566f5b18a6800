//! One query's memory: its share of the pool that all queries have together, with a limit and a high-water mark of its
//! own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};

/// What a query has reserved now and at most.
#[derive(Debug, Default)]
pub struct MemoryUse {
    now: AtomicUsize,
    peak: AtomicUsize,
}

impl MemoryUse {
    /// The most that was reserved at one time, in bytes.
    pub fn peak_bytes(&self) -> usize {
        self.peak.load(Relaxed)
    }

    /// What is reserved now, in bytes.
    pub fn reserved_bytes(&self) -> usize {
        self.now.load(Relaxed)
    }

    fn add(&self, bytes: usize) {
        let now = self.now.fetch_add(bytes, Relaxed).saturating_add(bytes);
        self.peak.fetch_max(now, Relaxed);
    }

    fn remove(&self, bytes: usize) {
        self.now.fetch_sub(bytes, Relaxed);
    }

    /// Adds the bytes if the sum stays within the limit.
    fn try_add(&self, bytes: usize, most: usize) -> bool {
        let added = self.now.fetch_update(Relaxed, Relaxed, |now| {
            now.checked_add(bytes).filter(|sum| *sum <= most)
        });
        added.is_ok()
    }

    fn note_peak(&self) {
        self.peak.fetch_max(self.now.load(Relaxed), Relaxed);
    }
}

/// The pool that one query sees: operators that can spill do so when it is full, the others fail.
#[derive(Debug)]
pub struct QueryMemory {
    shared: Arc<dyn MemoryPool>,
    most_bytes: usize,
    used: Arc<MemoryUse>,
}

impl QueryMemory {
    pub fn new(shared: Arc<dyn MemoryPool>, most_bytes: Option<usize>, used: Arc<MemoryUse>) -> Self {
        Self {
            shared,
            most_bytes: most_bytes.unwrap_or(usize::MAX),
            used,
        }
    }
}

impl fmt::Display for QueryMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "one query's part of {}", self.shared)
    }
}

impl MemoryPool for QueryMemory {
    fn name(&self) -> &str {
        "one query"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.shared.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.shared.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.shared.grow(reservation, additional);
        self.used.add(additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.shared.shrink(reservation, shrink);
        self.used.remove(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if !self.used.try_add(additional, self.most_bytes) {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "one query may use {} bytes",
                self.most_bytes
            )));
        }
        let grown = self.shared.try_grow(reservation, additional);
        match grown {
            Ok(()) => self.used.note_peak(),
            Err(_) => self.used.remove(additional),
        }
        grown
    }

    fn reserved(&self) -> usize {
        self.used.now.load(Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        match self.shared.memory_limit() {
            MemoryLimit::Finite(bytes) => MemoryLimit::Finite(bytes.min(self.most_bytes)),
            _ => MemoryLimit::Finite(self.most_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    #[test]
    fn a_query_stays_within_its_own_limit_and_gives_back_what_it_had() {
        let shared: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(100));
        let used = Arc::<MemoryUse>::default();
        let pool: Arc<dyn MemoryPool> = Arc::new(QueryMemory::new(Arc::clone(&shared), Some(60), Arc::clone(&used)));
        let reservation = MemoryConsumer::new("sort").register(&pool);
        reservation.try_grow(50).unwrap();
        assert!(reservation.try_grow(20).is_err(), "beyond the query's own limit");
        let other = MemoryConsumer::new("another query").register(&shared);
        other.try_grow(50).unwrap();
        assert!(reservation.try_grow(5).is_err(), "beyond what all have together");
        assert_eq!((pool.reserved(), used.peak_bytes()), (50, 50));
        drop(reservation);
        assert_eq!((pool.reserved(), shared.reserved()), (0, 50));
    }
}
