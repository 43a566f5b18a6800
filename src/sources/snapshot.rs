//! One look at a source: which files are served, under which schema, and what is wrong with the others.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use datafusion::common::{ColumnStatistics, Statistics};
use object_store::ObjectMeta;
use object_store::path::Path;

use super::normalise::FilePlan;
use super::rejected_pings::Reports;
use super::standard::Measure;

/// What tells one version of a file from the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    size: u64,
    last_modified: DateTime<Utc>,
    e_tag: Option<String>,
}

impl Fingerprint {
    pub fn of(meta: &ObjectMeta) -> Self {
        Self {
            size: meta.size,
            last_modified: meta.last_modified,
            e_tag: meta.e_tag.clone(),
        }
    }
}

/// A readable file of a known schema.
#[derive(Debug)]
pub struct SourceFile {
    pub meta: ObjectMeta,
    /// The Parquet schema as Arrow, INT96 as microseconds; its metadata names the file.
    pub schema: SchemaRef,
    pub rows: usize,
    /// How each table column comes about.
    pub plan: Arc<FilePlan>,
    /// What is known of each table column without reading it.
    pub(super) column_statistics: BTreeMap<String, ColumnStatistics>,
}

/// A file together with its statistics in the order of the snapshot's schema.
#[derive(Debug, Clone)]
pub struct ServedFile {
    pub file: Arc<SourceFile>,
    pub statistics: Arc<Statistics>,
}

/// Why a file, or the whole source, is not (fully) served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceProblem {
    /// Path below the source's location; `None` if it concerns the source as a whole.
    pub file: Option<String>,
    /// `unreadable_file`, `empty_file`, `foreign_schema` or `source_unreachable`; `rejected_pings` or `filtered_pings`
    /// for what `ingest --pings` left out.
    pub check_name: &'static str,
    pub detail: String,
    /// How many rows, or pings that became none, are concerned, where that is known.
    pub rows_affected: Option<u64>,
    pub noticed_at: DateTime<Utc>,
}

impl SourceProblem {
    /// `error` if rows are missing that should be there, `info` if they are left out as a rule, `warning` otherwise.
    pub fn severity(&self) -> &'static str {
        match self.check_name {
            "empty_file" | "foreign_schema" | "rejected_pings" => "warning",
            "filtered_pings" => "info",
            _ => "error",
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.file == other.file && self.check_name == other.check_name && self.detail == other.detail
    }
}

/// The file of the source that holds the release calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarFile {
    pub name: String,
    pub content: Bytes,
    pub(super) fingerprint: Fingerprint,
}

/// The state of a source at one moment. Cheap to share; never changed once made.
#[derive(Debug, Clone)]
pub struct SourceSnapshot {
    /// The schema of `error_aggregates` over these files.
    pub table_schema: SchemaRef,
    /// The measures among its columns, in their order; the seven standard ones always come first.
    pub measures: Vec<Measure>,
    /// Sorted by path.
    pub files: Vec<ServedFile>,
    pub problems: Vec<SourceProblem>,
    /// Pings that were not counted when rows of this source were made of them, by reason.
    pub rejected_pings: Vec<SourceProblem>,
    pub calendar: Option<CalendarFile>,
    /// Whether files, schema or problems differ from the snapshot before.
    pub changed: bool,
    /// The version of the managed table whose files are among them; 0 without one.
    pub managed_version: i64,
    pub scanned_at: DateTime<Utc>,
    /// Files that cannot be read, so that they are not tried again until they change.
    pub(super) rejected: HashMap<Path, (Fingerprint, SourceProblem)>,
    /// Every readable file by path, those left out for their schema included.
    pub(super) readable: HashMap<Path, Arc<SourceFile>>,
    pub(super) reports: Reports,
}

impl SourceSnapshot {
    /// How many rows the served files hold.
    pub fn rows(&self) -> usize {
        self.files.iter().map(|served| served.file.rows).sum()
    }

    /// How many bytes the served files take.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|served| served.file.meta.size).sum()
    }
}

/// The measures that the views can be made of: the seven standard ones always, others where the source has them.
pub fn measures_present(snapshot: &SourceSnapshot) -> Vec<Measure> {
    snapshot.measures.clone()
}
