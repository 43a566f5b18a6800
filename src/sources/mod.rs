//! Where rows come from: Parquet in a folder, a file or an object store, looked at again and again. What is readable
//! and of a known schema is served; everything else is left out and named as a problem.

mod columns;
mod delta_files;
mod joined_store;
mod location;
mod merge;
mod metrics;
mod normalise;
mod rejected_pings;
mod scan;
mod snapshot;
mod standard;
mod verify;
mod whole_file;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::ObjectStore;
use object_store::path::Path;

pub use columns::{ColumnMap, ColumnSource, MeasureSource, Unit};
pub use merge::COMMENT_KEY;
pub use metrics::SourceMetrics;
pub use normalise::{DateText, NormalisingAdapterFactory, PlatformAliases};
pub use rejected_pings::{RejectedPings, RejectedReason};
pub use snapshot::{
    CalendarFile, Fingerprint, ServedFile, SourceFile, SourceProblem, SourceSnapshot, measures_present,
};
pub use standard::{ColumnKind, Measure, STANDARD_COLUMNS, StandardColumn, further_measures, standard_measures};

use crate::delta::{DeltaLog, Storage};
use crate::error::{Error, ErrorKind, Result};

/// What a source needs to be opened.
#[derive(Debug, Clone, Default)]
pub struct SourceSettings {
    /// A local path, or a `file://`, `s3://`, `gs://`, `az://`, `abfss://` or `http(s)://` URL; empty where there is
    /// only a managed table.
    pub location: String,
    /// Options of the object store, named as its environment variables are, in lower case
    /// (`aws_endpoint_url`, `google_service_account`, …).
    pub options: BTreeMap<String, String>,
    pub columns: ColumnMap,
    pub platforms: PlatformAliases,
    /// A file of the source that holds the release calendar instead of rows, by its path below the location.
    pub calendar: Option<String>,
    /// The log of the managed table whose rows are served beside those of the location.
    pub managed: Option<Arc<DeltaLog>>,
}

/// An opened source: one object store, and what is remembered between looks at it.
#[derive(Debug)]
pub struct Source {
    /// What is only read; nothing where there is only a managed table.
    location: Option<location::Location>,
    /// The log of the location, where that is a Delta table.
    log: Option<DeltaLog>,
    managed: Option<Arc<DeltaLog>>,
    /// Everything under one root: the location's files by their own paths, the managed table's in a folder of theirs.
    store: Arc<dyn ObjectStore>,
    url: ObjectStoreUrl,
    columns: ColumnMap,
    platforms: Arc<PlatformAliases>,
    calendar: Option<Path>,
    metrics: Arc<SourceMetrics>,
    /// Files whose footer is fine but whose pages are not, found by [`Source::verify_all`].
    damaged: Mutex<HashMap<Path, (Fingerprint, SourceProblem)>>,
}

/// A store that cannot be listed at the start is an address, a name or a password that is wrong.
fn unreachable(location: &str, error: Error) -> Error {
    if error.kind != ErrorKind::Io {
        return error;
    }
    Error::configuration(format!("cannot read the source {location}"))
        .with_detail(error.message)
        .with_hint("check the address, the credentials and the network")
}

/// Opens the location; the first [`Source::scan`] tells whether there is anything to read.
pub async fn open(settings: &SourceSettings) -> Result<Source> {
    settings.columns.check()?;
    let calendar = settings.calendar.as_deref().map(calendar_path).transpose()?;
    let location = match &settings.managed {
        Some(_) if settings.location.is_empty() => None,
        _ => Some(location::open(&settings.location, &settings.options).await?),
    };
    let log = match &location {
        Some(location) if location.file.is_none() => {
            let log = DeltaLog::open(Storage::of_objects(Arc::clone(&location.store))).await;
            log.map_err(|error| unreachable(&location.shown, error))?
        }
        _ => None,
    };
    let store = joined_store::join(
        location.as_ref().map(|location| Arc::clone(&location.store)),
        settings.managed.as_ref().map(|log| Arc::clone(log.storage().objects())),
    );
    // The store's root is the source's own folder, so no address of it needs to be known to plans and errors.
    let url = ObjectStoreUrl::parse("source://rows/")?;
    Ok(Source {
        location,
        log,
        managed: settings.managed.clone(),
        store,
        url,
        columns: settings.columns.clone(),
        platforms: Arc::new(settings.platforms.clone()),
        calendar,
        metrics: Arc::default(),
        damaged: Mutex::default(),
    })
}

/// A store whose root is the folder of a table that is written, and the folder itself where it is a local one.
pub async fn open_table_folder(
    location: &str,
    options: &BTreeMap<String, String>,
) -> Result<(Arc<dyn ObjectStore>, Option<std::path::PathBuf>)> {
    let opened = location::open(location, options).await?;
    if opened.file.is_some() {
        return Err(Error::configuration("a managed table cannot be a file").with_hint("give a folder"));
    }
    Ok((opened.store, opened.folder))
}

fn calendar_path(table: &str) -> Result<Path> {
    let wrong = || {
        Error::configuration(format!(
            "the calendar's table {table:?} is no path below the source's location"
        ))
        .with_hint("give it as it is named there, such as release_calendar.parquet")
    };
    let path = Path::parse(table).map_err(|_| wrong())?;
    if path.filename().is_none() {
        Err(wrong())
    } else {
        Ok(path)
    }
}

impl Source {
    /// Under which URL [`Source::object_store`] has to be registered, for the source's tables to find it.
    pub fn object_store_url(&self) -> &ObjectStoreUrl {
        &self.url
    }

    /// A store that holds nothing but the source.
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// The location as it was configured, for logs.
    pub fn location(&self) -> &str {
        self.location
            .as_ref()
            .map_or("the managed table", |location| &location.shown)
    }

    pub fn metrics(&self) -> &Arc<SourceMetrics> {
        &self.metrics
    }

    fn damaged_files(&self) -> HashMap<Path, (Fingerprint, SourceProblem)> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
