//! `ingest --pings`: raw pings into a folder of Parquet, with a progress bar and an account of what was left out.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chrono::Utc;
use indicatif::{ProgressBar, ProgressStyle};
use ring::digest::{SHA256, digest};

use super::ingest::IngestArguments;
use super::{grouped, unless_reader_left};
use crate::error::{Error, ErrorKind, Result};
use crate::pings::{
    AggregatorSettings, Checkpoint, CheckpointFile, Folder, Input, Outcome, Progress, RunSettings, keep_in_folder,
    run as read,
};

pub fn run(arguments: &IngestArguments, folder: &Path) -> Result<ExitCode> {
    let folder = Folder::open(folder.to_path_buf())?;
    for input in &arguments.inputs {
        let outcome = read_one(arguments, input, &folder)?;
        unless_reader_left(io::stdout().write_all(account(input, &outcome).as_bytes()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read_one(arguments: &IngestArguments, path: &Path, folder: &Folder) -> Result<Outcome> {
    let is_stream = path == Path::new("-");
    let known = match (&arguments.checkpoint, is_stream) {
        (Some(file), _) => Some(file.clone()),
        (None, true) => None,
        (None, false) => Some(folder.checkpoint_path(&name_of(path)?)),
    };
    let file = known.map(CheckpointFile::open).transpose()?;
    let saved = file.as_ref().map(CheckpointFile::load).transpose()?.flatten();
    let (input, length) = open(path, is_stream, saved.as_ref())?;
    let start = saved.unwrap_or_else(|| Checkpoint::new(new_stream(path)));
    let bar = Bar::new(length);
    let settings = settings(arguments);
    let now_microseconds = || Utc::now().timestamp_micros();
    let mut keep = |batches: &[arrow::record_batch::RecordBatch], key: &str| keep_in_folder(folder, batches, key);
    let mut reported = None;
    let mut progress = |progress: &Progress| {
        bar.show(progress);
        let standing = (progress.counted, progress.rejected.clone());
        if progress.saved && reported.as_ref() != Some(&standing) {
            folder.report(progress.stream, progress.counted, progress.rejected)?;
            reported = Some(standing);
        }
        Ok(())
    };
    let outcome = read(
        &settings,
        input,
        start,
        file.as_ref(),
        &now_microseconds,
        &mut keep,
        &mut progress,
    );
    bar.finish();
    outcome
}

fn settings(arguments: &IngestArguments) -> RunSettings {
    RunSettings {
        aggregator: AggregatorSettings {
            lateness_seconds: i64::from(arguments.lateness_seconds),
            memory_bytes: usize::try_from(arguments.memory_mb)
                .unwrap_or(usize::MAX)
                .saturating_mul(1 << 20),
        },
        open_every: arguments
            .flush_seconds
            .map(|seconds| Duration::from_secs(u64::from(seconds))),
        ..RunSettings::default()
    }
}

/// The input from where it was left, and its length if it is a file.
fn open(path: &Path, is_stream: bool, saved: Option<&Checkpoint>) -> Result<(Input, Option<u64>)> {
    if is_stream {
        let input = match saved {
            Some(saved) => Input::resume_stream(io::stdin(), saved.position, &saved.head)?,
            None => Input::new(io::stdin())?,
        };
        return Ok((input, None));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        return Err(Error::configuration(format!("{} is a folder", path.display())).with_hint("give the files in it"));
    }
    let input = match saved {
        Some(saved) => Input::resume_file(file, saved.position, &saved.head)?,
        None => Input::new(file)?,
    };
    Ok((input, Some(metadata.len())))
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::Configuration,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("cannot read {}", path.display())).with_detail(error.to_string())
}

/// A file's name with a part of its path's checksum: two files of one name are two.
fn name_of(path: &Path) -> Result<String> {
    let whole: PathBuf = fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
    let checksum = short_checksum(whole.as_os_str().as_encoded_bytes());
    let name = whole.file_name().unwrap_or_default().to_string_lossy();
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || "-._".contains(letter) {
            letter
        } else {
            '_'
        }
    };
    let name: String = name.chars().take(64).map(plain).collect();
    Ok(format!("{name}-{checksum}"))
}

/// A name that no other stream has had.
fn new_stream(path: &Path) -> String {
    let now = Utc::now().timestamp_nanos_opt().unwrap_or_default();
    let unique = format!("{} {} {now}", path.display(), std::process::id());
    short_checksum(unique.as_bytes())
}

fn short_checksum(bytes: &[u8]) -> String {
    let checksum = digest(&SHA256, bytes);
    checksum.as_ref()[..8].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A bar for a file, a count for a stream; only on a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(length: Option<u64>) -> Self {
        let (bar, template) = match length {
            Some(length) => (
                ProgressBar::new(length),
                "reading pings {bar:40} {bytes}/{total_bytes}, {msg}, {eta} left",
            ),
            None => (ProgressBar::new_spinner(), "reading pings {spinner} {bytes}, {msg}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    fn show(&self, progress: &Progress) {
        let counted = grouped(progress.counted);
        let rejected = grouped(progress.rejected.total());
        self.0.set_message(format!("{counted} counted, {rejected} not"));
        self.0.set_position(progress.position);
    }

    fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// What became of the pings of one input.
fn account(path: &Path, outcome: &Outcome) -> String {
    let name = if path == Path::new("-") {
        "standard input".into()
    } else {
        path.display().to_string()
    };
    let mut text = format!(
        "{name}: {} pings counted, {} not; {} rows written now\n",
        grouped(outcome.counted),
        grouped(outcome.rejected.total()),
        grouped(outcome.rows)
    );
    for (reason, pings) in outcome.rejected.present() {
        let _ = writeln!(
            text,
            "  {:>12}  {}: {}",
            grouped(pings),
            reason.name(),
            reason.meaning()
        );
    }
    if outcome.unfinished_bytes > 0 {
        let bytes = grouped(outcome.unfinished_bytes as u64);
        let _ = writeln!(
            text,
            "  the last line is cut off: its {bytes} bytes are left for the next run"
        );
    }
    text
}
