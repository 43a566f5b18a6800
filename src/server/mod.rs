//! The server as a value: binds its listeners, loads its source, serves until it is told to stop, and says under which
//! addresses. The program starts one from its configuration, tests and embedding programs start theirs.

mod alerts;
mod guards;
mod listeners;
mod memory_guard;
mod socket;
mod upkeep;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::config::{Config, Listen};
use crate::error::{Error, Result};
use crate::managed::{ManagedSettings, ManagedTable, Purpose};
use crate::metrics::Metrics;
use crate::session::{Engine, EngineOptions};
use crate::shutdown::Shutdown;
use crate::sources::{SourceSettings, SourceSnapshot};
use crate::wire::http::{self, HttpState, Readiness};

use guards::Guards;
pub use guards::{AccessSettings, Reload};
pub use socket::SocketFile;
pub use upkeep::{Upkeep, time_range};

/// Enough for plans that nest deeply: an expression of many terms is planned by recursion.
pub const THREAD_STACK_BYTES: usize = 8 << 20;
/// Threads that plan or read files and have nothing to do go soon: each holds the stack that it once needed.
const IDLE_THREAD_KEPT: Duration = Duration::from_secs(1);

/// See [`QueryRuntime::new`].
const THREADS_PER_PROCESSOR: usize = 8;

/// How long connections may take to say goodbye once the grace period is over.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a server serves, where, and within which limits.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    pub source: SourceSettings,
    /// The table that takes rows.
    pub managed: Option<ManagedSettings>,
    pub refresh_interval: Duration,
    pub postgres: Listen,
    pub flight: Listen,
    pub http: Listen,
    /// A folder for PostgreSQL's Unix-domain socket.
    pub postgres_socket: Option<PathBuf>,
    pub access: AccessSettings,
    pub engine: EngineOptions,
    pub shutdown_grace: Duration,
}

impl ServerSettings {
    /// The settings of a configuration that has a source.
    pub fn from_config(config: &Config) -> Result<Self> {
        Ok(Self {
            source: source_settings(config)?,
            managed: config.managed_settings(),
            refresh_interval: Duration::from_secs(config.source.refresh_seconds.get()),
            postgres: config.postgres.listen.clone(),
            flight: config.flight.listen.clone(),
            http: config.http.listen.clone(),
            postgres_socket: config.postgres.socket.clone(),
            access: AccessSettings::from_config(config)?,
            engine: config.engine_options()?,
            shutdown_grace: Duration::from_secs(config.server.shutdown_grace_seconds),
        })
    }
}

/// Where a configuration says that the rows come from.
pub fn source_settings(config: &Config) -> Result<SourceSettings> {
    let location = match &config.source.location {
        Some(location) => location.clone(),
        None if config.managed.location.is_some() => String::new(),
        None => {
            return Err(Error::configuration("there is no source to read").with_hint(
                "give --demo, --source LOCATION, or --config FILE with a location in [source] or [managed]",
            ));
        }
    };
    Ok(SourceSettings {
        location,
        options: config.source.options.clone(),
        columns: config.columns.clone(),
        platforms: config.platform_aliases(),
        calendar: config.calendar.table.clone(),
        managed: None,
    })
}

/// Starts servers.
pub struct Server;

/// A server that answers queries.
pub struct Running {
    pub postgres: Option<SocketAddr>,
    pub flight: Option<SocketAddr>,
    pub http: Option<SocketAddr>,
    /// The file of PostgreSQL's Unix-domain socket.
    pub postgres_socket: Option<SocketFile>,
    pub engine: Arc<Engine>,
    /// Whether clients have to say who they are.
    pub asks_for_passwords: bool,
    /// Whether the Flight listener offers TLS.
    pub flight_over_tls: bool,
    /// The source as it was at the start.
    pub snapshot: Arc<SourceSnapshot>,
    shutdown: Shutdown,
    shutdown_grace: Duration,
    protocols: JoinSet<Result<()>>,
    background: JoinSet<()>,
    queries: QueryRuntime,
    guards: Arc<Guards>,
}

impl Server {
    /// Binds every listener and loads the source. Nothing is served unless all of it succeeds, and when this returns
    /// every listener answers. Runs inside a multi-threaded tokio runtime; queries get a runtime of their own.
    pub async fn start(settings: ServerSettings, metrics: Arc<Metrics>, shutdown: Shutdown) -> Result<Running> {
        let guards = Arc::new(Guards::open(&settings.access)?);
        let bound = listeners::bind(&settings, &guards).await?;
        let queries = QueryRuntime::new()?;
        let engine = Engine::new(settings.engine.clone(), queries.handle())?;
        engine.know_users(guards.access.policy().users.identities());
        engine.alerts().keep(&settings.engine.alerts)?;
        let readiness = Readiness::default();
        let mut background = JoinSet::new();
        let [postgres, flight, http] =
            [&bound.postgres, &bound.flight, &bound.http].map(|door| door.as_ref().map(|door| door.address));
        let flight_over_tls = bound.flight.as_ref().is_some_and(|door| door.security.tls.is_some());
        if let Some(door) = bound.http {
            let state = HttpState::new(Arc::clone(&metrics), Arc::clone(&engine), readiness.clone());
            background.spawn(http::serve(door.listener, door.security, state, shutdown.clone()));
        }
        let (upkeep, managed) = {
            let (engine, metrics) = (Arc::clone(&engine), Arc::clone(&metrics));
            let (source, managed) = (settings.source.clone(), settings.managed.clone());
            let load = queries
                .handle()
                .spawn(async move { load(source, managed, Purpose::Serve, engine, metrics).await });
            load.await
                .map_err(|_| Error::internal("loading the source stopped unexpectedly"))??
        };
        if let Some(managed) = managed {
            engine.shows(upkeep.snapshot().managed_version);
            engine.write_into(Arc::clone(&managed));
            background.spawn_on(managed.keep_up(shutdown.clone()), &queries.handle());
        }
        let snapshot = upkeep.snapshot();
        let mut protocols = JoinSet::new();
        let access = &guards.access;
        let (socket, postgres_socket) = bound.postgres_socket.unzip();
        let doors = (bound.postgres, socket);
        listeners::serve_postgres(&mut protocols, doors, &engine, access, &metrics, &shutdown);
        if let Some(door) = bound.flight {
            listeners::serve_flight(&mut protocols, door, &engine, &settings, access, &metrics, &shutdown);
        }
        background.spawn(Arc::clone(&guards).watch_certificate(shutdown.clone()));
        background.spawn(memory_guard::guard_memory(Arc::clone(&engine), shutdown.clone()));
        background.spawn_on(
            upkeep.run(settings.refresh_interval, shutdown.clone()),
            &queries.handle(),
        );
        let (releases, alerts) = (Arc::clone(&engine), settings.engine.alerts.clone());
        let watch = alerts::watch(Arc::clone(&engine), alerts, settings.refresh_interval, shutdown.clone());
        background.spawn_on(
            async move {
                compute_releases(releases).await;
                watch.await;
            },
            &queries.handle(),
        );
        readiness.loaded();
        Ok(Running {
            postgres,
            flight,
            http,
            postgres_socket,
            asks_for_passwords: !guards.access.policy().users.is_empty(),
            flight_over_tls,
            engine,
            snapshot,
            shutdown,
            shutdown_grace: settings.shutdown_grace,
            protocols,
            background,
            queries,
            guards,
        })
    }
}

/// Opens the managed table, if there is one, then the source, and publishes both as one set of relations.
pub async fn load(
    mut source: SourceSettings,
    managed: Option<ManagedSettings>,
    purpose: Purpose,
    engine: Arc<Engine>,
    metrics: Arc<Metrics>,
) -> Result<(Upkeep, Option<Arc<ManagedTable>>)> {
    let managed = match managed {
        Some(settings) => Some(ManagedTable::open(settings, purpose, Arc::clone(&metrics.managed)).await?),
        None => None,
    };
    source.managed = managed.as_ref().map(|managed| Arc::clone(managed.log()));
    let upkeep = Upkeep::load_with(&source, managed.clone(), engine, metrics).await?;
    Ok((upkeep, managed))
}

/// Computes what most views join before anybody has to wait for it; nothing waits for this.
async fn compute_releases(engine: Arc<Engine>) {
    let rows = engine
        .session("mission_control")
        .query("SELECT count(*) FROM release_totals")
        .await;
    let computed = match rows {
        Ok(rows) => rows.collect().await.map(|_| ()),
        Err(error) => Err(error),
    };
    if let Err(error) = computed {
        tracing::warn!(%error, "the releases could not be computed in advance");
    }
}

impl Running {
    /// Changes settings while this serves.
    pub fn reload(&self) -> Reload {
        Reload {
            guards: Arc::clone(&self.guards),
            engine: Arc::clone(&self.engine),
        }
    }

    /// Serves until the shutdown's first step, lets statements finish for the grace period, and ends the rest.
    pub async fn finished(mut self) -> Result<()> {
        let outcome = self.until_told_to_stop().await;
        self.shutdown.drain();
        tokio::select! {
            () = self.shutdown.ended() => {}
            _ = tokio::time::timeout(self.shutdown_grace, all_ended(&mut self.protocols)) => {}
        }
        self.shutdown.end();
        if tokio::time::timeout(FAREWELL, all_ended(&mut self.protocols))
            .await
            .is_err()
        {
            tracing::warn!("some connections did not end in time and were cut");
        }
        self.protocols.abort_all();
        self.background.abort_all();
        self.queries.stop();
        outcome
    }

    /// A listener never ends by itself, so that one which does has failed.
    async fn until_told_to_stop(&mut self) -> Result<()> {
        tokio::select! {
            () = self.shutdown.drained() => Ok(()),
            Some(ended) = self.protocols.join_next() => {
                if self.shutdown.is_draining() {
                    return Ok(());
                }
                match ended {
                    Ok(Err(error)) => Err(error),
                    _ => Err(Error::internal("a listener stopped unexpectedly")),
                }
            }
            else => {
                self.shutdown.drained().await;
                Ok(())
            }
        }
    }
}

async fn all_ended(tasks: &mut JoinSet<Result<()>>) {
    while let Some(ended) = tasks.join_next().await {
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "a listener ended with an error");
        }
    }
}

/// The threads that queries run on, apart from those that read and write sockets: a busy query delays no connection.
pub struct QueryRuntime(Option<Runtime>);

impl QueryRuntime {
    /// Several threads for each processor: a step of a query that takes long before it lets others have its thread
    /// (a join of many rows with many rows) shares the processors with them all the same.
    pub fn new() -> Result<Self> {
        let threads = THREADS_PER_PROCESSOR * std::thread::available_parallelism().map_or(2, usize::from);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("query")
            .thread_stack_size(THREAD_STACK_BYTES)
            .thread_keep_alive(IDLE_THREAD_KEPT)
            .enable_all()
            .build()
            .map_err(|error| Error::internal(format!("the query threads cannot be started: {error}")))?;
        Ok(Self(Some(runtime)))
    }

    /// To start work on these threads.
    pub fn handle(&self) -> tokio::runtime::Handle {
        match &self.0 {
            Some(runtime) => runtime.handle().clone(),
            // Only `stop` takes the runtime out, and it consumes what could still ask.
            None => tokio::runtime::Handle::current(),
        }
    }

    fn stop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for QueryRuntime {
    /// A runtime must not be dropped by waiting inside another one.
    fn drop(&mut self) {
        self.stop();
    }
}
