//! `verdict`: is this release OK? For people the sentences, for release pipelines the exit status.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use clap::Args;

use super::sql::open_engine;
use super::{SourceArguments, unless_reader_left};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::server::QueryRuntime;
use crate::session::Engine;

/// 3 where any cell has regressed, 4 where a key measure (or every measure) has too little data, else 0.
const EXIT_STATUS: &str = include_str!("verdict_exit_status.sql");

#[derive(Debug, Args)]
pub struct VerdictArguments {
    #[command(flatten)]
    source: SourceArguments,
    /// Update channel, such as beta
    #[arg(long)]
    channel: String,
    /// Display version, such as 60.0b7
    #[arg(long = "version", value_name = "VERSION")]
    release: String,
    /// One platform instead of all: windows, mac, linux, android
    #[arg(long)]
    platform: Option<String>,
    /// One application instead of all
    #[arg(long)]
    application: Option<String>,
}

impl VerdictArguments {
    /// The condition that leaves the rows asked for.
    fn condition(&self) -> String {
        let mut parts = vec![
            format!("channel = {}", quoted(&self.channel)),
            format!("version = {}", quoted(&self.release)),
        ];
        for (column, value) in [("platform", &self.platform), ("application", &self.application)] {
            parts.extend(value.iter().map(|value| format!("{column} = {}", quoted(value))));
        }
        parts.join(" AND ")
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub fn run(arguments: &VerdictArguments) -> Result<ExitCode> {
    let mut config = arguments.source.configuration()?;
    arguments.source.prepare_demo(&mut config)?;
    let queries = QueryRuntime::new()?;
    let foreground = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("the verdict cannot be waited for: {error}")))?;
    let status = foreground.block_on(judge(arguments, &config, &queries))?;
    Ok(ExitCode::from(status))
}

async fn judge(arguments: &VerdictArguments, config: &Config, queries: &QueryRuntime) -> Result<u8> {
    let engine = open_engine(config, queries).await?;
    require_known(&engine, "channel", &arguments.channel).await?;
    if let Some(platform) = &arguments.platform {
        require_known(&engine, "platform", platform).await?;
    }
    let condition = arguments.condition();
    let sql = format!(
        "SELECT verdict, application, platform, measure, reason FROM release_verdicts WHERE {condition} \
         ORDER BY application, platform, measure"
    );
    let lines = texts(&rows(&engine, &sql).await?)?;
    unless_reader_left(print(arguments, &lines))?;
    let sql = EXIT_STATUS.replace("channel = 'beta' AND version = '60.0b7'", &condition);
    let status = rows(&engine, &sql).await?.into_iter().find_map(|batch| {
        let column = cast(batch.columns().first()?, &DataType::Int64).ok()?;
        column.as_primitive::<Int64Type>().iter().next().flatten()
    });
    status
        .and_then(|status| u8::try_from(status).ok())
        .ok_or_else(|| Error::internal("the exit status could not be worked out"))
}

/// Refuses a name that the data do not have: a pipeline with a typing error must not wait for data for ever.
async fn require_known(engine: &Arc<Engine>, column: &str, given: &str) -> Result<()> {
    let sql = format!("SELECT DISTINCT {column} FROM verdict_hours ORDER BY 1");
    let known: Vec<String> = texts(&rows(engine, &sql).await?)?.into_iter().flatten().collect();
    if known.iter().any(|name| name == given) {
        return Ok(());
    }
    Err(Error::configuration(format!("there are no data of {column} {given}"))
        .with_hint(format!("the data have: {}", known.join(", "))))
}

async fn rows(engine: &Arc<Engine>, sql: &str) -> Result<Vec<RecordBatch>> {
    engine.session("admin").query(sql).await?.collect().await
}

fn texts(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>> {
    let mut lines = vec![];
    for batch in batches {
        let columns = batch.columns().iter().map(|column| cast(column, &DataType::Utf8));
        let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
        lines.extend((0..batch.num_rows()).map(|row| {
            let cell = |column: &Arc<dyn Array>| column.as_string::<i32>().value(row).to_string();
            columns.iter().map(cell).collect()
        }));
    }
    Ok(lines)
}

fn print(arguments: &VerdictArguments, lines: &[Vec<String>]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in lines {
        if let [verdict, application, platform, measure, reason] = line.as_slice() {
            writeln!(out, "{verdict:<17} {application} {platform} {measure}: {reason}")?;
        }
    }
    if lines.is_empty() {
        let VerdictArguments { release, channel, .. } = arguments;
        writeln!(
            out,
            "insufficient_data no usage of {release} on {channel} within whole hours of its release yet"
        )?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_is_the_documented_query() {
        let page = include_str!("../../sql/README.md");
        assert!(page.contains(EXIT_STATUS.trim()), "sql/README.md shows another query");
        assert!(EXIT_STATUS.contains("channel = 'beta' AND version = '60.0b7'"));
    }

    #[test]
    fn names_are_texts_whatever_they_hold() {
        assert_eq!(quoted("it's"), "'it''s'");
    }
}
