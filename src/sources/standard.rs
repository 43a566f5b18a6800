//! The standard columns of `error_aggregates` and the measures that are known by name: one list for the table's
//! schema, the views and the documentation.

/// What kind of value a standard column holds, whatever type a source stores it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Time,
    Date,
    Text,
    Hours,
    /// Whole numbers: pings and the measures.
    Count,
}

/// A column that every `error_aggregates` has.
#[derive(Debug, Clone, Copy)]
pub struct StandardColumn {
    pub name: &'static str,
    pub kind: ColumnKind,
    pub comment: &'static str,
}

const fn column(name: &'static str, kind: ColumnKind, comment: &'static str) -> StandardColumn {
    StandardColumn { name, kind, comment }
}

/// In the order of the table, without the measures.
pub const STANDARD_COLUMNS: [StandardColumn; 17] = [
    column(
        "window_start",
        ColumnKind::Time,
        "Start of the window in which the pings arrived, UTC.",
    ),
    column(
        "window_end",
        ColumnKind::Time,
        "End of the window (exclusive), UTC; 5 minutes after its start where the source has none.",
    ),
    column(
        "submission_date",
        ColumnKind::Date,
        "Day on which the pings arrived, UTC; the day of window_start where the source has none.",
    ),
    column(
        "channel",
        ColumnKind::Text,
        "Update channel: nightly, beta, release, esr, …",
    ),
    column(
        "version",
        ColumnKind::Text,
        "Version as the source has it, often without a beta's number.",
    ),
    column(
        "display_version",
        ColumnKind::Text,
        "Version as people know it (57.0b4); the version where the source has none.",
    ),
    column("build_id", ColumnKind::Text, "Build as YYYYMMDDhhmmss."),
    column("application", ColumnKind::Text, "Application: Firefox, Fennec, …"),
    column("os_name", ColumnKind::Text, "Operating system as the source names it."),
    column(
        "platform",
        ColumnKind::Text,
        "Operating system by one name: windows, mac, linux, android or other.",
    ),
    column(
        "os_version",
        ColumnKind::Text,
        "Version of the operating system as the source has it.",
    ),
    column(
        "architecture",
        ColumnKind::Text,
        "Processor architecture: x86, x86-64, …",
    ),
    column("country", ColumnKind::Text, "Country as two letters; ?? is unknown."),
    column(
        "experiment_id",
        ColumnKind::Text,
        "Experiment; rows that have one repeat rows of the whole population.",
    ),
    column("experiment_branch", ColumnKind::Text, "Branch of the experiment."),
    column(
        "usage_hours",
        ColumnKind::Hours,
        "Usage, in hours; the exposure of every rate.",
    ),
    column("count", ColumnKind::Count, "Number of pings."),
];

/// A count of events whose rate per 1000 usage hours is of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Its column in `error_aggregates`.
    pub name: String,
    /// What to call it in a chart.
    pub label: String,
    /// What is counted: crashes, events, …
    pub unit: String,
    /// One of the seven that are always there.
    pub standard: bool,
}

struct KnownMeasure {
    name: &'static str,
    label: &'static str,
    unit: &'static str,
}

const fn known(name: &'static str, label: &'static str, unit: &'static str) -> KnownMeasure {
    KnownMeasure { name, label, unit }
}

/// Present in every `error_aggregates`, as NULL where the source has none.
const STANDARD_MEASURES: [KnownMeasure; 7] = [
    known("main_crashes", "Main crashes", "crashes"),
    known("startup_crashes", "Startup crashes", "crashes"),
    known("content_crashes", "Content crashes", "crashes"),
    known("content_shutdown_crashes", "Content shutdown crashes", "crashes"),
    known("gpu_crashes", "GPU crashes", "crashes"),
    known("plugin_crashes", "Plugin crashes", "crashes"),
    known("gmplugin_crashes", "GMPlugin crashes", "crashes"),
];

/// The other metric columns that the streaming job has written over the years; present where the source has them.
const FURTHER_MEASURES: [KnownMeasure; 28] = [
    known("subsession_count", "Subsessions", "subsessions"),
    known("first_subsession_count", "First subsessions", "subsessions"),
    known("first_paint", "First paint", "milliseconds"),
    known("browser_shim_usage_blocked", "Blocked browser shims", "events"),
    known("permissions_sql_corrupted", "Corrupted permission databases", "events"),
    known(
        "defective_permissions_sql_removed",
        "Removed permission databases",
        "events",
    ),
    known("slow_script_notice_count", "Slow script notices", "events"),
    known("slow_script_page_count", "Pages with slow scripts", "pages"),
    known(
        "input_event_response_coalesced_ms_main_above_150",
        "Input response above 150 ms, main",
        "events",
    ),
    known(
        "input_event_response_coalesced_ms_main_above_250",
        "Input response above 250 ms, main",
        "events",
    ),
    known(
        "input_event_response_coalesced_ms_main_above_2500",
        "Input response above 2500 ms, main",
        "events",
    ),
    known(
        "input_event_response_coalesced_ms_content_above_150",
        "Input response above 150 ms, content",
        "events",
    ),
    known(
        "input_event_response_coalesced_ms_content_above_250",
        "Input response above 250 ms, content",
        "events",
    ),
    known(
        "input_event_response_coalesced_ms_content_above_2500",
        "Input response above 2500 ms, content",
        "events",
    ),
    known("ghost_windows_main_above_1", "Ghost windows, main", "events"),
    known("ghost_windows_content_above_1", "Ghost windows, content", "events"),
    known(
        "gc_max_pause_ms_2_main_above_150",
        "Garbage collection above 150 ms, main",
        "events",
    ),
    known(
        "gc_max_pause_ms_2_main_above_250",
        "Garbage collection above 250 ms, main",
        "events",
    ),
    known(
        "gc_max_pause_ms_2_main_above_2500",
        "Garbage collection above 2500 ms, main",
        "events",
    ),
    known(
        "gc_max_pause_ms_2_content_above_150",
        "Garbage collection above 150 ms, content",
        "events",
    ),
    known(
        "gc_max_pause_ms_2_content_above_250",
        "Garbage collection above 250 ms, content",
        "events",
    ),
    known(
        "gc_max_pause_ms_2_content_above_2500",
        "Garbage collection above 2500 ms, content",
        "events",
    ),
    known(
        "cycle_collector_max_pause_main_above_150",
        "Cycle collection above 150 ms, main",
        "events",
    ),
    known(
        "cycle_collector_max_pause_main_above_250",
        "Cycle collection above 250 ms, main",
        "events",
    ),
    known(
        "cycle_collector_max_pause_main_above_2500",
        "Cycle collection above 2500 ms, main",
        "events",
    ),
    known(
        "cycle_collector_max_pause_content_above_150",
        "Cycle collection above 150 ms, content",
        "events",
    ),
    known(
        "cycle_collector_max_pause_content_above_250",
        "Cycle collection above 250 ms, content",
        "events",
    ),
    known(
        "cycle_collector_max_pause_content_above_2500",
        "Cycle collection above 2500 ms, content",
        "events",
    ),
];

impl KnownMeasure {
    fn measure(&self, standard: bool) -> Measure {
        Measure {
            name: self.name.into(),
            label: self.label.into(),
            unit: self.unit.into(),
            standard,
        }
    }
}

/// The seven measures that are always there, in the table's order.
pub fn standard_measures() -> impl Iterator<Item = Measure> {
    STANDARD_MEASURES.iter().map(|known| known.measure(true))
}

/// The measures that are there only where a source has them, in the table's order.
pub fn further_measures() -> impl Iterator<Item = Measure> {
    FURTHER_MEASURES.iter().map(|known| known.measure(false))
}

/// Whether a name is a standard column that is not a measure.
pub fn is_reserved(name: &str) -> bool {
    STANDARD_COLUMNS.iter().any(|column| column.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_name_is_used_twice() {
        let mut seen = HashSet::new();
        let columns = STANDARD_COLUMNS.iter().map(|column| column.name.to_string());
        let measures = standard_measures()
            .chain(further_measures())
            .map(|measure| measure.name);
        for name in columns.chain(measures) {
            assert!(seen.insert(name.clone()), "{name} twice");
        }
    }
}
