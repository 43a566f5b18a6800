//! The rows of one day, window by window.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::DemoSpec;
use super::calendar::{Application, Build, Channel, MINUTES_PER_DAY};
use super::faults::{
    ENROLLED_SHARE, EXPERIMENT_BRANCHES, NEGATIVE_VALUE, PRE_RELEASE_PINGS, TREATMENT_CONTENT_RATIO, experiment_runs,
    gmplugin_is_collected, has_negative_count, is_gap, shutdown_exceeds_content,
};
use super::model::{
    CONTENT, Drift, GMPLUGIN, GPU, KINDS, LOOP_LENGTH, LOOP_SHARE, MAIN, PLUGIN, Train, crash_starts_per_hour,
    daily_rhythm, hours_completeness, platform_share,
};
use super::population::{Clients, Platform, Population};
use super::random::{poisson, repetitions, round_randomly, stream_of_day, thin};

pub(super) const WINDOW_MINUTES: i64 = 5;
const WINDOWS_PER_DAY: i64 = MINUTES_PER_DAY / WINDOW_MINUTES;

/// Rows handed over at once; a day of the default demo is one such portion or two.
const ROWS_PER_PORTION: usize = 32_768;

/// The measures of a row, in the order of the file's columns.
pub(super) const MEASURES: [&str; 12] = [
    "main_crashes",
    "startup_crashes",
    "content_crashes",
    "gpu_crashes",
    "plugin_crashes",
    "gmplugin_crashes",
    "content_shutdown_crashes",
    "browser_shim_usage_blocked",
    "permissions_sql_corrupted",
    "defective_permissions_sql_removed",
    "slow_script_notice_count",
    "slow_script_page_count",
];
const MAIN_CRASHES: usize = 0;
const STARTUP_CRASHES: usize = 1;
const CONTENT_CRASHES: usize = 2;
const GPU_CRASHES: usize = 3;
const GMPLUGIN_CRASHES: usize = 5;
const SHUTDOWN_CRASHES: usize = 6;
const SHIM_BLOCKED: usize = 7;
const PERMISSIONS_CORRUPTED: usize = 8;
const PERMISSIONS_REMOVED: usize = 9;
const SLOW_NOTICES: usize = 10;
const SLOW_PAGES: usize = 11;
const COLUMN_OF_KIND: [usize; KINDS] = [MAIN_CRASHES, CONTENT_CRASHES, GPU_CRASHES, 4, GMPLUGIN_CRASHES];

const STARTUP_SHARE: f64 = 0.1;
const SHUTDOWN_SHARE: f64 = 0.45;
/// A client that crashes again and again within five minutes cannot also have shut down each time: a start, a crash and
/// a shutdown take about a minute.
const MOST_SHUTDOWNS_OF_A_LOOP: u32 = 4;
/// Rows whose absent counts are stored as 0 and not as NULL.
const ZERO_FILLED_SHARE: f64 = 0.03;

/// One row of the file. Names are indices into the model's tables.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub minute: i64,
    pub train: usize,
    pub build: usize,
    pub platform: Platform,
    pub clients: Clients,
    pub branch: Option<usize>,
    pub usage_hours: f64,
    pub pings: i64,
    pub measures: [Option<i64>; MEASURES.len()],
}

/// Everything that is the same on every day.
pub(super) struct Model {
    pub spec: DemoSpec,
    pub trains: Vec<Train>,
    pub populations: [Population; 4],
    /// Per train, one for each of its platforms.
    drifts: Vec<Vec<Drift>>,
}

impl Model {
    pub(super) fn new(spec: DemoSpec) -> Model {
        let trains = Train::all();
        let drifts = trains
            .iter()
            .map(|train| {
                Platform::of(train.application)
                    .iter()
                    .map(|platform| Drift::new(spec.seed, train, *platform))
                    .collect()
            })
            .collect();
        let populations = [Platform::Windows, Platform::Mac, Platform::Linux, Platform::Android].map(Population::of);
        Model {
            spec,
            trains,
            populations,
            drifts,
        }
    }
}

/// One version on one platform. What its windows without a row leave behind waits for the next row of the day.
struct Cell {
    train: usize,
    build: usize,
    platform: Platform,
    starts_per_hour: [f64; KINDS],
    hours_of_use: f64,
    waiting_hours: f64,
    waiting_crashes: Vec<Crash>,
}

struct Crash {
    kind: usize,
    times: u32,
}

/// A row in the making.
struct Draft {
    clients: Clients,
    branch: Option<usize>,
    share: f64,
    crash_weight: f64,
    reports_hours: bool,
    counts: [u32; MEASURES.len()],
}

/// Makes the rows of `day` (days since 1970) in the order of their windows and hands them over in portions.
pub(super) fn rows_of_day<E>(
    model: &Model,
    day: i64,
    hand_over: &mut dyn FnMut(&[Row]) -> Result<(), E>,
) -> Result<(), E> {
    let mut maker = DayMaker::new(model, day);
    let mut rows = Vec::with_capacity(ROWS_PER_PORTION + 1024);
    for window in 0..WINDOWS_PER_DAY {
        maker.add_window(day * MINUTES_PER_DAY + window * WINDOW_MINUTES, &mut rows);
        if rows.len() >= ROWS_PER_PORTION {
            hand_over(&rows)?;
            rows.clear();
        }
    }
    if rows.is_empty() { Ok(()) } else { hand_over(&rows) }
}

struct DayMaker<'a> {
    model: &'a Model,
    rng: ChaCha8Rng,
    cells: Vec<Cell>,
    /// Per train, its builds in use on this day.
    builds_in_use: Vec<std::ops::Range<usize>>,
    /// Per train and platform, the drift of the hour.
    drift_factors: Vec<Vec<[f64; KINDS]>>,
    shares: Vec<f64>,
    drafts: Vec<Draft>,
}

impl<'a> DayMaker<'a> {
    fn new(model: &'a Model, day: i64) -> DayMaker<'a> {
        let builds_in_use: Vec<_> = model.trains.iter().map(|train| train.builds_in_use(day)).collect();
        let mut cells = Vec::new();
        for (index, (train, builds)) in model.trains.iter().zip(&builds_in_use).enumerate() {
            for platform in Platform::of(train.application) {
                for build in builds.clone() {
                    cells.push(Cell {
                        train: index,
                        build,
                        platform: *platform,
                        starts_per_hour: crash_starts_per_hour(model.spec.seed, &train.builds[build], *platform),
                        hours_of_use: 0.0,
                        waiting_hours: 0.0,
                        waiting_crashes: Vec::new(),
                    });
                }
            }
        }
        let rng = stream_of_day(model.spec.seed, day);
        DayMaker {
            model,
            rng,
            cells,
            builds_in_use,
            drift_factors: Vec::new(),
            shares: Vec::new(),
            drafts: Vec::new(),
        }
    }

    fn add_window(&mut self, minute: i64, rows: &mut Vec<Row>) {
        if self.drift_factors.is_empty() || minute % 60 == 0 {
            let of_train = |drifts: &Vec<Drift>| drifts.iter().map(|drift| drift.factors(minute)).collect();
            self.drift_factors = self.model.drifts.iter().map(of_train).collect();
        }
        let first_row = rows.len();
        let weights = self.spread_use(minute);
        let wanted = self.model.spec.rows_per_day as f64 / WINDOWS_PER_DAY as f64 * daily_rhythm(minute).sqrt();
        let mut cells = std::mem::take(&mut self.cells);
        for cell in cells.iter_mut().filter(|cell| cell.hours_of_use > 0.0) {
            self.use_cell(cell, minute);
            let row_count = round_randomly(&mut self.rng, wanted * row_weight(cell) / weights);
            if row_count > 0 {
                self.report(cell, row_count, minute, rows);
            }
        }
        self.cells = cells;
        self.add_planted_rows(minute, first_row, rows);
    }

    /// Sets each cell's hours of use in this window; gives the sum of the cells' row weights.
    fn spread_use(&mut self, minute: i64) -> f64 {
        let mut weights = 0.0;
        let mut cells = self.cells.iter_mut();
        for (train, builds) in self.model.trains.iter().zip(&self.builds_in_use) {
            train.shares(builds.clone(), minute, &mut self.shares);
            let train_hours = train.hours_per_window(minute);
            for platform in Platform::of(train.application) {
                let platform_hours = train_hours * platform_share(train.channel, *platform);
                let gap = is_gap(train.channel.name(), platform.name(), minute);
                for (share, cell) in self.shares.iter().zip(cells.by_ref()) {
                    cell.hours_of_use = platform_hours * share;
                    weights += row_weight(cell);
                    if gap {
                        cell.hours_of_use = 0.0;
                    }
                }
            }
        }
        weights
    }

    /// Lets the clients of a cell work for one window: what they report now waits for a row.
    fn use_cell(&mut self, cell: &mut Cell, minute: i64) {
        let build = &self.model.trains[cell.train].builds[cell.build];
        cell.waiting_hours += cell.hours_of_use * hours_completeness(minute - build.starts_at);
        let drift = self.platform_drift(cell);
        let mut starts = [0.0; KINDS];
        for (kind, start) in starts.iter_mut().enumerate() {
            *start = cell.starts_per_hour[kind] * drift[kind] * cell.hours_of_use;
        }
        let all_kinds: f64 = starts.iter().sum();
        for _ in 0..poisson(&mut self.rng, all_kinds) {
            let mut point = self.rng.random::<f64>() * all_kinds;
            let kind = starts.iter().position(|start| {
                point -= start;
                point < 0.0
            });
            let is_loop = self.rng.random::<f64>() < LOOP_SHARE;
            let times = if is_loop {
                repetitions(&mut self.rng, LOOP_LENGTH)
            } else {
                1
            };
            cell.waiting_crashes.push(Crash {
                kind: kind.unwrap_or(MAIN),
                times,
            });
        }
    }

    fn platform_drift(&self, cell: &Cell) -> [f64; KINDS] {
        let application = self.model.trains[cell.train].application;
        let place = Platform::of(application)
            .iter()
            .position(|platform| *platform == cell.platform);
        self.drift_factors[cell.train][place.unwrap_or(0)]
    }

    /// Turns what waits in a cell into `row_count` rows, each of different clients.
    fn report(&mut self, cell: &mut Cell, row_count: usize, minute: i64, rows: &mut Vec<Row>) {
        let build = &self.model.trains[cell.train].builds[cell.build];
        let late = 1.0 - hours_completeness(minute - build.starts_at);
        self.draft_rows(cell, build, row_count, minute);
        // Sometimes a crash is all that a group of clients reports: its hours come later.
        if !cell.waiting_crashes.is_empty() && self.rng.random::<f64>() < 0.03 + 0.5 * late {
            self.drafts[0].reports_hours = false;
        }
        self.hand_out_crashes(cell, build.channel, minute);
        let shares: f64 = self
            .drafts
            .iter()
            .filter(|draft| draft.reports_hours)
            .map(|draft| draft.share)
            .sum();
        let drafts = std::mem::take(&mut self.drafts);
        for draft in &drafts {
            let hours = if draft.reports_hours {
                cell.waiting_hours * draft.share / shares
            } else {
                0.0
            };
            self.finish_row(cell, build, draft, minute, (hours * 3600.0).round() / 3600.0, rows);
        }
        self.drafts = drafts;
        if shares > 0.0 {
            cell.waiting_hours = 0.0;
        }
    }

    fn draft_rows(&mut self, cell: &Cell, build: &Build, row_count: usize, minute: i64) {
        let population = &self.model.populations[cell.platform.index()];
        let enrolls =
            build.channel == Channel::Release && build.application == Application::Firefox && experiment_runs(minute);
        self.drafts.clear();
        for _ in 0..row_count {
            let mut clients = population.pick(&mut self.rng);
            for _ in 0..8 {
                if !self.drafts.iter().any(|draft| draft.clients == clients) {
                    break;
                }
                clients = population.pick(&mut self.rng);
            }
            let enrolled = enrolls && self.rng.random::<f64>() < ENROLLED_SHARE;
            let branch = enrolled.then(|| self.rng.random_range(0..EXPERIMENT_BRANCHES.len()));
            let share = 0.15 - (1.0 - self.rng.random::<f64>()).ln();
            self.drafts.push(Draft {
                clients,
                branch,
                share,
                crash_weight: share,
                reports_hours: true,
                counts: [0; MEASURES.len()],
            });
        }
    }

    fn hand_out_crashes(&mut self, cell: &mut Cell, channel: Channel, minute: i64) {
        let too_many_shutdowns = shutdown_exceeds_content(channel.name(), cell.platform.name(), minute);
        let weights: f64 = self.drafts.iter().map(|draft| draft.crash_weight).sum();
        for (place, Crash { kind, times }) in cell.waiting_crashes.drain(..).enumerate() {
            let alone = place == 0 && !self.drafts[0].reports_hours;
            let draft = if alone {
                0
            } else {
                self.draft_that_crashes(kind, weights)
            };
            self.drafts[draft].counts[COLUMN_OF_KIND[kind]] += times;
            if kind == MAIN {
                self.drafts[draft].counts[STARTUP_CRASHES] += thin(&mut self.rng, times, STARTUP_SHARE);
            } else if kind == CONTENT {
                let shutdowns = if too_many_shutdowns {
                    times + thin(&mut self.rng, times, 0.7)
                } else {
                    thin(&mut self.rng, times, SHUTDOWN_SHARE).min(MOST_SHUTDOWNS_OF_A_LOOP)
                };
                self.drafts[draft].counts[SHUTDOWN_CRASHES] += shutdowns;
            }
        }
    }

    /// Which draft a crash belongs to: by its share of the use, and more often the treatment branch for content.
    fn draft_that_crashes(&mut self, kind: usize, weights: f64) -> usize {
        loop {
            let mut point = self.rng.random::<f64>() * weights;
            let found = self.drafts.iter().position(|draft| {
                point -= draft.crash_weight;
                point < 0.0
            });
            let found = found.unwrap_or(0);
            let keep = match (kind, self.drafts[found].branch) {
                (CONTENT, Some(1)) => 1.0,
                (CONTENT, _) => 1.0 / TREATMENT_CONTENT_RATIO,
                _ => 1.0,
            };
            if keep == 1.0 || self.rng.random::<f64>() < keep {
                return found;
            }
        }
    }

    fn finish_row(&mut self, cell: &Cell, build: &Build, draft: &Draft, minute: i64, hours: f64, rows: &mut Vec<Row>) {
        let mut counts = draft.counts;
        let hours_per_ping = if build.application == Application::Fennec {
            0.5
        } else {
            3.0
        };
        let crash_pings = counts[MAIN_CRASHES] + counts[CONTENT_CRASHES] + counts[SHUTDOWN_CRASHES];
        let main_pings = if hours > 0.0 {
            poisson(&mut self.rng, hours / hours_per_ping).max(1)
        } else {
            0
        };
        let early_channel = matches!(build.channel, Channel::Beta | Channel::Nightly);
        let has_histograms = build.application == Application::Firefox && early_channel;
        if has_histograms && main_pings > 0 {
            self.add_histogram_counts(&mut counts);
        }
        let zero_filled = self.rng.random::<f64>() < ZERO_FILLED_SHARE;
        let mut measures = [None; MEASURES.len()];
        for (measure, value) in measures.iter_mut().enumerate() {
            let collected = match measure {
                MAIN_CRASHES => true,
                GPU_CRASHES => cell.platform == Platform::Windows,
                GMPLUGIN_CRASHES => gmplugin_is_collected(cell.platform.name(), minute),
                SHIM_BLOCKED.. => has_histograms,
                _ => true,
            } && (measure == MAIN_CRASHES || build.application == Application::Firefox);
            if collected && (counts[measure] > 0 || zero_filled) {
                *value = Some(i64::from(counts[measure]));
            }
        }
        let row = Row {
            minute,
            train: cell.train,
            build: cell.build,
            platform: cell.platform,
            clients: draft.clients,
            branch: None,
            usage_hours: hours,
            pings: i64::from(main_pings + crash_pings).max(1),
            measures,
        };
        // Enrolled clients count in the population and again in their branch.
        let again = draft.branch.map(|branch| Row {
            branch: Some(branch),
            ..row.clone()
        });
        rows.push(row);
        rows.extend(again);
    }

    fn add_histogram_counts(&mut self, counts: &mut [u32; MEASURES.len()]) {
        let bits: u64 = self.rng.random();
        if bits & 7 == 0 {
            counts[SLOW_PAGES] = repetitions(&mut self.rng, 3.0);
            counts[SLOW_NOTICES] = thin(&mut self.rng, counts[SLOW_PAGES], 0.4);
        }
        counts[SHIM_BLOCKED] = u32::from((bits >> 3) & 127 == 0);
        counts[PERMISSIONS_CORRUPTED] = u32::from((bits >> 10) & 1023 == 0);
        counts[PERMISSIONS_REMOVED] = u32::from((bits >> 20) & 1023 == 0);
    }

    /// The rows and values that no model would make: test installations before a release, a negative count.
    fn add_planted_rows(&mut self, minute: i64, first_row: usize, rows: &mut Vec<Row>) {
        for (_, hours) in PRE_RELEASE_PINGS.iter().filter(|(window, _)| *window == minute) {
            rows.extend(self.lone_row(minute, Platform::Windows, *hours, |build| {
                build.display_version == "60.0"
            }));
        }
        if !has_negative_count(minute) {
            return;
        }
        let is_target = |row: &Row| row.train == RELEASE_TRAIN && row.platform == Platform::Linux;
        if !rows[first_row..].iter().any(is_target) {
            rows.extend(self.lone_row(minute, Platform::Linux, 1.0, |build| build.starts_at < minute));
        }
        if let Some(row) = rows[first_row..].iter_mut().find(|row| is_target(row)) {
            row.measures[CONTENT_CRASHES] = Some(NEGATIVE_VALUE);
        }
    }

    /// One row of the newest build on the release channel that fits.
    fn lone_row(
        &mut self,
        minute: i64,
        platform: Platform,
        usage_hours: f64,
        fits: impl Fn(&Build) -> bool,
    ) -> Option<Row> {
        let build = self.model.trains[RELEASE_TRAIN].builds.iter().rposition(fits)?;
        Some(Row {
            minute,
            train: RELEASE_TRAIN,
            build,
            platform,
            clients: self.model.populations[platform.index()].pick(&mut self.rng),
            branch: None,
            usage_hours,
            pings: 1,
            measures: [None; MEASURES.len()],
        })
    }
}

/// The place of Firefox's release channel among the trains.
const RELEASE_TRAIN: usize = 0;

/// How many rows a cell gets in relation to others: small populations are told apart better than their share of use.
fn row_weight(cell: &Cell) -> f64 {
    if cell.hours_of_use > 0.0 {
        cell.hours_of_use.powf(0.42)
    } else {
        0.0
    }
}

const _: () = assert!(
    GPU == 2 && PLUGIN == 3 && GMPLUGIN == 4,
    "COLUMN_OF_KIND follows the order of the kinds"
);
