//! `check`: reads the configuration and every file of the source to its end, and prints what it found.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::{SourceArguments, grouped, start_logging, unless_reader_left};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::managed::Purpose;
use crate::server::{self, AccessSettings, QueryRuntime, source_settings, time_range};
use crate::session::Engine;
use crate::sources::{STANDARD_COLUMNS, SourceSnapshot};

#[derive(Debug, Args)]
pub struct CheckArguments {
    #[command(flatten)]
    source: SourceArguments,
}

pub fn run(arguments: &CheckArguments) -> Result<ExitCode> {
    let mut config = arguments.source.configuration()?;
    start_logging(config.server.log_format, "error");
    arguments.source.prepare_demo(&mut config)?;
    let source = source_settings(&config)?;
    AccessSettings::from_config(&config)?.check()?;
    let queries = QueryRuntime::new()?;
    let options = config.engine_options()?;
    let engine = Engine::new(options, queries.handle())?;
    let managed = config.managed_settings();
    let snapshot = queries.handle().block_on(async move {
        let (mut upkeep, _) = server::load(source, managed, Purpose::Read, engine, Arc::default()).await?;
        upkeep.verify().await?;
        Ok::<_, Error>(upkeep.snapshot())
    })?;
    let text = report(&config, &snapshot);
    unless_reader_left(io::stdout().write_all(text.as_bytes()))?;
    Ok(if snapshot.problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn report(config: &Config, snapshot: &SourceSnapshot) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<16}{value}");
    };
    line(
        "source",
        config.source.location.clone().unwrap_or_else(|| "none".to_string()),
    );
    if let Some(managed) = &config.managed.location {
        line("managed", managed.clone());
    }
    line("files", grouped(snapshot.files.len() as u64));
    line("rows", grouped(snapshot.rows() as u64));
    line("bytes", grouped(snapshot.bytes()));
    line("time range", range_text(snapshot));
    let (present, absent) = columns(snapshot);
    line("columns", present.join(", "));
    line(
        "absent (NULL)",
        if absent.is_empty() {
            "none".to_string()
        } else {
            absent.join(", ")
        },
    );
    let measures: Vec<&str> = snapshot.measures.iter().map(|measure| measure.name.as_str()).collect();
    line("measures", measures.join(", "));
    for (name, listen) in [
        ("postgres", &config.postgres.listen),
        ("flight", &config.flight.listen),
        ("http", &config.http.listen),
    ] {
        line(name, listen.to_string());
    }
    line(
        "problems",
        match snapshot.problems.len() {
            0 => "none".to_string(),
            number => grouped(number as u64),
        },
    );
    for problem in &snapshot.problems {
        let _ = writeln!(
            text,
            "  {} {} {}: {}",
            problem.severity(),
            problem.check_name,
            problem.file.as_deref().unwrap_or("the whole source"),
            problem.detail
        );
    }
    text
}

fn range_text(snapshot: &SourceSnapshot) -> String {
    time_range(snapshot).map_or_else(
        || "not recorded in the files".to_string(),
        |(first, last)| {
            format!(
                "{} to {} UTC (start of the first and last window)",
                first.format("%F %R"),
                last.format("%F %R")
            )
        },
    )
}

/// The standard columns that some file gives, and those that none does.
fn columns(snapshot: &SourceSnapshot) -> (Vec<&'static str>, Vec<&'static str>) {
    STANDARD_COLUMNS.iter().map(|column| column.name).partition(|name| {
        snapshot
            .files
            .iter()
            .any(|served| served.file.plan.columns.contains_key(*name))
    })
}
