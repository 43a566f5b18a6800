//! The command line: which commands there are, what they accept, and how they end. Exit status 0 is success, 2 a
//! command line or configuration that cannot be used, 1 everything else; `verdict` has two more.

mod banner;
mod check;
mod demo_data;
mod generate;
mod hash_password;
mod ingest;
mod ingest_files;
mod ingest_pings;
mod output;
mod serve;
mod sql;
mod verdict;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind as ClapErrorKind};
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::config::{self, Config, LogFormat};
use crate::error::{Error, ErrorKind, Result};
use crate::sources::SourceSnapshot;

/// Release health as SQL: errors per 1000 usage hours over the PostgreSQL protocol and Arrow Flight SQL.
#[derive(Debug, Parser)]
#[command(name = "mission-control", version, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a source of error aggregates to PostgreSQL and Flight SQL clients
    Serve(serve::ServeArguments),
    /// Run one query without a server and print its rows
    Sql(sql::SqlArguments),
    /// Print the verdicts on a release; exit status 0 ok, 3 regressed, 4 too little data
    Verdict(verdict::VerdictArguments),
    /// Take rows in: files of aggregates into the managed table, or raw pings, which become aggregates
    Ingest(ingest::IngestArguments),
    /// Write demo data of any size, the same for the same arguments
    Generate(generate::GenerateArguments),
    /// Read configuration and data, print what was found and every problem, change nothing
    Check(check::CheckArguments),
    /// Ask for a password and print the SCRAM-SHA-256 verifier for the configuration
    HashPassword,
}

/// Where the rows come from.
#[derive(Debug, Clone, Args)]
struct SourceArguments {
    /// Made-up but lifelike data, generated in the cache folder the first time
    #[arg(long, conflicts_with = "source")]
    demo: bool,
    /// A Parquet file or a folder of them, or an s3://, gs://, az:// or http(s):// address
    #[arg(long, value_name = "LOCATION")]
    source: Option<String>,
    /// A TOML file; flags and MISSION_CONTROL_SECTION__KEY variables go before it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl SourceArguments {
    /// The configuration of file, environment and these flags.
    fn configuration(&self) -> Result<Config> {
        let environment = std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
        let mut config = config::load(self.config.as_deref(), environment)?;
        if let Some(location) = &self.source {
            config.source.location = Some(location.clone());
        }
        Ok(config)
    }

    /// Makes the demo data if they were asked for, and makes them the source.
    fn prepare_demo(&self, config: &mut Config) -> Result<()> {
        if self.demo {
            let folder = demo_data::ensure()?;
            config.source.kept_folder = Some(folder.join(".computed"));
            config.source.location = Some(folder.to_string_lossy().into_owned());
            config.source.options.clear();
            config.columns = crate::sources::ColumnMap::default();
        }
        Ok(())
    }
}

fn text(value: OsString) -> Option<String> {
    value.into_string().ok()
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let command_line = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(error) => return misused(&error),
    };
    let outcome = match command_line.command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Sql(arguments) => sql::run(&arguments),
        Command::Verdict(arguments) => verdict::run(&arguments),
        Command::Ingest(arguments) => ingest::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::HashPassword => hash_password::run(),
    };
    match outcome {
        Ok(status) => status,
        Err(error) => failed(&error),
    }
}

/// Tells what is wrong with the arguments; asking for help or the version is not wrong.
fn misused(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ClapErrorKind::DisplayHelp | ClapErrorKind::DisplayVersion) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if error.kind() == ClapErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return ExitCode::from(2);
    }
    let rendered = error.render().to_string();
    let first: Vec<&str> = rendered
        .lines()
        .take_while(|line| !line.is_empty())
        .map(str::trim)
        .collect();
    let suggestion = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ]
    .into_iter()
    .find_map(|kind| match error.get(kind)? {
        ContextValue::String(name) => Some(name.clone()),
        ContextValue::Strings(names) => names.first().cloned(),
        _ => None,
    });
    let hint = suggestion.map_or_else(
        || "mission-control --help lists the commands, mission-control COMMAND --help their flags".to_string(),
        |name| format!("did you mean {name}?"),
    );
    let _ = writeln!(io::stderr(), "{}\nhint: {hint}", first.join(" "));
    ExitCode::from(2)
}

fn failed(error: &Error) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {error}");
    match error.kind {
        ErrorKind::Configuration => ExitCode::from(2),
        _ => ExitCode::from(1),
    }
}

/// Logs go to standard error: text or JSON lines, filtered by RUST_LOG, else by `default_filter`.
fn start_logging(format: LogFormat, default_filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    // An embedding program may have a subscriber already; its choice stands.
    let _ = match format {
        LogFormat::Text => builder.with_target(false).with_ansi(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

/// Tells which files are left out. Said by the command once it has started, so that a start which fails says one thing.
fn warn_of_problems(snapshot: &SourceSnapshot) {
    for problem in &snapshot.problems {
        let file = problem.file.as_deref().unwrap_or("the whole source");
        tracing::warn!(
            file,
            check_name = problem.check_name,
            detail = problem.detail,
            "a source file is left out"
        );
    }
}

/// Writing fails where the reader has gone, as in `mission-control sql … | head`; that is no error.
fn unless_reader_left(outcome: io::Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::new(
            ErrorKind::Io,
            format!("the output cannot be written: {error}"),
        )),
        _ => Ok(()),
    }
}

/// `5325000` as `5,325,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{CommandLine, grouped};

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn digits_in_groups_of_three() {
        let shown: Vec<String> = [0, 999, 1000, 5_325_000].into_iter().map(grouped).collect();
        assert_eq!(shown, ["0", "999", "1,000", "5,325,000"]);
    }
}
