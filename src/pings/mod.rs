//! Raw pings to windows: main, crash and core pings as lines of JSON become 5-minute aggregates with the columns of
//! Mozilla's streaming job (`error_aggregates_v2`), and two more pairs that say how long the pings were under way.
//!
//! The way of a ping: `input` cuts the stream into blocks of whole lines, `document` and `ping` read a line into what it
//! contributes or the reason why not, `windows` adds contributions up, `aggregator` decides which windows are due,
//! `batches` makes them rows, `run` hands these to whoever keeps them, and `checkpoint` remembers how far all of that
//! has come. `folder` keeps rows as Parquet files.
//!
//! All sums are whole numbers (seconds, milliseconds, events), so that neither order nor grouping of pings changes them.

mod aggregator;
mod batches;
mod build_age;
mod checkpoint;
mod document;
mod folder;
mod input;
mod ping;
mod reason;
mod run;
mod sums;
#[cfg(test)]
mod tests;
mod values;
mod windows;

pub use aggregator::{Aggregator, AggregatorSettings};
pub use batches::schema;
pub use checkpoint::{Checkpoint, CheckpointFile};
pub use folder::{Folder, keep_in_folder};
pub use input::Input;
pub use ping::{Ping, parse};
pub use reason::{Reason, RejectedCounts};
pub use run::{Outcome, Progress, RunSettings, run};
pub use windows::{Tally, WINDOW_SECONDS};
