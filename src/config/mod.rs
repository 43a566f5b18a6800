//! The configuration: what may be set, what each setting is worth when nobody sets it, and in which order the command
//! line, the environment and the file have their say. A setting that is not known stops the program.

mod access;
mod document;
mod environment;
mod limits;
mod listen;
mod managed;

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::access::{Credentials, Role};
use crate::alerts::AlertSettings;
use crate::error::{Error, Result};
use crate::session::{AuditOptions, EngineOptions};
use crate::sources::{ColumnMap, PlatformAliases};
use crate::tables::{
    Calendar, CalendarSettings, ChannelSettings, MeasureSettings, PlatformSettings, TargetSettings, VerdictSettings,
    Vocabulary,
};

pub use access::{TlsSection, UserSettings};
pub use limits::LimitsSection;
pub use listen::Listen;
pub use managed::ManagedSection;

/// Everything that can be configured, with the sections as fields.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub source: SourceSection,
    pub managed: ManagedSection,
    pub columns: ColumnMap,
    pub calendar: CalendarSettings,
    pub measures: BTreeMap<String, MeasureSettings>,
    pub channels: BTreeMap<String, ChannelSettings>,
    pub platforms: BTreeMap<String, PlatformSettings>,
    pub targets: Vec<TargetSettings>,
    pub verdict: VerdictSettings,
    pub alerts: AlertSettings,
    pub postgres: PostgresSection,
    pub flight: FlightSection,
    pub http: HttpSection,
    pub tls: TlsSection,
    pub users: Vec<UserSettings>,
    pub limits: LimitsSection,
    pub audit: AuditSection,
    pub server: ServerSection,
}

impl Config {
    /// What `[[users]]` and `[tls]` say that cannot be meant, without reading any file.
    fn check_access(&self) -> Result<()> {
        self.users.iter().try_for_each(UserSettings::check)?;
        self.tls.check()
    }

    /// The users with their secrets, read from where they lie.
    pub fn credentials(&self) -> Result<Vec<Credentials>> {
        access::credentials(&self.users, &|name| std::env::var(name).ok())
    }

    /// What the query engine needs: limits, and the vocabulary with the calendar that the configuration names.
    pub fn engine_options(&self) -> Result<EngineOptions> {
        let vocabulary = Vocabulary {
            measures: self.measure_settings(),
            channels: self.channels.clone(),
            platforms: self.platforms.clone(),
            targets: self.targets.clone(),
            calendar: Calendar::load(&self.calendar)?,
            verdict: self.verdict.clone(),
        };
        vocabulary.check()?;
        self.alerts.check()?;
        Ok(EngineOptions {
            vocabulary,
            audit: self.audit.options(),
            alerts: self.alerts.clone(),
            kept_folder: self.source.kept_folder.clone(),
            ..self.limits.engine_options()
        })
    }

    /// What `[measures]` says, and `[columns]` where that says nothing.
    fn measure_settings(&self) -> BTreeMap<String, MeasureSettings> {
        let mut measures = self.measures.clone();
        for (name, source) in &self.columns.measures {
            let measure = measures.entry(name.clone()).or_default();
            measure.label = measure.label.take().or_else(|| source.label.clone());
            measure.unit = measure.unit.take().or_else(|| source.unit.clone());
        }
        measures
    }

    /// The names of operating systems that `[platforms]` adds.
    pub fn platform_aliases(&self) -> PlatformAliases {
        PlatformAliases::new(self.platforms.iter().flat_map(|(platform, settings)| {
            let aliases = settings.aliases.iter();
            aliases.map(|alias| (alias.clone(), platform.clone()))
        }))
    }
}

/// `[source]`: where the rows come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceSection {
    /// A file, a folder or an address of an object store. A relative path starts at the configuration file's folder.
    pub location: Option<String>,
    /// How often new, replaced and removed files are looked for.
    pub refresh_seconds: NonZeroU64,
    /// A folder in which computed relations stay from one start to the next; nowhere when absent.
    pub kept_folder: Option<PathBuf>,
    /// Options of the object store by its own names, such as `region` or `endpoint`.
    pub options: std::collections::BTreeMap<String, String>,
}

impl Default for SourceSection {
    fn default() -> Self {
        Self {
            location: None,
            refresh_seconds: NonZeroU64::new(10).unwrap_or(NonZeroU64::MIN),
            kept_folder: None,
            options: std::collections::BTreeMap::new(),
        }
    }
}

/// `[postgres]`: the listener for psql and everything else that speaks PostgreSQL's protocol.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostgresSection {
    pub listen: Listen,
    /// A folder for a Unix-domain socket beside the address; its file is named as clients expect, `.s.PGSQL.7432`.
    pub socket: Option<PathBuf>,
}

impl Default for PostgresSection {
    fn default() -> Self {
        Self {
            listen: Listen::loopback(7432),
            socket: None,
        }
    }
}

/// `[flight]`: the listener for Arrow Flight SQL.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlightSection {
    pub listen: Listen,
    /// How long the bearer token of a log-in is good.
    pub token_lifetime_seconds: NonZeroU64,
}

impl Default for FlightSection {
    fn default() -> Self {
        Self {
            listen: Listen::loopback(7433),
            token_lifetime_seconds: NonZeroU64::new(24 * 3600).unwrap_or(NonZeroU64::MIN),
        }
    }
}

/// `[http]`: the listener for `/health`, `/ready` and `/metrics`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSection {
    pub listen: Listen,
}

impl Default for HttpSection {
    fn default() -> Self {
        Self {
            listen: Listen::loopback(7434),
        }
    }
}

/// `[audit]`: what is recorded of statements.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSection {
    /// A line in the log for every statement: user, duration, rows, bytes, peak memory, outcome.
    pub statements: bool,
    /// With the statements' text.
    pub text: bool,
    /// A warning for statements that take at least this long.
    pub slow_statement_ms: Option<NonZeroU64>,
}

impl AuditSection {
    fn options(&self) -> AuditOptions {
        AuditOptions {
            statements: self.statements,
            text: self.text,
            slow: self.slow_statement_ms.map(|count| Duration::from_millis(count.get())),
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// `[server]`: the process itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSection {
    /// How long running queries may go on after the server was told to stop.
    pub shutdown_grace_seconds: u64,
    /// Whether a listener may be reached from other machines although nothing is encrypted and nobody is asked who
    /// they are.
    pub insecure: bool,
    /// The role of clients on this machine where no users are configured.
    pub trusted_role: Role,
    pub log_format: LogFormat,
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            shutdown_grace_seconds: 10,
            insecure: false,
            trusted_role: Role::Admin,
            log_format: LogFormat::Text,
        }
    }
}

/// Reads the file, if there is one, and lays the variables of `environment` over it.
///
/// The environment is an argument so that tests need not change their own.
pub fn load(file: Option<&Path>, environment: impl IntoIterator<Item = (String, String)>) -> Result<Config> {
    let mut table = toml::Table::new();
    let mut config = Config::default();
    if let Some(path) = file {
        (table, config) = document::read(path)?;
        resolve_paths(&mut table, path);
    }
    let variables = environment::relevant(environment)?;
    if file.is_some() && variables.is_empty() {
        config = typed(&table)?;
    }
    for variable in &variables {
        config = variable.apply(&mut table)?;
    }
    config.columns.check()?;
    config.check_access()?;
    config.managed.check()?;
    Ok(config)
}

/// A table that has been checked already, as a configuration.
fn typed(table: &toml::Table) -> Result<Config> {
    Config::deserialize(table.clone()).map_err(|error| Error::configuration(error.message().to_string()))
}

/// Relative paths in a file start at the file's folder, so that it means the same wherever the program is started.
fn resolve_paths(table: &mut toml::Table, file: &Path) {
    let folder = file.parent().unwrap_or_else(|| Path::new(""));
    for (section, key) in [
        ("source", "location"),
        ("source", "kept_folder"),
        ("managed", "location"),
        ("calendar", "location"),
        ("limits", "spill_folder"),
        ("postgres", "socket"),
        ("tls", "certificate"),
        ("tls", "key"),
        ("tls", "client_ca"),
        ("alerts", "folder"),
    ] {
        resolve_path(table.get_mut(section), key, folder);
    }
    let Some(toml::Value::Array(users)) = table.get_mut("users") else {
        return;
    };
    for user in users {
        for key in ["scram_file", "password_file", "token_file"] {
            resolve_path(Some(&mut *user), key, folder);
        }
    }
}

fn resolve_path(section: Option<&mut toml::Value>, key: &str, folder: &Path) {
    let Some(toml::Value::String(value)) = section.and_then(|section| section.get_mut(key)) else {
        return;
    };
    if !value.contains("://") && Path::new(value).is_relative() {
        *value = folder.join(&value).to_string_lossy().into_owned();
    }
}
