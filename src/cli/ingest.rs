//! `ingest`: rows from what others send.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::ingest_pings;
use crate::error::{Error, Result};

#[derive(Debug, Args)]
pub struct IngestArguments {
    /// Files to read one after the other; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub inputs: Vec<PathBuf>,
    /// The files are raw main, crash and core pings, a line of JSON each
    #[arg(long)]
    pub pings: bool,
    /// The folder that gets the rows, as Parquet by day; serve it with --source
    #[arg(long, value_name = "FOLDER")]
    pub to: Option<PathBuf>,
    /// Where to remember how far a file has been read; without it in the folder, and for standard input nowhere
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// A window closes when an arrival this much after its end was seen
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub lateness_seconds: u32,
    /// Memory for windows that are still open; beyond it the oldest are written as they are
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub memory_mb: u32,
    /// Write open windows too, at least this often; without it windows are written when they close
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub flush_seconds: Option<u32>,
}

pub fn run(arguments: &IngestArguments) -> Result<ExitCode> {
    if !arguments.pings {
        return Err(Error::configuration("only raw pings can be read")
            .with_hint("mission-control ingest --pings FILE --to FOLDER"));
    }
    let Some(folder) = &arguments.to else {
        return Err(Error::configuration("there is no folder for the rows").with_hint("name one with --to FOLDER"));
    };
    if arguments.checkpoint.is_some() && arguments.inputs.len() > 1 {
        return Err(Error::configuration("one checkpoint cannot be of several files")
            .with_hint("leave --checkpoint out: each file has one in the folder"));
    }
    ingest_pings::run(arguments, folder)
}
