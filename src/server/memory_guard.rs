//! The last defence against the kernel's: while the process holds more memory than it may, whatever its operators have
//! accounted for, queries end one after the other.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::metrics::process_memory::resident_bytes;
use crate::session::{Engine, Running};
use crate::shutdown::Shutdown;

const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// How long an ended query has to give its memory back before another one ends.
const RELIEF: Duration = Duration::from_millis(500);

/// Watches until the server ends. Does nothing where the process's memory is not known.
pub async fn guard_memory(engine: Arc<Engine>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.ended() => return,
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
        }
        let (Some(most), Some(now)) = (engine.limits().max_resident_bytes, resident_bytes()) else {
            continue;
        };
        if now > most
            && let Some(largest) = largest_query(&engine)
        {
            tracing::warn!(
                resident_bytes = now,
                limit_bytes = most,
                "memory is short: ending the largest query"
            );
            largest.cancel(out_of_memory());
            tokio::time::sleep(RELIEF).await;
        }
    }
}

/// The query that has reserved most; among equals, what nobody accounts for is most likely the newest one's.
fn largest_query(engine: &Engine) -> Option<Arc<Running>> {
    let running = engine.sessions().running().into_iter();
    running
        .filter(|one| !one.is_cancelled())
        .max_by_key(|one| (one.memory().reserved_bytes(), one.begun()))
}

fn out_of_memory() -> Error {
    Error::new(ErrorKind::OutOfMemory, "out of memory")
        .with_detail("The server holds as much memory as it may, and this query holds most of it.")
        .with_hint("ask for fewer rows or groups, or try again when less runs")
}
