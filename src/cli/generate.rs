//! `generate`: demo data of any size in a folder of the user's choice.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::demo_data::{Progress, demo_error};
use super::{grouped, unless_reader_left};
use crate::demo::{DemoSpec, generate};
use crate::error::Result;

#[derive(Debug, Args)]
pub struct GenerateArguments {
    /// The folder to write to, new or empty
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Days of data, the last of them 2018-06-06
    #[arg(long, value_name = "DAYS", default_value_t = DemoSpec::default().days)]
    days: u32,
    /// Rows a day, give or take ten percent
    #[arg(long, value_name = "ROWS", default_value_t = DemoSpec::default().rows_per_day)]
    rows_per_day: u64,
    /// Another number gives other data; the same number gives the same bytes
    #[arg(long, value_name = "NUMBER", default_value_t = DemoSpec::default().seed)]
    seed: u64,
}

pub fn run(arguments: &GenerateArguments) -> Result<ExitCode> {
    let spec = DemoSpec {
        days: arguments.days,
        rows_per_day: arguments.rows_per_day,
        seed: arguments.seed,
    };
    let progress = Progress::new(u64::from(spec.days));
    let totals = generate(&spec, &arguments.out, &mut |done| progress.show(done));
    progress.finish();
    let totals = totals.map_err(demo_error)?;
    let note = format!(
        "{} rows of {} days in {}\n",
        grouped(totals.rows),
        totals.days,
        arguments.out.display()
    );
    unless_reader_left(io::stdout().write_all(note.as_bytes()))?;
    Ok(ExitCode::SUCCESS)
}
