//! Fuzzing in process, on the stable toolchain: input that nobody well-meaning sends, for every door of the server.
//!
//! A case follows from the seed and its number alone, so that a finding is repeated by its number. `FUZZ_CASES` says how
//! many cases each target runs, `FUZZ_SEED` where they begin and `FUZZ_CASE` that only this one is run.

mod configuration;
mod flight;
mod mutate;
mod parquet;
mod postgres;
mod sql;
mod statements;
mod world;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Counts what the test program allocates, also what is never touched and so never resident.
#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// The bytes that one case may take beyond what was taken before it.
const MOST_BYTES: usize = 400 << 20;
/// The time that one case may take; the machine may be busy with other tests.
const MOST_TIME: Duration = Duration::from_secs(20);
/// A case that takes this long will not end, and the program says which it was and stops.
const HANGING: Duration = Duration::from_secs(120);
/// Findings that are told in full.
const FINDINGS_SHOWN: usize = 20;

/// Outcomes in which nobody was told of a fault.
const GOOD_OUTCOMES: [&str; 6] = ["answered", "rows", "OK", "raw OK", "served", "settings"];

const DEFAULT_SEED: u64 = 20_180_604;

pub type Random = ChaCha8Rng;

/// What a case came to: a short class for the table (an SQLSTATE, a gRPC code), or what is wrong.
type Verdict = Result<String, String>;

/// One target's cases, and what they came to.
struct Run {
    target: &'static str,
    seed: u64,
    numbers: std::ops::Range<u64>,
    begun: Instant,
    outcomes: BTreeMap<String, u64>,
    findings: Vec<String>,
    slowest: (Duration, u64),
    most_bytes: (usize, u64),
}

/// One case while it runs.
struct Case {
    number: u64,
    random: Random,
    begun: Instant,
    bytes_before: usize,
}

/// Whether what is allocated is a case's own: it is counted for the whole program, in which other tests may run as well.
fn runs_alone() -> bool {
    std::env::var("RUST_TEST_THREADS").is_ok_and(|threads| threads == "1")
}

impl Run {
    /// `short` is the number of cases where `FUZZ_CASES` does not say another.
    fn begin(target: &'static str, short: u64) -> Self {
        listen_for_panics();
        watch_for_hanging();
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let numbers = match number("FUZZ_CASE") {
            Some(only) => {
                // Whoever repeats one case wants to know what the server says of it.
                let _ = tracing_subscriber::fmt()
                    .with_env_filter("mission_control=debug")
                    .with_test_writer()
                    .try_init();
                only..only + 1
            }
            None => 0..number("FUZZ_CASES").unwrap_or(short),
        };
        Self {
            target,
            seed: number("FUZZ_SEED").unwrap_or(DEFAULT_SEED),
            numbers,
            begun: Instant::now(),
            outcomes: BTreeMap::new(),
            findings: Vec::new(),
            slowest: (Duration::ZERO, 0),
            most_bytes: (0, 0),
        }
    }

    fn next(&mut self) -> Option<Case> {
        let number = self.numbers.next()?;
        let mut seeder = ChaCha8Rng::seed_from_u64(self.seed);
        seeder.set_stream(number);
        set_current(self.target, Some(number));
        take_panics(self.target);
        ALLOCATED.reset_peak_usage();
        Some(Case {
            number,
            random: ChaCha8Rng::seed_from_u64(seeder.random()),
            begun: Instant::now(),
            bytes_before: ALLOCATED.current_usage(),
        })
    }

    /// Takes down what a case came to. A panic that became a refusal is an outcome, any other is a finding.
    fn judge(&mut self, case: &Case, verdict: Verdict, input: impl FnOnce() -> String) {
        let took = case.begun.elapsed();
        let bytes = ALLOCATED.peak_usage().saturating_sub(case.bytes_before);
        self.slowest = self.slowest.max((took, case.number));
        self.most_bytes = self.most_bytes.max((bytes, case.number));
        let panics = take_panics(self.target);
        let mut wrong = Vec::new();
        match verdict {
            Ok(outcome) => {
                if let Some(panic) = panics.first().filter(|_| GOOD_OUTCOMES.contains(&outcome.as_str())) {
                    wrong.push(format!("a panic that nobody was told of: {panic}"));
                }
                let place = panics
                    .first()
                    .map(|panic| format!(", panic {panic}"))
                    .unwrap_or_default();
                *self.outcomes.entry(format!("{outcome}{place}")).or_default() += 1;
            }
            Err(finding) => {
                wrong.push(finding);
                wrong.extend(panics);
            }
        }
        if took > MOST_TIME {
            wrong.push(format!("took {took:?}"));
        }
        if bytes > MOST_BYTES && runs_alone() {
            wrong.push(format!("allocated {} MiB", bytes >> 20));
        }
        if !wrong.is_empty() {
            let shown = if self.findings.len() < FINDINGS_SHOWN {
                input()
            } else {
                String::new()
            };
            let finding = format!("case {}: {}\n    {shown}", case.number, wrong.join("; "));
            println!("{}: {finding}", self.target);
            self.findings.push(finding);
        }
    }

    /// Prints the figures of the run; fails if there was a finding.
    fn end(self) {
        set_current(self.target, None);
        let cases: u64 = self.outcomes.values().sum::<u64>() + self.findings.len() as u64;
        println!(
            "{}: seed {}, {cases} cases in {:.1} s, {} findings; slowest {:.2} s (case {}), most memory {} MiB (case {})",
            self.target,
            self.seed,
            self.begun.elapsed().as_secs_f64(),
            self.findings.len(),
            self.slowest.0.as_secs_f64(),
            self.slowest.1,
            self.most_bytes.0 >> 20,
            self.most_bytes.1,
        );
        for (outcome, count) in &self.outcomes {
            println!("{:>10}  {outcome}", count);
        }
        assert!(
            self.findings.is_empty(),
            "{}: {} findings",
            self.target,
            self.findings.len()
        );
    }
}

static PANICS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
static CURRENT: Mutex<Option<HashMap<&'static str, (u64, Instant)>>> = Mutex::new(None);

fn set_current(target: &'static str, number: Option<u64>) {
    let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    let current = current.get_or_insert_with(HashMap::new);
    match number {
        Some(number) => current.insert(target, (number, Instant::now())),
        None => current.remove(target),
    };
}

/// Panics on a target's threads are kept for its judge. Those of other tests go where they always go.
fn listen_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let thread = std::thread::current().name().unwrap_or_default().to_string();
            let target = thread.strip_prefix("fuzz::").and_then(|rest| rest.split("::").next());
            let Some(target) = target.filter(|target| is_running(target)) else {
                return before(panic);
            };
            let place = panic
                .location()
                .map(|at| format!("{}:{}", short_path(at.file()), at.line()));
            let words = panic.payload_as_str().unwrap_or("(no text)");
            let words: String = words.lines().next().unwrap_or_default().chars().take(120).collect();
            let told = format!("{} ({words})", place.unwrap_or_default());
            PANICS
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((target.to_string(), told));
        }));
    });
}

fn is_running(target: &str) -> bool {
    let current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    current.as_ref().is_some_and(|current| current.contains_key(target))
}

/// The crate's folder and below, without where the registry lies.
fn short_path(path: &str) -> &str {
    path.rsplit_once("/src/").map_or(path, |(before, _)| {
        let start = before.rfind('/').map_or(0, |slash| slash + 1);
        &path[start..]
    })
}

fn take_panics(target: &str) -> Vec<String> {
    let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
    let (own, others) = panics.drain(..).partition(|(from, _)| from == target);
    *panics = others;
    let own: Vec<(String, String)> = own;
    own.into_iter().map(|(_, told)| told).collect()
}

fn watch_for_hanging() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::thread::spawn(|| {
            loop {
                std::thread::sleep(Duration::from_secs(1));
                let current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
                for (target, (number, since)) in current.iter().flatten() {
                    if since.elapsed() > HANGING {
                        eprintln!("{target}: case {number} hangs; FUZZ_CASE={number} repeats it");
                        std::process::exit(101);
                    }
                }
            }
        });
    });
}

/// Bytes as one can read them in a report.
fn shown(bytes: &[u8]) -> String {
    let most = bytes.len().min(600);
    let rest = if most < bytes.len() {
        format!(" … {} bytes", bytes.len())
    } else {
        String::new()
    };
    format!("\"{}\"{rest}", bytes[..most].escape_ascii())
}
