//! How a program that embeds these functions stops them in the middle of a batch, which can take long where rows are
//! costly: nobody may be waiting for it any more.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::{FunctionError, FunctionErrorKind};

/// A flag that work looks at from time to time. Clones are the same flag.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

thread_local! {
    static CURRENT: RefCell<Option<Interrupt>> = const { RefCell::new(None) };
}

impl Interrupt {
    /// From now on whatever runs within this flag's scope ends with an error at its next look.
    pub fn set(&self) {
        self.0.store(true, Relaxed);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }

    /// Runs `work` on this thread, where the functions look at this flag meanwhile.
    pub fn scope<T>(&self, work: impl FnOnce() -> T) -> T {
        let _restored = Restored(CURRENT.replace(Some(self.clone())));
        work()
    }

    /// The flag of the scope around the caller.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Fails if the flag of the scope around the caller is set.
    pub fn check() -> Result<(), FunctionError> {
        let is_set = CURRENT.with_borrow(|current| current.as_ref().is_some_and(Self::is_set));
        if is_set {
            let message = "the query was stopped".to_string();
            return Err(FunctionError::new(FunctionErrorKind::Stopped, message));
        }
        Ok(())
    }
}

/// Puts the outer flag back also when the work panics.
struct Restored(Option<Interrupt>);

impl Drop for Restored {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_scope_of_a_set_flag_is_stopped() {
        let (outer, inner) = (Interrupt::default(), Interrupt::default());
        outer.scope(|| {
            inner.set();
            assert!(Interrupt::check().is_ok());
            inner.scope(|| assert!(Interrupt::check().is_err()));
            assert!(Interrupt::check().is_ok(), "the outer scope is back");
        });
        assert!(Interrupt::current().is_none());
    }
}
