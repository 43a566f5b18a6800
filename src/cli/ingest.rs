//! `ingest`: rows from what others send.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::ingest_files::{self, BadRows, Format};
use super::ingest_pings;
use crate::error::{Error, Result};

#[derive(Debug, Args)]
pub struct IngestArguments {
    /// Files to read one after the other; - is standard input. Without --pings they are error aggregates: Parquet, CSV,
    /// NDJSON or Arrow IPC
    #[arg(required = true, value_name = "FILE")]
    pub inputs: Vec<PathBuf>,
    /// A TOML file with a [managed] section, whose table gets the rows; variables MISSION_CONTROL_SECTION__KEY go before it
    #[arg(long, value_name = "FILE", conflicts_with = "pings")]
    pub config: Option<PathBuf>,
    /// What the files are [default: what each one's name says; standard input: csv]
    #[arg(long, value_enum, conflicts_with = "pings")]
    pub format: Option<Format>,
    /// The name of the batch, by which it is counted once [default: the content's hash]; for one file only
    #[arg(long, value_name = "KEY", conflicts_with = "pings")]
    pub key: Option<String>,
    /// Rows that cannot be taken: refuse the whole file, or put them into quarantine [default: the configuration's]
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with = "pings")]
    pub on_error: Option<BadRows>,
    /// The files are raw main, crash and core pings, a line of JSON each
    #[arg(long)]
    pub pings: bool,
    /// With --pings: the folder that gets the rows, as Parquet by day; serve it with --source
    #[arg(long, value_name = "FOLDER", requires = "pings")]
    pub to: Option<PathBuf>,
    /// Where to remember how far a file has been read; without it in the folder, and for standard input nowhere
    #[arg(long, value_name = "FILE", requires = "pings")]
    pub checkpoint: Option<PathBuf>,
    /// A window closes when an arrival this much after its end was seen
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub lateness_seconds: u32,
    /// Memory for windows that are still open; beyond it the oldest are written as they are
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub memory_mb: u32,
    /// Write open windows too, at least this often; without it windows are written when they close
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400), requires = "pings")]
    pub flush_seconds: Option<u32>,
}

pub fn run(arguments: &IngestArguments) -> Result<ExitCode> {
    if !arguments.pings {
        return ingest_files::run(arguments);
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
