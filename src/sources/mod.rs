//! Where rows come from: Parquet in a folder, a file or an object store, looked at again and again. What is readable
//! and of a known schema is served; everything else is left out and named as a problem.

mod columns;
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
pub use normalise::{NormalisingAdapterFactory, PlatformAliases};
pub use rejected_pings::{RejectedPings, RejectedReason};
pub use snapshot::{
    CalendarFile, Fingerprint, ServedFile, SourceFile, SourceProblem, SourceSnapshot, measures_present,
};
pub use standard::{ColumnKind, Measure, STANDARD_COLUMNS, StandardColumn, further_measures, standard_measures};

use crate::error::{Error, Result};

/// What a source needs to be opened.
#[derive(Debug, Clone, Default)]
pub struct SourceSettings {
    /// A local path, or a `file://`, `s3://`, `gs://`, `az://`, `abfss://` or `http(s)://` URL.
    pub location: String,
    /// Options of the object store, named as its environment variables are, in lower case
    /// (`aws_endpoint_url`, `google_service_account`, …).
    pub options: BTreeMap<String, String>,
    pub columns: ColumnMap,
    pub platforms: PlatformAliases,
    /// A file of the source that holds the release calendar instead of rows, by its path below the location.
    pub calendar: Option<String>,
}

/// An opened source: one object store, and what is remembered between looks at it.
#[derive(Debug)]
pub struct Source {
    location: location::Location,
    url: ObjectStoreUrl,
    columns: ColumnMap,
    platforms: Arc<PlatformAliases>,
    calendar: Option<Path>,
    metrics: Arc<SourceMetrics>,
    /// Files whose footer is fine but whose pages are not, found by [`Source::verify_all`].
    damaged: Mutex<HashMap<Path, (Fingerprint, SourceProblem)>>,
}

/// Opens the location; the first [`Source::scan`] tells whether there is anything to read.
pub async fn open(settings: &SourceSettings) -> Result<Source> {
    settings.columns.check()?;
    let calendar = settings.calendar.as_deref().map(calendar_path).transpose()?;
    let location = location::open(&settings.location, &settings.options).await?;
    // The store's root is the source's own folder, so no address of it needs to be known to plans and errors.
    let url = ObjectStoreUrl::parse("source://rows/")?;
    Ok(Source {
        location,
        url,
        columns: settings.columns.clone(),
        platforms: Arc::new(settings.platforms.clone()),
        calendar,
        metrics: Arc::default(),
        damaged: Mutex::default(),
    })
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
        Arc::clone(&self.location.store)
    }

    /// The location as it was configured, for logs.
    pub fn location(&self) -> &str {
        &self.location.shown
    }

    pub fn metrics(&self) -> &Arc<SourceMetrics> {
        &self.metrics
    }

    fn damaged_files(&self) -> HashMap<Path, (Fingerprint, SourceProblem)> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
