//! Demo data with a progress bar.

use std::io::{self, Write};
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use super::grouped;
use crate::demo::{DemoError, DemoProgress, DemoSpec, default_cache_folder, ensure_cached};
use crate::error::{Error, ErrorKind, Result};

/// The folder with the default demo, which is generated if the cache does not have it yet.
pub fn ensure() -> Result<PathBuf> {
    let spec = DemoSpec::default();
    let progress = Progress::new(u64::from(spec.days));
    let mut generated = None;
    let folder = ensure_cached(&default_cache_folder(), &spec, &mut |done| {
        generated = Some(done.rows);
        progress.show(done);
    });
    progress.finish();
    let folder = folder.map_err(demo_error)?;
    let note = match generated {
        Some(rows) => format!("made demo data: {} rows in {}", grouped(rows), folder.display()),
        None => format!("reusing the demo data in {}", folder.display()),
    };
    let _ = writeln!(io::stderr(), "{note}");
    Ok(folder)
}

/// A bar on a terminal; elsewhere a line now and then would only fill logs.
pub struct Progress(ProgressBar);

impl Progress {
    pub fn new(days: u64) -> Self {
        let bar = ProgressBar::new(days);
        let style = ProgressStyle::with_template("making demo data {bar:40} {pos}/{len} days, {msg} rows, {eta} left");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub fn show(&self, done: DemoProgress) {
        self.0.set_message(grouped(done.rows));
        self.0.set_position(u64::from(done.days_done));
    }

    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// Arguments that cannot be used are the user's to change, everything else is the disk's fault.
pub fn demo_error(error: DemoError) -> Error {
    match error {
        DemoError::Days { .. } | DemoError::RowsPerDay { .. } | DemoError::FolderNotEmpty => {
            Error::configuration(error.to_string()).with_hint("mission-control generate --help explains the flags")
        }
        DemoError::Io(_) | DemoError::Parquet(_) | DemoError::Arrow(_) => {
            Error::new(ErrorKind::Io, error.to_string()).with_hint(
                "check that the folder can be written to and has space; MISSION_CONTROL_CACHE names another cache folder",
            )
        }
    }
}
