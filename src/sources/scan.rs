//! One look at a source: list the files, read the footers of those that are new or changed, decide what is served.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};
use datafusion::datasource::physical_plan::parquet::Int96Coercer;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::DataFusionError;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::ParquetMetaData;

use super::delta_files::{self, DataFile};
use super::joined_store;
use super::merge::{self, Merged};
use super::normalise::{self, DateText, FILE_KEY, FileColumns, FileStatistics};
use super::rejected_pings::{self, RejectedPings, Reports};
use super::snapshot::{CalendarFile, Fingerprint, SourceFile, SourceProblem, SourceSnapshot};
use super::{Source, normalise::normalised_statistics};
use crate::error::{Error, ErrorKind, Result};

/// Footers read at the same time.
const FOOTERS_AT_ONCE: usize = 16;

/// How much of a file's end is asked for at first; most footers fit, so that one request is enough.
const FOOTER_BYTES: usize = 64 * 1024;

/// What Hive writes as a folder's name for NULL.
const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

/// The files of a source.
#[derive(Default)]
struct Listed {
    /// Parquet, sorted by path.
    data: Vec<DataFile>,
    /// Reports on pings that were not counted.
    reports: Vec<ObjectMeta>,
}

/// What reading one footer gave.
enum Footer {
    Readable(Arc<SourceFile>),
    Rejected(ObjectMeta, SourceProblem),
    /// Removed between the listing and now.
    Gone,
}

impl Source {
    /// Looks at the source. With a previous snapshot only what has changed is read, and a source that cannot be
    /// listed keeps its previous files; without one every such failure is an error.
    pub async fn scan(&self, previous: Option<&SourceSnapshot>) -> Result<SourceSnapshot> {
        // Before anything is listed: what is committed later may be among the files, and what was before must be.
        let managed_version = self.refresh_managed().await;
        let mut listed = match (self.list().await, previous) {
            (Ok(listed), _) => listed,
            (Err(error), None) => return Err(self.unreachable(&error)),
            (Err(error), Some(previous)) => {
                let mut kept = self.keep(previous, &error);
                kept.managed_version = managed_version;
                return Ok(kept);
            }
        };
        if previous.is_none() && listed.data.is_empty() && self.managed.is_none() {
            return Err(
                Error::configuration(format!("no Parquet file found in {}", self.location())).with_hint(
                    "give a folder with .parquet files; hidden files and those that begin with _ are skipped",
                ),
            );
        }
        if let Some(log) = &self.managed {
            listed
                .data
                .extend(delta_files::of(log, Some(joined_store::MANAGED_FOLDER)));
        }
        let calendar = self.calendar(previous).await?;
        let mut snapshot = self.look(listed, calendar, previous).await;
        snapshot.managed_version = managed_version;
        if previous.is_none() && snapshot.files.is_empty() && self.managed.is_none() {
            return Err(nothing_usable(self.location(), &snapshot.problems));
        }
        self.metrics.record(&snapshot);
        Ok(snapshot)
    }

    /// Reads on what others have committed to the managed table; returns the version that is known then.
    async fn refresh_managed(&self) -> i64 {
        let Some(log) = &self.managed else { return 0 };
        if let Err(error) = log.refresh().await {
            tracing::warn!(%error, "the managed table's log could not be read on");
        }
        log.state().version
    }

    /// The files of the location that are of interest.
    async fn list(&self) -> Result<Listed, object_store::Error> {
        let Some(location) = &self.location else {
            return Ok(Listed::default());
        };
        let store = &location.store;
        if let Some(log) = &self.log {
            log.refresh().await.map_err(|error| object_store::Error::Generic {
                store: "Delta",
                source: Box::new(error),
            })?;
            return Ok(Listed {
                data: delta_files::of(log, None),
                ..Listed::default()
            });
        }
        if let Some(file) = &location.file {
            // Some stores answer with the file's full path, not the one below their root.
            let data = vec![DataFile::plain(ObjectMeta {
                location: file.clone(),
                ..store.head(file).await?
            })];
            return Ok(Listed {
                data,
                ..Listed::default()
            });
        }
        let files: Vec<ObjectMeta> = store.list(None).try_collect().await?;
        if files.iter().any(|meta| is_delta_log(&meta.location)) {
            let source = "the folder holds the log of a Delta table that did not open".into();
            return Err(object_store::Error::NotSupported { source });
        }
        let is_report = |meta: &ObjectMeta| RejectedPings::is_report(&meta.location);
        let (reports, mut data): (Vec<_>, Vec<_>) = files.into_iter().partition(is_report);
        data.retain(|meta| is_data_file(&meta.location) && Some(&meta.location) != self.calendar.as_ref());
        data.sort_unstable_by(|left, right| left.location.cmp(&right.location));
        let data = data.into_iter().map(DataFile::plain).collect();
        Ok(Listed { data, reports })
    }

    /// The release calendar among the files, as it is now; as it was, where it cannot be read any more.
    async fn calendar(&self, previous: Option<&SourceSnapshot>) -> Result<Option<CalendarFile>> {
        let Some(path) = &self.calendar else { return Ok(None) };
        let known = previous.and_then(|before| before.calendar.as_ref());
        match (self.read_calendar(path, known).await, known) {
            (Ok(calendar), _) => Ok(Some(calendar)),
            (Err(error), Some(known)) => {
                tracing::warn!(%error, "the calendar cannot be read from the source; it stays as it was");
                Ok(Some(known.clone()))
            }
            (Err(error), None) => Err(Error::configuration(format!(
                "the calendar's table {path} cannot be read from the source"
            ))
            .with_detail(error.to_string())
            .with_hint("it must lie below the source's location")),
        }
    }

    async fn read_calendar(
        &self,
        path: &Path,
        known: Option<&CalendarFile>,
    ) -> Result<CalendarFile, object_store::Error> {
        let store = &self.store;
        let fingerprint = Fingerprint::of(&store.head(path).await?);
        if let Some(known) = known.filter(|known| known.fingerprint == fingerprint) {
            return Ok(known.clone());
        }
        Ok(CalendarFile {
            name: path.filename().unwrap_or_default().to_string(),
            content: store.get(path).await?.bytes().await?,
            fingerprint,
        })
    }

    async fn look(
        &self,
        listed: Listed,
        calendar: Option<CalendarFile>,
        previous: Option<&SourceSnapshot>,
    ) -> SourceSnapshot {
        let now = Utc::now();
        let damaged = self.damaged_files();
        let known_reports = previous.map(|before| &before.reports);
        let reports = rejected_pings::read(self.store.as_ref(), listed.reports, known_reports).await;
        let footers: Vec<Footer> = stream::iter(listed.data)
            .map(|file| self.footer(file, previous, &damaged, now))
            .buffered(FOOTERS_AT_ONCE)
            .collect()
            .await;
        let mut readable = Vec::with_capacity(footers.len());
        let mut rejected = HashMap::new();
        for footer in footers {
            match footer {
                Footer::Readable(file) => readable.push(file),
                Footer::Rejected(meta, problem) => {
                    rejected.insert(meta.location.clone(), (Fingerprint::of(&meta), problem));
                }
                Footer::Gone => {}
            }
        }
        let snapshot = self.assemble(readable, rejected, calendar, previous, now);
        with_reports(snapshot, reports, previous)
    }

    fn assemble(
        &self,
        readable: Vec<Arc<SourceFile>>,
        rejected: HashMap<Path, (Fingerprint, SourceProblem)>,
        calendar: Option<CalendarFile>,
        previous: Option<&SourceSnapshot>,
        now: DateTime<Utc>,
    ) -> SourceSnapshot {
        let by_path = readable
            .iter()
            .map(|file| (file.meta.location.clone(), Arc::clone(file)))
            .collect();
        let Merged {
            mut table_schema,
            mut measures,
            files,
            foreign,
        } = merge::merge(readable, &self.columns);
        if files.is_empty() {
            // An emptied source keeps its columns, so that what is built on them stays valid.
            table_schema = previous.map_or_else(merge::empty_table_schema, |before| Arc::clone(&before.table_schema));
            measures = previous.map_or(measures, |before| before.measures.clone());
        }
        let contradictions = foreign.into_iter().map(|(file, detail)| SourceProblem {
            file: Some(file.meta.location.to_string()),
            check_name: "foreign_schema",
            detail,
            rows_affected: None,
            noticed_at: now,
        });
        let mut problems: Vec<SourceProblem> = rejected
            .values()
            .map(|(_, problem)| problem.clone())
            .chain(contradictions)
            .collect();
        problems.sort_by(|left, right| left.file.cmp(&right.file));
        let old_problems = previous.map_or(&[][..], |before| &before.problems);
        for problem in &mut problems {
            match old_problems.iter().find(|old| old.is_same(problem)) {
                Some(old) => problem.noticed_at = old.noticed_at,
                None => warn(self.location(), problem),
            }
        }
        let mut snapshot = SourceSnapshot {
            table_schema,
            measures,
            files,
            problems,
            rejected_pings: Vec::new(),
            calendar,
            changed: true,
            managed_version: 0,
            scanned_at: now,
            rejected,
            readable: by_path,
            reports: Reports::new(),
        };
        snapshot.changed = previous.is_none_or(|before| differ(before, &snapshot));
        snapshot
    }

    async fn footer(
        &self,
        file: DataFile,
        previous: Option<&SourceSnapshot>,
        damaged: &HashMap<Path, (Fingerprint, SourceProblem)>,
        now: DateTime<Utc>,
    ) -> Footer {
        let fingerprint = Fingerprint::of(&file.meta);
        let meta = file.meta.clone();
        let known_bad = |rejected: &HashMap<Path, (Fingerprint, SourceProblem)>| {
            let (print, problem) = rejected.get(&meta.location)?;
            (*print == fingerprint).then(|| problem.clone())
        };
        if let Some(problem) = known_bad(damaged).or_else(|| previous.and_then(|before| known_bad(&before.rejected))) {
            return Footer::Rejected(meta, problem);
        }
        let same = previous.and_then(|before| before.readable.get(&meta.location));
        if let Some(file) = same.filter(|file| Fingerprint::of(&file.meta) == fingerprint) {
            return Footer::Readable(Arc::clone(file));
        }
        // The decoder panics on some damaged footers.
        let read = AssertUnwindSafe(self.read(&file)).catch_unwind().await;
        match read.unwrap_or_else(|_| Err(("unreadable_file", "the footer is damaged".into()))) {
            Ok(Some(file)) => Footer::Readable(Arc::new(file)),
            Ok(None) => Footer::Gone,
            Err((check_name, detail)) => {
                let file = Some(meta.location.to_string());
                Footer::Rejected(
                    meta,
                    SourceProblem {
                        file,
                        check_name,
                        detail,
                        rows_affected: None,
                        noticed_at: now,
                    },
                )
            }
        }
    }

    /// Reads one footer and decides how its columns become the table's.
    async fn read(&self, file: &DataFile) -> Result<Option<SourceFile>, (&'static str, String)> {
        let meta = &file.meta;
        if meta.size == 0 {
            return Err(("empty_file", "the file has no bytes".into()));
        }
        let footer = DFParquetMetadata::new(self.store.as_ref(), meta)
            .with_metadata_size_hint(Some(
                FOOTER_BYTES.min(usize::try_from(meta.size).unwrap_or(FOOTER_BYTES)),
            ))
            .fetch_metadata()
            .await;
        let metadata = match footer {
            Ok(metadata) => metadata,
            Err(error) if is_gone(&error) && file.partition.is_none() => return Ok(None),
            Err(error) if is_gone(&error) => {
                return Err((
                    "unreadable_file",
                    "the table's log names it, but it is not there".into(),
                ));
            }
            Err(error) => {
                // Addresses stay in the log: problems are shown to every client.
                tracing::debug!(file = %meta.location, %error, "a footer could not be read");
                return Err(("unreadable_file", plain(&error)));
            }
        };
        let schema = file_schema(&metadata, &meta.location).map_err(|error| ("unreadable_file", plain(&error)))?;
        let statistics = FileStatistics::read(&metadata, &schema);
        let folders = match &file.partition {
            Some(partition) => partition.clone(),
            None => folder_values(&meta.location),
        };
        let columns = FileColumns {
            schema: &schema,
            folders: &folders,
            date_format: &|column| date_format(&schema, &statistics, column),
        };
        let plan = normalise::plan_file(&columns, &self.columns, &self.platforms);
        let plan = plan.map_err(|detail| ("foreign_schema", detail))?;
        let column_statistics = normalised_statistics(&plan, &statistics, &schema);
        let column_statistics = column_statistics.map_err(|error| ("unreadable_file", plain(&error)))?;
        let rows = statistics.rows;
        Ok(Some(SourceFile {
            meta: meta.clone(),
            schema,
            rows,
            plan: Arc::new(plan),
            column_statistics,
        }))
    }

    fn unreachable(&self, error: &object_store::Error) -> Error {
        self.metrics.record_failure();
        // A bucket that does not exist is a plain 404 to some of the stores.
        let missing =
            matches!(error, object_store::Error::NotFound { .. }) || error.to_string().contains("404 Not Found");
        let hint = if missing {
            "check the bucket, the folder and the file's name"
        } else if matches!(error, object_store::Error::NotSupported { .. }) {
            "give a folder of plain Parquet files"
        } else {
            "check the address, the credentials and the network"
        };
        Error::new(
            ErrorKind::Configuration,
            format!("cannot read the source {}", self.location()),
        )
        .with_detail(first_line(&error.to_string()))
        .with_hint(hint)
    }

    /// The previous files, with one problem more.
    fn keep(&self, previous: &SourceSnapshot, error: &object_store::Error) -> SourceSnapshot {
        self.metrics.record_failure();
        let mut problem = SourceProblem {
            file: None,
            check_name: "source_unreachable",
            detail: "the source could not be listed; what was read before is still served".into(),
            rows_affected: None,
            noticed_at: Utc::now(),
        };
        let mut snapshot = previous.clone();
        match previous.problems.iter().find(|old| old.is_same(&problem)) {
            Some(old) => problem.noticed_at = old.noticed_at,
            None => tracing::warn!(source = self.location(), %error, "the source could not be listed"),
        }
        snapshot.problems.retain(|old| !old.is_same(&problem));
        snapshot.problems.push(problem);
        snapshot.changed = snapshot.problems != previous.problems;
        snapshot
    }
}

/// The snapshot with what the reports say; a report that is new is a change.
fn with_reports(mut snapshot: SourceSnapshot, reports: Reports, previous: Option<&SourceSnapshot>) -> SourceSnapshot {
    let mut findings = rejected_pings::findings(&reports, snapshot.scanned_at);
    let before = previous.map_or(&[][..], |before| &before.rejected_pings);
    for finding in &mut findings {
        if let Some(old) = before.iter().find(|old| old.is_same(finding)) {
            finding.noticed_at = old.noticed_at;
        }
    }
    snapshot.changed |= findings != before;
    snapshot.rejected_pings = findings;
    snapshot.reports = reports;
    snapshot
}

fn warn(location: &str, problem: &SourceProblem) {
    tracing::warn!(
        source = location,
        file = problem.file.as_deref(),
        check = problem.check_name,
        detail = problem.detail,
        "a source file is left out"
    );
}

fn nothing_usable(location: &str, problems: &[SourceProblem]) -> Error {
    let error = Error::configuration(format!("no usable Parquet file found in {location}"));
    let hint = "rows need window_start and one of usage_hours, count or a measure; the columns section of the \
                configuration maps other names";
    match problems.first() {
        Some(SourceProblem {
            file: Some(file),
            detail,
            ..
        }) => error.with_detail(format!("{file}: {detail}")).with_hint(hint),
        _ => error.with_hint(hint),
    }
}

fn differ(before: &SourceSnapshot, now: &SourceSnapshot) -> bool {
    let same_files = before.files.len() == now.files.len()
        && before
            .files
            .iter()
            .zip(&now.files)
            .all(|(old, new)| Arc::ptr_eq(&old.file, &new.file));
    !same_files
        || before.problems != now.problems
        || before.table_schema != now.table_schema
        || before.calendar != now.calendar
}

/// Not hidden, not a writer's own bookkeeping, and named as Parquet. Hive folders may begin with an underscore.
fn is_data_file(location: &Path) -> bool {
    let hidden = location.parts().any(|part| {
        let name = part.as_ref();
        name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
    });
    let parquet = location
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
    parquet && !hidden
}

/// Files of a Delta table that were replaced or deleted stay in its folder: reading them all would count rows twice.
fn is_delta_log(location: &Path) -> bool {
    location.parts().any(|part| part.as_ref() == "_delta_log")
}

/// The names of the folders above a file, where they have the form `column=value`.
fn folder_values(location: &Path) -> BTreeMap<String, Option<String>> {
    let parts: Vec<_> = location.parts().collect();
    let folders = &parts[..parts.len().saturating_sub(1)];
    folders
        .iter()
        .filter_map(|part| {
            let (name, value) = part.as_ref().split_once('=')?;
            let decode = |text: &str| {
                percent_encoding::percent_decode_str(text)
                    .decode_utf8_lossy()
                    .into_owned()
            };
            let value = Some(decode(value)).filter(|value| value != NULL_FOLDER);
            Some((decode(name), value))
        })
        .collect()
}

/// The file's schema as the reader will use it: INT96 in microseconds UTC, and the file's name in its metadata.
fn file_schema(metadata: &ParquetMetaData, location: &Path) -> Result<SchemaRef, DataFusionError> {
    let file_metadata = metadata.file_metadata();
    let parquet_schema = file_metadata.schema_descr();
    let schema = parquet_to_arrow_schema(parquet_schema, file_metadata.key_value_metadata())?;
    let names: HashSet<&String> = schema.fields().iter().map(|field| field.name()).collect();
    if names.len() != schema.fields().len() {
        return Err(DataFusionError::Plan("two columns have the same name".into()));
    }
    let coerced = Int96Coercer::new(parquet_schema, &schema, &TimeUnit::Microsecond)
        .with_timezone(Some("UTC".into()))
        .coerce()
        .unwrap_or(schema);
    let named = HashMap::from([(FILE_KEY.to_string(), location.to_string())]);
    Ok(Arc::new(Schema::new_with_metadata(coerced.fields, named)))
}

fn date_format(schema: &Schema, statistics: &FileStatistics, column: &str) -> Option<DateText> {
    let field = schema.field_with_name(column).ok()?;
    if field.data_type().is_integer() {
        Some(DateText::Compact)
    } else {
        statistics.date_format(column)
    }
}

fn is_gone(error: &DataFusionError) -> bool {
    matches!(error, DataFusionError::ObjectStore(inner) if matches!(**inner, object_store::Error::NotFound { .. }))
}

/// The reason without the layers it came through.
fn plain(error: &DataFusionError) -> String {
    let text = match error {
        DataFusionError::ParquetError(inner) => inner.to_string().replacen("Parquet error: ", "", 1),
        DataFusionError::ObjectStore(inner) => match **inner {
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                "access to the file is denied".into()
            }
            _ => "the file could not be read".into(),
        },
        DataFusionError::IoError(_) => "the file could not be read".into(),
        other => other.strip_backtrace(),
    };
    first_line(&text)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_string()
}
