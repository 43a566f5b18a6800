//! The source kept fresh: loaded once, looked at again and again, and published to the query engine when it changed.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::common::stats::Precision;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::managed::ManagedTable;
use crate::metrics::Metrics;
use crate::session::{Engine, Relations, digest_of};
use crate::shutdown::Shutdown;
use crate::sources::{self, Source, SourceSettings, SourceSnapshot, measures_present};
use crate::tables::error_aggregates::ErrorAggregatesTable;
use crate::tables::maintenance::MaintenanceTable;
use crate::tables::quarantine::QuarantineTable;
use crate::tables::{release_calendar_table, source_problems};

/// Queries that cannot read a file make the server look for what changed, at most this often.
const SEARCH_INTERVAL: Duration = Duration::from_millis(500);
/// Reading every file through is costly, so that it happens at most this often.
const VERIFICATION_INTERVAL: Duration = Duration::from_secs(30);

/// When all files are read through next.
#[derive(Default)]
struct Verification {
    at: Option<Instant>,
    last: Option<Instant>,
}

impl Verification {
    fn wanted(&mut self) {
        let earliest = self.last.map_or_else(Instant::now, |last| last + VERIFICATION_INTERVAL);
        self.at.get_or_insert(earliest);
    }

    fn begins(&mut self) {
        (self.at, self.last) = (None, Some(Instant::now()));
    }

    /// Resolves when it is time, which without a wish is never.
    async fn due(&self) {
        match self.at {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

/// An opened source, its newest state, and the engine that shows it.
pub struct Upkeep {
    source: Arc<Source>,
    snapshot: Arc<SourceSnapshot>,
    engine: Arc<Engine>,
    metrics: Arc<Metrics>,
    /// The source's own release calendar, as it was last understood.
    calendar: Option<Arc<dyn TableProvider>>,
    managed: Option<Arc<ManagedTable>>,
}

impl Upkeep {
    /// Opens the source, looks at it and publishes its relations.
    pub async fn load(settings: &SourceSettings, engine: Arc<Engine>, metrics: Arc<Metrics>) -> Result<Self> {
        Self::load_with(settings, None, engine, metrics).await
    }

    /// The same with a managed table, whose log must be among the settings.
    pub async fn load_with(
        settings: &SourceSettings,
        managed: Option<Arc<ManagedTable>>,
        engine: Arc<Engine>,
        metrics: Arc<Metrics>,
    ) -> Result<Self> {
        let source = Arc::new(sources::open(settings).await?);
        engine
            .environment()
            .register_object_store(source.object_store_url().as_ref(), source.object_store());
        let snapshot = Arc::new(source.scan(None).await?);
        let mut upkeep = Self {
            source,
            snapshot,
            engine,
            metrics,
            calendar: None,
            managed,
        };
        upkeep.publish().await?;
        Ok(upkeep)
    }

    pub fn snapshot(&self) -> Arc<SourceSnapshot> {
        Arc::clone(&self.snapshot)
    }

    /// Reads every file to its end and leaves out those that are damaged. Returns whether there were any.
    pub async fn verify(&mut self) -> Result<bool> {
        let (source, snapshot) = (Arc::clone(&self.source), Arc::clone(&self.snapshot));
        let here = Handle::current();
        // Decoding keeps a processor busy for long, so it gets a thread of its own and leaves the queries theirs.
        let found = tokio::task::spawn_blocking(move || here.block_on(source.verify_all(&snapshot)));
        let found = found
            .await
            .map_err(|_| Error::internal("reading the source's files through stopped unexpectedly"))?;
        if found.is_empty() {
            return Ok(false);
        }
        self.refresh().await?;
        Ok(true)
    }

    /// Looks at the source and publishes what changed. Returns whether anything did.
    pub async fn refresh(&mut self) -> Result<bool> {
        let look: BoxFuture<'_, _> = Box::pin(self.source.scan(Some(&self.snapshot)));
        let snapshot = Arc::new(look.await?);
        let changed = snapshot.changed;
        let by_writing = snapshot.managed_version != self.snapshot.managed_version;
        self.snapshot = snapshot;
        if changed {
            // Batches come many times a second.
            if !by_writing {
                tracing::info!(
                    files = self.snapshot.files.len(),
                    rows = self.snapshot.rows(),
                    problems = self.snapshot.problems.len(),
                    "the source changed"
                );
            }
            self.publish().await?;
        } else {
            self.record();
        }
        self.engine.shows(self.snapshot.managed_version);
        Ok(changed)
    }

    /// Looks at the source every `interval`, and soon after a query met a file that it could not read. Most often such a
    /// file was replaced; where nothing was, every file is read through.
    pub async fn run(mut self, interval: Duration, shutdown: Shutdown) {
        let engine = Arc::clone(&self.engine);
        let mut next_look = Instant::now() + interval;
        let mut next_search = Instant::now();
        let mut verification = Verification::default();
        loop {
            let outcome = tokio::select! {
                () = shutdown.drained() => return,
                () = tokio::time::sleep_until(next_look) => self.refresh().await,
                () = engine.newer_rows_wanted() => {
                    if let Err(error) = self.refresh().await {
                        tracing::warn!(%error, "the newest rows cannot be shown");
                    }
                    continue;
                }
                () = verification.due() => {
                    verification.begins();
                    self.verify().await
                }
                () = engine.source_trouble() => {
                    // Many queries meet the same file; one look answers all of them.
                    tokio::time::sleep_until(next_search).await;
                    next_search = Instant::now() + SEARCH_INTERVAL;
                    let refreshed = self.refresh().await;
                    if let Ok(false) = refreshed {
                        verification.wanted();
                    }
                    refreshed
                }
            };
            if let Err(error) = outcome {
                tracing::warn!(%error, "the source could not be refreshed; the relations stay as they were");
            }
            next_look = Instant::now() + interval;
        }
    }

    /// Reads the source's calendar. One that is no calendar stops the start; later the one before stays in force.
    fn read_calendar(&mut self) -> Result<()> {
        let Some(file) = &self.snapshot.calendar else {
            return Ok(());
        };
        let read = self.engine.calendar().with_file(&file.name, file.content.clone());
        match (
            read.and_then(|calendar| release_calendar_table(&calendar)),
            &self.calendar,
        ) {
            (Ok(table), _) => self.calendar = Some(table),
            (Err(error), None) => return Err(error),
            (Err(error), Some(_)) => tracing::warn!(%error, "the calendar of the source stays as it was"),
        }
        Ok(())
    }

    async fn publish(&mut self) -> Result<()> {
        self.record();
        self.read_calendar()?;
        let mut relations = Relations::default();
        let table = ErrorAggregatesTable::new(&self.source, Arc::clone(&self.snapshot));
        relations.public.insert("error_aggregates".to_string(), Arc::new(table));
        if let Some(calendar) = &self.calendar {
            relations
                .public
                .insert("release_calendar".to_string(), Arc::clone(calendar));
        }
        let problems = source_problems::table(&self.snapshot)?;
        relations
            .system
            .insert("source_problems".to_string(), Arc::new(problems));
        relations.measures = measures_present(&self.snapshot)
            .into_iter()
            .map(|measure| measure.name)
            .collect();
        // Rows that come in all the time would be kept for nobody.
        relations.data_digest = self.managed.is_none().then(|| self.digest());
        if let Some(managed) = &self.managed {
            let maintenance = MaintenanceTable::new(Arc::clone(managed));
            relations
                .system
                .insert("maintenance".to_string(), Arc::new(maintenance));
            let quarantine = QuarantineTable::new(Arc::clone(managed));
            relations.system.insert("quarantine".to_string(), Arc::new(quarantine));
        }
        self.engine.publish(relations).await
    }

    /// Tells the served files, how they are read, and the source's calendar from all others. Where one file differs from
    /// another, so does its size, its time or its tag, as for the refreshing.
    fn digest(&self) -> String {
        let snapshot = &self.snapshot;
        let files = snapshot.files.iter().map(|served| {
            let file = &served.file;
            format!("{:?} {:?} {:?}", file.meta, file.schema, file.plan)
        });
        let calendar = format!("{:?}", snapshot.calendar);
        let place = [self.source.location().to_string(), calendar];
        let texts: Vec<String> = place.into_iter().chain(files).collect();
        digest_of(&texts)
    }

    fn record(&self) {
        let (from, to) = (self.source.metrics(), &self.metrics.source);
        to.files.store(from.files(), Relaxed);
        to.rows.store(from.rows(), Relaxed);
        to.bytes.store(from.bytes(), Relaxed);
        to.problems.store(from.problems(), Relaxed);
        to.refreshes_total.store(from.refreshes(), Relaxed);
        to.refresh_failures_total.store(from.refresh_failures(), Relaxed);
        let last = u64::try_from(from.last_refresh_unix_seconds()).unwrap_or_default();
        to.last_refresh_unix_seconds.store(last, Relaxed);
    }
}

/// The first and the last `window_start` of the source, as far as the files' own statistics tell.
pub fn time_range(snapshot: &SourceSnapshot) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let column = snapshot.table_schema.index_of("window_start").ok()?;
    let mut range: Option<(i64, i64)> = None;
    for served in &snapshot.files {
        let statistics = served.statistics.column_statistics.get(column)?;
        let (first, last) = (micros(&statistics.min_value)?, micros(&statistics.max_value)?);
        range = Some(range.map_or((first, last), |(low, high)| (low.min(first), high.max(last))));
    }
    let (first, last) = range?;
    Some((
        DateTime::from_timestamp_micros(first)?,
        DateTime::from_timestamp_micros(last)?,
    ))
}

fn micros(value: &Precision<ScalarValue>) -> Option<i64> {
    match value.get_value()? {
        ScalarValue::TimestampMicrosecond(micros, _) => *micros,
        _ => None,
    }
}
