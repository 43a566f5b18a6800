//! Demo data: `error_aggregates` as Mozilla's streaming job wrote it in the first half of 2018, made up but lifelike.
//!
//! The calendar is Firefox's own; hours and crashes are drawn from a model, so that the same arguments give the same
//! bytes. Data end with 2018-06-06 and start as many days before as asked for. A few things are planted, so that
//! there is something to find; `PLANTED_FAULTS` has them as values:
//!
//! | what | application, channel, platform | when (UTC) |
//! |---|---|---|
//! | 60.0b7 crashes 1.6 times as often as usual, in every crash measure | Firefox, beta, all | from 2018-03-27 15:00 |
//! | the experiment `pref-flip-demo`: the rows of enrolled clients occur again per branch; content crashes of the treatment are 1.25 times those of the control | Firefox, release, all | 2018-04-10 to 2018-05-07 |
//! | `gmplugin_crashes` are not collected | Firefox, all, windows | from 2018-03-20 |
//! | `content_shutdown_crashes` exceed `content_crashes`; elsewhere no row has more of them than content crashes | Firefox, release, mac | 2018-04-12 to 2018-04-18 |
//! | no rows | Firefox, release, mac | 2018-02-26 08:00 to 12:00 |
//! | one row with -4 `content_crashes` | Firefox, release, linux | 2018-06-04 10:15 |
//! | a few pings of 60.0 before its release | Firefox, release, windows | 2018-05-06 09:10 to 2018-05-08 18:10 |
//!
//! Natural in such data, and therefore here too: crashes without hours (the hours come later), countries that are
//! unknown (`??`), counts of nothing as NULL (seldom as 0), versions that a few people never leave.

mod cache;
mod calendar;
mod day;
mod faults;
mod model;
mod population;
mod random;
#[cfg(test)]
mod tests;
mod writer;

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc;
use std::thread;

pub use cache::{default_cache_folder, ensure_cached};
pub use faults::{
    EXPERIMENT_BRANCHES, EXPERIMENT_ID, FaultKind, PLANTED_FAULTS, PlantedFault, REGRESSION_FACTOR, planted_faults,
};

use calendar::{FIRST_DAY, HORIZON_DAY, MINUTES_PER_DAY, iso_date};
use day::Model;
use writer::{Columns, write_day};

/// Changes whenever the same arguments give other bytes than before.
const GENERATOR_VERSION: u32 = 2;

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoSpec {
    /// Days of data, the last of them 2018-06-06.
    pub days: u32,
    /// Rows per day, within 10 % over the whole period: the experiment's rows come on top.
    pub rows_per_day: u64,
    pub seed: u64,
}

impl Default for DemoSpec {
    /// 150 days from 2018-01-08 on with more than five million rows.
    fn default() -> Self {
        DemoSpec {
            days: 150,
            rows_per_day: 35_500,
            seed: 2018,
        }
    }
}

impl DemoSpec {
    /// The most days there can be: the calendar starts with 55.0.
    pub const MAX_DAYS: u32 = (HORIZON_DAY - FIRST_DAY) as u32;
    /// The fewest rows a day; with less the sums of a day would be mostly rounding.
    pub const MIN_ROWS_PER_DAY: u64 = 288;
    /// The most rows a day.
    pub const MAX_ROWS_PER_DAY: u64 = 10_000_000;

    fn check(&self) -> Result<(), DemoError> {
        let max = DemoSpec::MAX_DAYS;
        if !(1..=max).contains(&self.days) {
            return Err(DemoError::Days {
                given: self.days,
                first_day: iso_date(FIRST_DAY),
            });
        }
        let rows = DemoSpec::MIN_ROWS_PER_DAY..=DemoSpec::MAX_ROWS_PER_DAY;
        if !rows.contains(&self.rows_per_day) {
            return Err(DemoError::RowsPerDay {
                given: self.rows_per_day,
            });
        }
        Ok(())
    }

    fn first_day(&self) -> i64 {
        HORIZON_DAY - i64::from(self.days)
    }

    /// The first minute of the data and the one after the last.
    fn minutes(&self) -> (i64, i64) {
        (self.first_day() * MINUTES_PER_DAY, HORIZON_DAY * MINUTES_PER_DAY)
    }
}

/// How far generation is, told after every day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoProgress {
    pub days_done: u32,
    pub days_total: u32,
    pub rows: u64,
}

/// What was generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoTotals {
    pub days: u32,
    pub rows: u64,
}

/// Why there is no demo data.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(
        "days must be between 1 and {} (got {given}): the demo's calendar starts on {first_day}",
        DemoSpec::MAX_DAYS
    )]
    Days { given: u32, first_day: String },
    #[error(
        "rows per day must be between {} and {} (got {given})",
        DemoSpec::MIN_ROWS_PER_DAY,
        DemoSpec::MAX_ROWS_PER_DAY
    )]
    RowsPerDay { given: u64 },
    #[error("the output folder is not empty and does not hold this demo: give a new or an empty folder")]
    FolderNotEmpty,
    #[error("demo data cannot be written: {0}")]
    Io(#[from] std::io::Error),
    #[error("demo data cannot be written: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("demo data cannot be written: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
}

/// Writes `submission_date=2018-06-04/part-0.parquet` and so on into `folder`, which must be new or empty, and last of
/// all a hidden file that says what the folder holds. A folder that holds exactly this demo is left as it is.
pub fn generate(
    spec: &DemoSpec,
    folder: &Path,
    progress: &mut dyn FnMut(DemoProgress),
) -> Result<DemoTotals, DemoError> {
    spec.check()?;
    if let Some(totals) = cache::complete_demo(spec, folder) {
        return Ok(totals);
    }
    fs::create_dir_all(folder)?;
    if fs::read_dir(folder)?.next().is_some() {
        return Err(DemoError::FolderNotEmpty);
    }
    let rows = write_days(spec, folder, progress)?;
    let totals = DemoTotals { days: spec.days, rows };
    cache::mark_complete(spec, totals, folder)?;
    Ok(totals)
}

/// Days are independent of each other, so that every thread takes the next one that nobody has begun.
fn write_days(spec: &DemoSpec, folder: &Path, progress: &mut dyn FnMut(DemoProgress)) -> Result<u64, DemoError> {
    let model = Model::new(*spec);
    let columns = Columns::new(&model);
    let next_day = AtomicI64::new(spec.first_day());
    let stopped = AtomicBool::new(false);
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(8);
    let (written, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let written = written.clone();
            let (model, columns, next_day, stopped) = (&model, &columns, &next_day, &stopped);
            scope.spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    let day = next_day.fetch_add(1, Ordering::Relaxed);
                    if day >= HORIZON_DAY || written.send(write_day(model, columns, day, folder)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(written);
        let mut done = DemoProgress {
            days_done: 0,
            days_total: spec.days,
            rows: 0,
        };
        for rows_of_day in &results {
            // The other threads finish the day they are at; their results have nobody to go to any more.
            let rows_of_day = rows_of_day.inspect_err(|_| stopped.store(true, Ordering::Relaxed))?;
            done.days_done += 1;
            done.rows += rows_of_day;
            progress(done);
        }
        Ok(done.rows)
    })
}
