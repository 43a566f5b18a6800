//! Reads a stream of pings to its end: blocks are added up on several threads, merged in the order of the stream, and
//! windows that are due are given out.

use std::time::{Duration, Instant};

use arrow::record_batch::RecordBatch;

use super::aggregator::{Aggregator, AggregatorSettings};
use super::checkpoint::{Checkpoint, CheckpointFile, Emission};
use super::input::{Block, Input, Next};
use super::reason::{Reason, RejectedCounts};
use super::windows::Tally;
use crate::error::{Error, Result};

/// Closed windows wait for each other until they are this many rows: readers do not like small files.
const ROWS_WORTH_A_FILE: usize = 100_000;

/// A sender's clock may be ahead of ours by this much.
const FUTURE_TOLERANCE_MICROSECONDS: i64 = 3_600_000_000;

/// How long a block may wait to be filled, and how long the others of its round may.
const FIRST_BLOCK_WAIT: Duration = Duration::from_millis(200);
const NEXT_BLOCK_WAIT: Duration = Duration::from_millis(5);

#[derive(Debug, Clone, Copy)]
pub struct RunSettings {
    pub aggregator: AggregatorSettings,
    /// Blocks that are added up at the same time.
    pub threads: usize,
    /// Closed windows are given out at least this often.
    pub closed_every: Duration,
    /// All windows are given out at least this often, also open ones; `None`: only when they close.
    pub open_every: Option<Duration>,
    /// How much reading a restart may have to do again.
    pub checkpoint_every: Duration,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            aggregator: AggregatorSettings::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            closed_every: Duration::from_secs(5),
            open_every: None,
            checkpoint_every: Duration::from_secs(10),
        }
    }
}

/// How far it has come.
#[derive(Debug)]
pub struct Progress<'a> {
    pub stream: &'a str,
    pub position: u64,
    pub counted: u64,
    pub rejected: &'a RejectedCounts,
    /// Whether a restart would go on from here.
    pub saved: bool,
}

/// What the whole stream came to, earlier runs included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub counted: u64,
    pub rejected: RejectedCounts,
    /// Rows given out by this run.
    pub rows: u64,
    /// Bytes of a last line that has no end yet.
    pub unfinished_bytes: usize,
}

/// Whoever keeps rows: called with all rows of one emission and its key. When it returns the rows are there to stay;
/// called again with a key it knows, it changes nothing, or puts the same rows in their own place.
pub type Keep<'a> = dyn FnMut(&[RecordBatch], &str) -> Result<()> + 'a;

/// Reads the input to its end. `start` is where it stands; with a checkpoint's file it is kept there from time to time.
/// `now_microseconds` is the wall clock, by which arrivals of the future are known.
pub fn run(
    settings: &RunSettings,
    mut input: Input,
    start: Checkpoint,
    file: Option<&CheckpointFile>,
    now_microseconds: &dyn Fn() -> i64,
    keep: &mut Keep,
    progress: &mut dyn FnMut(&Progress) -> Result<()>,
) -> Result<Outcome> {
    let mut work = Work::new(settings, start, file, keep);
    work.repeat_emission()?;
    let mut blocks = Vec::new();
    let mut ended = false;
    while !(ended && blocks.is_empty()) {
        let latest_arrival = now_microseconds().saturating_add(FUTURE_TOLERANCE_MICROSECONDS);
        let (tallies, next) = std::thread::scope(|scope| {
            let workers: Vec<_> = blocks
                .iter()
                .map(|block: &Block| scope.spawn(|| Tally::of_lines(&block.lines, latest_arrival)))
                .collect();
            // The next blocks are read while these are added up.
            let next = read_round(&mut input, settings.threads);
            let tallies: std::result::Result<Vec<Tally>, _> = workers.into_iter().map(|worker| worker.join()).collect();
            (tallies, next)
        });
        let tallies = tallies.map_err(|_| Error::internal("a thread that reads pings has ended"))?;
        for (block, tally) in blocks.iter().zip(tallies) {
            work.add(block, tally);
        }
        work.give_out_what_is_due(&input)?;
        progress(&work.progress())?;
        (blocks, ended) = next?;
    }
    work.finish(&input)?;
    progress(&work.progress())?;
    Ok(Outcome {
        counted: work.state.counted,
        rejected: work.state.rejected.clone(),
        rows: work.rows,
        unfinished_bytes: input.unfinished_bytes(),
    })
}

/// As many blocks as there are threads, if they come soon; and whether the stream has ended.
fn read_round(input: &mut Input, threads: usize) -> Result<(Vec<Block>, bool)> {
    let mut blocks = Vec::new();
    let mut wait = FIRST_BLOCK_WAIT;
    while blocks.len() < threads.max(1) {
        match input.next(wait)? {
            Next::Block(block) => blocks.push(block),
            Next::Waiting => break,
            Next::End => return Ok((blocks, true)),
        }
        wait = NEXT_BLOCK_WAIT;
    }
    Ok((blocks, false))
}

/// The state of a run.
struct Work<'a> {
    settings: &'a RunSettings,
    aggregator: Aggregator,
    /// What a checkpoint says, but for the windows, which the aggregator has.
    state: Checkpoint,
    file: Option<&'a CheckpointFile>,
    keep: &'a mut Keep<'a>,
    rows: u64,
    given_at: Instant,
    saved_at: Instant,
    saved: bool,
}

impl<'a> Work<'a> {
    fn new(
        settings: &'a RunSettings,
        mut state: Checkpoint,
        file: Option<&'a CheckpointFile>,
        keep: &'a mut Keep<'a>,
    ) -> Self {
        let windows = state.take_windows();
        let latest = state.latest_arrival_microseconds;
        Self {
            settings,
            aggregator: Aggregator::resumed(settings.aggregator, windows, latest),
            state,
            file,
            keep,
            rows: 0,
            given_at: Instant::now(),
            saved_at: Instant::now(),
            saved: true,
        }
    }

    fn add(&mut self, block: &Block, tally: Tally) {
        self.state.position = block.end;
        self.state.counted += tally.counted;
        self.state.rejected.add(&tally.rejected);
        for _ in 0..block.lines_too_long {
            self.state.rejected.count(Reason::LineTooLong);
        }
        self.aggregator.add(tally);
        self.saved = false;
    }

    fn give_out_what_is_due(&mut self, input: &Input) -> Result<()> {
        let beyond_memory = self.aggregator.beyond_memory();
        if !beyond_memory.is_empty() {
            return self.give_out(input, beyond_memory);
        }
        let waited = self.given_at.elapsed();
        if self.settings.open_every.is_some_and(|every| waited >= every) {
            return self.give_out(input, self.aggregator.all());
        }
        let (closed, rows) = self.aggregator.closed();
        if rows >= ROWS_WORTH_A_FILE || rows > 0 && waited >= self.settings.closed_every {
            return self.give_out(input, closed);
        }
        if !self.saved && self.saved_at.elapsed() >= self.settings.checkpoint_every {
            self.save(input, None)?;
        }
        Ok(())
    }

    /// Everything that is left.
    fn finish(&mut self, input: &Input) -> Result<()> {
        self.give_out(input, self.aggregator.all())?;
        self.save(input, None)
    }

    fn give_out(&mut self, input: &Input, window_starts: Vec<i64>) -> Result<()> {
        self.given_at = Instant::now();
        if window_starts.is_empty() {
            return Ok(());
        }
        self.save(input, Some(Emission { window_starts }))?;
        self.repeat_emission()
    }

    /// Gives out what the checkpoint says, perhaps not for the first time.
    fn repeat_emission(&mut self) -> Result<()> {
        let Some(emission) = self.state.emission.take() else {
            return Ok(());
        };
        let batches = self.aggregator.batches(&emission.window_starts)?;
        let key = format!("pings-{}-{:08}", self.state.stream, self.state.emission_number);
        (self.keep)(&batches, &key)?;
        self.rows += batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
        self.aggregator.remove(&emission.window_starts);
        self.state.emission_number += 1;
        Ok(())
    }

    fn save(&mut self, input: &Input, emission: Option<Emission>) -> Result<()> {
        self.state.emission = emission;
        self.state.head = input.head(self.state.position);
        self.state.latest_arrival_microseconds = self.aggregator.latest_arrival_microseconds();
        if let Some(file) = self.file {
            self.state.set_windows(self.aggregator.windows());
            file.save(&self.state)?;
            self.state.take_windows();
        }
        self.saved_at = Instant::now();
        self.saved = true;
        Ok(())
    }

    fn progress(&self) -> Progress<'_> {
        Progress {
            stream: &self.state.stream,
            position: self.state.position,
            counted: self.state.counted,
            rejected: &self.state.rejected,
            saved: self.saved,
        }
    }
}
