//! Stopping in two steps: first nobody new is let in and idle connections close; after the grace period running
//! statements are ended too. Passed to every listener as an argument, so that tests stop servers without signals.

use tokio_util::sync::CancellationToken;

/// Both steps, to be cloned to whoever has to stop.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    draining: CancellationToken,
    ending: CancellationToken,
}

impl Shutdown {
    pub fn new() -> Self {
        Self::default()
    }

    /// Step one: accept nobody, close what is idle, let statements finish.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Step two: end running statements as well.
    pub fn end(&self) {
        self.draining.cancel();
        self.ending.cancel();
    }

    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Resolves when step one has begun.
    pub async fn drained(&self) {
        self.draining.cancelled().await;
    }

    /// Resolves when step two has begun.
    pub async fn ended(&self) {
        self.ending.cancelled().await;
    }
}
