//! What users see as a table: one file per table.

mod channels;
pub mod error_aggregates;
pub mod maintenance;
mod measures;
mod platforms;
pub mod quarantine;
mod release_calendar;
mod release_calendar_parquet;
pub mod source_problems;
mod targets;
mod verdict_settings;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use channels::ChannelSettings;
pub use measures::MeasureSettings;
pub use platforms::PlatformSettings;
pub use release_calendar::{Calendar, CalendarEntry, CalendarMode, CalendarSettings, table as release_calendar_table};
pub use targets::TargetSettings;
pub use verdict_settings::{ChannelVerdictSettings, VerdictSettings};
pub use vocabulary::Vocabulary;
