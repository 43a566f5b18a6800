//! The only place that builds a query session: catalog, functions, views, limits and the read-only gate. Every way in
//! (both protocols, the command line, an embedding program) asks here and gets the same answers and the same refusals.

mod activity;
mod admission;
mod alerts;
mod audit;
mod backends;
pub mod copy_statement;
mod cursor_statements;
mod described;
mod durations;
mod explain;
mod freshness;
mod functions;
mod gate;
mod kept_rows;
mod large_values;
mod limits;
mod memory;
mod parameters;
mod prepared;
mod relations;
mod rows;
mod sessions_table;
mod settings;
pub mod statements;
mod stored_view;
mod table_command;
mod text_limits;
mod time_zones;
mod views;
mod work;
mod writing;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use arrow::datatypes::{DataType, Schema};
use datafusion::catalog::CatalogProviderList;
use datafusion::common::ScalarValue;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::TaskContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use datafusion::prelude::SessionConfig;
use futures::{FutureExt, StreamExt, TryStreamExt};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::access::{Identity, Role};
use crate::alerts::{AlertLog, AlertSettings};
use crate::catalog::{self, Catalog, SessionFacts};
use crate::dialect::{self, apply::ApplyPlanner};
use crate::error::{Error, ErrorKind, Result};
use crate::tables::{Calendar, Vocabulary};
use freshness::Freshness;
use functions::RequestedSettings;
use memory::{MemoryUse, QueryMemory};
use sessions_table::{SessionsTable, Viewer};
use statements::{ParsedStatement, Work};
use work::Stop;

pub use activity::{Client, Entered, Phase, Registration, Running, SessionRow, Sessions, StatementRow, Taken};
pub use admission::{Admission, Slot};
pub use audit::AuditOptions;
pub use functions::RequestedSetting;
pub use kept_rows::digest_of;
pub use limits::{Limits, MOST_NESTING};
pub use prepared::Prepared;
pub use relations::Relations;
pub use rows::{RowStream, plain_schema, type_name, wire_schema};
pub use settings::{POSTGRES_VERSION, Settings};
pub use views::{ViewComments, view_comments};
pub use work::panic_text;
pub use writing::InsertPlan;

/// The database's one name.
pub const DATABASE: &str = "mission_control";
/// The schema of the data's relations.
pub const PUBLIC_SCHEMA: &str = "public";
/// The schema of what the server says of itself.
pub const SYSTEM_SCHEMA: &str = "mission_control";

/// What an administrator allows all queries together.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Memory for sorts, joins and aggregations of all queries, in bytes; beyond it they spill.
    pub memory_bytes: usize,
    /// Where queries spill; the system's temporary folder when absent.
    pub spill_folder: Option<PathBuf>,
    /// How much may lie spilled at one time, in bytes.
    pub spill_bytes: u64,
    /// Threads that one query may use.
    pub threads_per_query: usize,
    /// What clients may ask for; it can be changed later.
    pub limits: Limits,
    /// What is recorded of statements.
    pub audit: AuditOptions,
    /// What is said of measures, channels, platforms and releases beyond the data.
    pub vocabulary: Vocabulary,
    /// Where alerts are kept.
    pub alerts: AlertSettings,
    /// Where computed relations stay from one start to the next; nowhere when absent.
    pub kept_folder: Option<PathBuf>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 30,
            spill_folder: None,
            spill_bytes: 10 << 30,
            threads_per_query: std::thread::available_parallelism().map_or(2, usize::from),
            limits: Limits::default(),
            audit: AuditOptions::default(),
            vocabulary: Vocabulary::default(),
            alerts: AlertSettings::default(),
            kept_folder: None,
        }
    }
}

/// Everything that all sessions share: memory, caches, functions, and the relations of the moment.
pub struct Engine {
    base: SessionState,
    runtime: Handle,
    options: EngineOptions,
    published: RwLock<Published>,
    unreadable_source: Arc<Notify>,
    users: RwLock<Arc<Vec<Identity>>>,
    limits: RwLock<Arc<Limits>>,
    sessions: Arc<Sessions>,
    admission: Arc<Admission>,
    alerts: Arc<AlertLog>,
    freshness: Freshness,
}

/// The relations that new statements see. A running statement keeps those that it began with.
#[derive(Clone)]
struct Published {
    version: u64,
    catalogs: Arc<dyn CatalogProviderList>,
    /// What `pg_catalog` says of them.
    catalog: Arc<Catalog>,
    relations: Arc<Relations>,
}

impl Engine {
    /// Builds the engine. Queries run on `runtime`, which should not be the one that serves the listeners.
    pub fn new(options: EngineOptions, runtime: Handle) -> Result<Arc<Self>> {
        work::hand_flags_on();
        let environment = runtime_environment(&options)?;
        let base = base_state(&options, environment)?;
        let alerts = Arc::new(AlertLog::open(&options.alerts)?);
        let relations = Arc::new(Relations::default());
        let catalog = Arc::new(described::describe(&relations, &base));
        let published = Published {
            version: 0,
            catalogs: relations.as_catalogs(&catalog)?,
            catalog,
            relations,
        };
        Ok(Arc::new(Self {
            base,
            runtime,
            limits: RwLock::new(Arc::new(options.limits.clone())),
            sessions: Arc::default(),
            admission: Arc::default(),
            options,
            published: RwLock::new(published),
            unreadable_source: Arc::default(),
            users: RwLock::default(),
            alerts,
            freshness: Freshness::default(),
        }))
    }

    /// The environment that tables need for their object stores and cached footers.
    pub fn environment(&self) -> Arc<RuntimeEnv> {
        Arc::clone(self.base.runtime_env())
    }

    /// The release calendar in force, without what a source adds to it.
    pub fn calendar(&self) -> &Calendar {
        &self.options.vocabulary.calendar
    }

    /// Adds the views of `sql/` to the relations and shows them to every statement from now on.
    pub async fn publish(&self, mut relations: Relations) -> Result<()> {
        self.add_own_tables(&mut relations);
        let EngineOptions {
            vocabulary,
            kept_folder,
            ..
        } = &self.options;
        views::add_views(
            &self.base,
            vocabulary,
            &self.alerts,
            kept_folder.as_deref(),
            &mut relations,
        )
        .await?;
        let catalog = Arc::new(described::describe(&relations, &self.base));
        let catalogs = relations.as_catalogs(&catalog)?;
        let relations = Arc::new(relations);
        let mut published = self
            .published
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *published = Published {
            version: published.version + 1,
            catalogs,
            catalog,
            relations,
        };
        Ok(())
    }

    /// What the server says of itself.
    fn add_own_tables(&self, relations: &mut Relations) {
        let sessions = SessionsTable::new(Arc::clone(&self.sessions));
        relations.system.insert("sessions".to_string(), Arc::new(sessions));
    }

    /// The relations that the next statement will see.
    pub fn relations(&self) -> Arc<Relations> {
        self.published().relations
    }

    /// Another number for every set of relations.
    pub fn published_version(&self) -> u64 {
        self.published().version
    }

    /// A statement met a file that could not be read. Whoever keeps the source fresh is told.
    pub fn report_unreadable_source(&self) {
        self.unreadable_source.notify_one();
    }

    /// Resolves once a statement has met a file that could not be read.
    pub async fn source_trouble(&self) {
        self.unreadable_source.notified().await;
    }

    /// The limits in force.
    pub fn limits(&self) -> Arc<Limits> {
        Arc::clone(&self.limits.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the limits for whatever begins from now on.
    pub fn set_limits(&self, limits: Limits) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(limits);
    }

    /// Who is connected.
    pub fn sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    /// Who may compute.
    pub fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// The regressions found so far.
    pub fn alerts(&self) -> Arc<AlertLog> {
        Arc::clone(&self.alerts)
    }

    /// Records that a statement has ended, with the code that the client got; once for each statement.
    pub fn end_statement(&self, entered: &Entered, outcome: &str) -> Option<Taken> {
        let taken = entered.running().end_statement()?;
        audit::record(&self.options.audit, entered.client(), entered.pid(), &taken, outcome);
        Some(taken)
    }

    /// A session of the process itself or of the program that embeds it.
    pub fn session(self: &Arc<Self>, user: &str) -> Session {
        self.session_of(Identity::new(user, Role::Admin))
    }

    /// A session for somebody who has been let in.
    pub fn session_of(self: &Arc<Self>, identity: Identity) -> Session {
        let mut settings = self.limits().settings();
        settings.report("session_authorization", &identity.user);
        if identity.role >= Role::Ingest && self.managed().is_some() {
            settings.report("default_transaction_read_only", "off");
            settings.report("transaction_read_only", "off");
        }
        Session {
            engine: Arc::clone(self),
            identity,
            settings,
            memory: Arc::default(),
            requested: RequestedSettings::default(),
            registration: None,
        }
    }

    /// Tells sessions which users there are, for the relations that list them.
    pub fn know_users(&self, users: Vec<Identity>) {
        *self.users.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(users);
    }

    /// The configured users by name; none where nobody is asked who they are.
    pub fn users(&self) -> Arc<Vec<Identity>> {
        Arc::clone(&self.users.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn published(&self) -> Published {
        self.published
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

fn runtime_environment(options: &EngineOptions) -> Result<Arc<RuntimeEnv>> {
    let disk = DiskManagerBuilder::default()
        .with_mode(match &options.spill_folder {
            Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
            None => DiskManagerMode::OsTmpDirectory,
        })
        .with_max_temp_directory_size(options.spill_bytes);
    Ok(RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(options.memory_bytes)))
        .with_disk_manager_builder(disk)
        .build_arc()?)
}

fn base_state(options: &EngineOptions, environment: Arc<RuntimeEnv>) -> Result<SessionState> {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(DATABASE, PUBLIC_SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_target_partitions(options.threads_per_query.max(1));
    config.options_mut().execution.time_zone = Some("UTC".to_string());
    // The planner compares the columns' metadata too, and the two sides of a union of a literal and a described column
    // disagree about it; types are checked again with every batch.
    config.options_mut().execution.skip_physical_aggregate_schema_check = true;
    config.options_mut().sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(environment)
        .with_default_features()
        .with_table_factories(std::collections::HashMap::new())
        .with_query_planner(Arc::new(ApplyPlanner::default()))
        .build();
    functions::register(&mut state)?;
    dialect::register(&mut state)?;
    let rules = work::with_checkpoints(&state);
    Ok(SessionStateBuilder::new_from_existing(state)
        .with_optimizer_rules(rules)
        .with_physical_optimizer_rule(Arc::new(work::YieldingJoins))
        .build())
}

/// One client's session: its user, its settings, and the statements it plans and runs.
pub struct Session {
    engine: Arc<Engine>,
    identity: Identity,
    settings: Settings,
    /// What the present statement's queries count their memory in.
    memory: Arc<MemoryUse>,
    registration: Option<Arc<Registration>>,
    requested: RequestedSettings,
}

impl Session {
    pub fn user(&self) -> &str {
        &self.identity.user
    }

    /// Who this is, and what they may do.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The session's place among the connections.
    pub fn attach(&mut self, registration: Arc<Registration>) {
        self.registration = Some(registration);
    }

    /// Work begins, which others can see and cancel; nothing where the session is no connection's.
    pub fn begin(&self) -> Option<Entered> {
        self.registration.as_ref().map(|registration| registration.begin())
    }

    /// From now on queries count their memory as the given work's.
    pub fn belongs_to(&mut self, running: &Running) {
        self.memory = running.memory();
    }

    /// Waits until a query may compute. It may as long as it keeps what this gives.
    pub async fn admit(&self) -> Result<Slot> {
        self.engine.admission.enter(&self.engine.limits()).await
    }

    /// When a statement that starts now has to end.
    pub fn deadline(&self) -> Option<Instant> {
        let own = self.settings.statement_timeout();
        let limit = match (own, self.engine.limits().statement_timeout) {
            (Some(own), Some(most)) => Some(own.min(most)),
            (own, most) => own.or(most),
        };
        limit.map(|duration| Instant::now() + duration)
    }

    /// Parses a string of statements. Runs on the query runtime, so that a text that takes long holds up nobody else.
    pub async fn parse(&self, sql: &str) -> Result<Vec<ParsedStatement>> {
        let (text, most) = (sql.to_string(), self.engine.limits().max_nesting);
        let work = async move { statements::parse_within(&text, most) };
        work::plan(&self.engine.runtime, work.boxed(), self.deadline()).await
    }

    /// Plans a statement, checks it at the gate and settles its parameters and result columns.
    ///
    /// `parameter_types` are those the client declared, `None` for each it left open. Runs on the query runtime, so
    /// that a plan that takes long holds up nobody else, and ends at the session's deadline.
    pub async fn prepare(&self, statement: ParsedStatement, parameter_types: &[Option<DataType>]) -> Result<Prepared> {
        match &statement.work {
            Work::Query(_) => self.prepare_query(statement, parameter_types).await,
            Work::Insert(insert) => {
                let insert = insert.clone();
                self.prepare_insert(statement, &insert, parameter_types).await
            }
            Work::Refused(error) => Err((**error).clone()),
            Work::CopyIn { table, .. } => {
                self.writable(table, "COPY FROM")?;
                Ok(Prepared::without_plan(statement, Arc::new(Schema::empty())))
            }
            Work::Show(name) => {
                let schema = functions::show_schema(name)?;
                Ok(Prepared::without_plan(statement, schema))
            }
            _ => Ok(Prepared::without_plan(statement, Arc::new(Schema::empty()))),
        }
    }

    /// Runs a prepared query or SHOW with its parameters' values.
    pub async fn run(&self, prepared: &Prepared, parameters: Vec<ScalarValue>) -> Result<RowStream> {
        if let Work::Show(name) = &prepared.statement.work {
            return functions::show(&self.settings, name).map(RowStream::ready);
        }
        if prepared.insert.is_some() {
            return Err(Error::not_supported("an insert gives no rows").with_hint("run it as an update"));
        }
        let Some(plan) = &prepared.plan else {
            return Err(Error::internal("this statement has no rows to run for"));
        };
        let deadline = self.deadline();
        self.engine.freshness.catch_up().await;
        let plan = if prepared.relations_version == self.engine.published().version {
            plan.clone()
        } else {
            self.plan_again(prepared).await?
        };
        let mut state = self.state(&self.engine.published());
        let limits = self.engine.limits();
        let environment = self.query_environment(&limits);
        let explain = prepared.explain.clone();
        let work = async move {
            let begun = std::time::Instant::now();
            let bound = parameters::bind(plan, parameters)?;
            let bound = dialect::rewrite_plan(bound, &state)?;
            let optimized = state.optimize(&bound)?;
            if let Some(rows) = large_values::batch_rows(&optimized) {
                let usual = state.config().batch_size();
                *state.config_mut() = state.config().clone().with_batch_size(rows.min(usual));
            }
            let planner = Arc::clone(state.query_planner());
            let physical = planner.create_physical_plan(&optimized, &state).await?;
            let context = Arc::new(TaskContext::from(&state).with_runtime(environment));
            Ok(match explain {
                Some(explain) => explain.rows(physical, begun.elapsed(), context),
                None => execute_stream(physical, context)?,
            })
        };
        let stop = Stop::default();
        let stream = work::plan_within(&self.engine.runtime, work.boxed(), deadline, stop.clone()).await?;
        let stream = reporting_trouble(stream, Arc::clone(&self.engine));
        Ok(RowStream::spawn(
            &self.engine.runtime,
            stream,
            Arc::clone(&prepared.schema),
            deadline,
            &limits,
            stop,
        ))
    }

    /// The environment that all queries share, but with this statement's own account of memory.
    fn query_environment(&self, limits: &Limits) -> Arc<RuntimeEnv> {
        let shared = self.engine.environment();
        let pool = QueryMemory::new(
            Arc::clone(&shared.memory_pool),
            limits.memory_per_query_bytes,
            Arc::clone(&self.memory),
        );
        Arc::new(RuntimeEnv {
            memory_pool: Arc::new(pool),
            ..shared.as_ref().clone()
        })
    }

    /// Parses, prepares and runs one statement without parameters: what the command line and embedders need.
    pub async fn query(&self, sql: &str) -> Result<RowStream> {
        let mut parsed = statements::parse(sql)?;
        match (parsed.pop(), parsed.is_empty()) {
            (Some(statement), true) => {
                let prepared = self.prepare(statement, &[]).await?.plain();
                if !prepared.returns_rows() {
                    return Err(Error::not_supported(
                        "this statement returns no rows and has no effect here",
                    ));
                }
                self.run(&prepared, vec![]).await
            }
            (None, _) => Err(Error::new(ErrorKind::Syntax, "the query is empty")),
            _ => Err(Error::new(ErrorKind::Syntax, "cannot run more than one statement here")),
        }
    }

    /// Answers SET, RESET and DISCARD on this session's settings. Returns whether the statement was one of them.
    pub fn apply_setting(&mut self, work: &Work) -> Result<bool> {
        match work {
            Work::Set { name, value, .. } => self.settings.set(name, value.as_deref())?,
            Work::Reset(Some(name)) => self.settings.reset_one(name)?,
            Work::Reset(None) => self.settings.reset_all(),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The settings that queries have asked for with `set_config` since this was asked last.
    pub fn take_requested(&self) -> Vec<RequestedSetting> {
        std::mem::take(&mut *self.requested.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn prepare_query(&self, statement: ParsedStatement, declared: &[Option<DataType>]) -> Result<Prepared> {
        let Work::Query(syntax) = &statement.work else {
            return Err(Error::internal("only queries are planned"));
        };
        gate::check_statement(syntax)?;
        gate::check_references(syntax)?;
        self.engine.freshness.catch_up().await;
        let published = self.engine.published();
        let state = self.state(&published);
        let (explain, mut syntax) = explain::taken(syntax.as_ref().clone())?;
        let names = dialect::take_names(&mut syntax);
        time_zones::rewrite(&mut syntax);
        let named = parameters::cast_names(&syntax);
        let syntax = dialect::rewrite_syntax(syntax)?;
        let declared = parameters::with_names(declared, &named);
        let explained = explain.clone();
        let work = async move {
            let (plan, parameter_types) = parameters::plan(&state, syntax, &declared).await?;
            gate::check_plan(&plan)?;
            let rewritten = dialect::rewrite_plan(plan.clone(), &state)?;
            let analyzed = state
                .analyzer()
                .execute_and_check(rewritten, state.config_options(), |_, _| {})?;
            let schema = match explained {
                Some(explain) => explain.schema(),
                None => names.apply(rows::result_schema(analyzed.schema().as_arrow(), &plan)),
            };
            let parameter_names = parameters::names(&plan, named, parameter_types.len());
            Ok((plan, parameter_types, parameter_names, schema))
        };
        let (plan, parameter_types, parameter_names, schema) =
            work::plan(&self.engine.runtime, work.boxed(), self.deadline()).await?;
        check_parameters(parameter_types.len(), self.engine.limits().max_parameters)?;
        Ok(Prepared {
            statement,
            parameter_types,
            parameter_names,
            schema,
            plan: Some(plan),
            explain,
            relations_version: published.version,
            insert: None,
        })
    }

    /// Relations changed since the statement was prepared: plan it over the present ones.
    async fn plan_again(&self, prepared: &Prepared) -> Result<LogicalPlan> {
        let declared: Vec<_> = prepared.parameter_types.iter().cloned().map(Some).collect();
        let fresh = Box::pin(self.prepare_query(prepared.statement.clone(), &declared)).await?;
        if plain_schema(&fresh.schema) != plain_schema(&prepared.schema) {
            return Err(Error::not_supported("cached plan must not change result type")
                .with_hint("prepare the statement again: the source's columns have changed"));
        }
        fresh.plan.ok_or_else(|| Error::internal("a query without a plan"))
    }

    fn state(&self, published: &Published) -> SessionState {
        let mut state = self.engine.base.clone();
        state.register_catalog_list(Arc::clone(&published.catalogs));
        state.config_mut().options_mut().execution.time_zone = Some(self.settings.time_zone().to_string());
        functions::register_for_session(&mut state, &self.identity.user, &self.settings, &self.requested);
        let viewer = Viewer {
            user: self.identity.user.clone(),
            sees_all: self.identity.role >= Role::Admin,
        };
        let facts = Arc::new(SessionFacts {
            user: self.identity.user.clone(),
            role: self.identity.role,
            takes_rows: self.engine.managed().map(|_| writing::WRITABLE),
            users: self.engine.users(),
            settings: self.settings.described(),
            backends: sessions_table::backends(&self.engine.sessions, &viewer),
        });
        state.config_mut().set_extension(Arc::clone(&facts));
        catalog::register(&mut state, &published.catalog, &facts);
        dialect::register_functions(&mut state);
        time_zones::register(&mut state);
        let pid = self.registration.as_ref().map_or(0, |registration| registration.pid());
        backends::register(&mut state, &self.engine.sessions, &viewer, pid);
        state.config_mut().set_extension(Arc::new(viewer));
        // The time that now() means throughout the statement.
        state.mark_start_execution();
        state
    }
}

fn check_parameters(count: usize, most: usize) -> Result<()> {
    if count <= most {
        return Ok(());
    }
    let message = format!("the statement has {count} parameters, more than the {most} allowed");
    Err(Error::new(ErrorKind::ProgramLimitExceeded, message))
}

/// Tells the engine when a file turns out to be unreadable while rows flow. The decoder panics on some damaged pages, so
/// a panic is looked into as well; for the client it is a bug.
fn reporting_trouble(rows: SendableRecordBatchStream, engine: Arc<Engine>) -> SendableRecordBatchStream {
    let schema = rows.schema();
    let caught = AssertUnwindSafe(rows)
        .catch_unwind()
        .map(|next| next.unwrap_or_else(|_| Err(Error::internal("the query stopped unexpectedly").into())));
    let watched = caught.map_err(move |error| {
        let error = Error::from(error);
        if matches!(error.kind, ErrorKind::Io | ErrorKind::Internal) {
            engine.report_unreadable_source();
        }
        error.into()
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, watched))
}
