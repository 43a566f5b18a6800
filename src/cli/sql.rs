//! `sql`: one query without a server, its rows on standard output or in a file.

use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use futures::StreamExt;

use super::output::{Format, Output, Target};
use super::{SourceArguments, start_logging, warn_of_problems};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::managed::Purpose;
use crate::server::{self, QueryRuntime, source_settings};
use crate::session::{Engine, RowStream};

#[derive(Debug, Args)]
pub struct SqlArguments {
    #[command(flatten)]
    source: SourceArguments,
    /// The query; - reads it from standard input
    query: String,
    /// How to write the rows [default: what the file's name says, else table]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl SqlArguments {
    fn format(&self) -> Format {
        let by_name = || Format::of_file(self.output.as_deref()?);
        self.format.or_else(by_name).unwrap_or(Format::Table)
    }

    fn query(&self) -> Result<String> {
        if self.query != "-" {
            return Ok(self.query.clone());
        }
        let mut text = String::new();
        io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Error::configuration(format!("the query cannot be read from standard input: {error}")))?;
        Ok(text)
    }
}

pub fn run(arguments: &SqlArguments) -> Result<ExitCode> {
    let format = arguments.format();
    if format.is_binary() && arguments.output.is_none() && io::stdout().is_terminal() {
        return Err(Error::configuration(format!("{format} is not for a terminal"))
            .with_hint("name a file with -o FILE, or redirect standard output"));
    }
    let mut config = arguments.source.configuration()?;
    arguments.source.prepare_demo(&mut config)?;
    let query = arguments.query()?;
    let target = Target::open(arguments.output.as_deref())?;
    let queries = QueryRuntime::new()?;
    let foreground = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("the query cannot be waited for: {error}")))?;
    foreground.block_on(async {
        tokio::select! {
            outcome = answer(&config, &query, format, target, &queries) => outcome,
            _ = tokio::signal::ctrl_c() => Err(Error::new(
                ErrorKind::QueryCanceled,
                "canceling statement due to user request",
            )),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn answer(config: &Config, query: &str, format: Format, target: Target, queries: &QueryRuntime) -> Result<()> {
    let rows = start(config, query, queries).await?;
    let mut output = Output::new(format, target, rows.schema())?;
    let mut rows = rows;
    while let Some(batch) = rows.next().await {
        if !output.write(&batch?)? {
            return Ok(());
        }
    }
    output.finish()
}

async fn start(config: &Config, query: &str, queries: &QueryRuntime) -> Result<RowStream> {
    let engine = open_engine(config, queries).await?;
    let rows = engine.session("admin").query(query).await;
    rows.map_err(|error| match error.kind {
        ErrorKind::UndefinedTable if config.source.location.is_none() && error.hint.is_none() => {
            error.with_hint("no source was given: name one with --source, --demo or --config")
        }
        _ => error,
    })
}

/// An engine over the configured source, if there is one.
pub(super) async fn open_engine(config: &Config, queries: &QueryRuntime) -> Result<Arc<Engine>> {
    let engine = Engine::new(config.engine_options()?, queries.handle())?;
    if config.source.location.is_some() || config.managed.location.is_some() {
        let (source, managed) = (source_settings(config)?, config.managed_settings());
        let (loading, metrics) = (Arc::clone(&engine), Arc::default());
        let load = queries
            .handle()
            .spawn(async move { server::load(source, managed, Purpose::Read, loading, metrics).await });
        let (upkeep, _) = load
            .await
            .map_err(|_| Error::internal("loading the source stopped unexpectedly"))??;
        start_logging(config.server.log_format, "warn");
        warn_of_problems(&upkeep.snapshot());
    }
    Ok(engine)
}
