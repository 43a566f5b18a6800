//! Rows per second of the scalar functions on batches of 8192, beside SciPy on the same values: `cargo bench --bench
//! functions`.
//!
//! A second table gives the slowest of a grid of single rows, extreme values included, for each function that searches.
//!
//! SciPy is asked through `python3` (or what the variable PYTHON names); without it its column stays empty and the
//! reason is printed. Every figure is the fastest of several runs on one core.

#![allow(clippy::expect_used)] // A measurement that meets what it did not expect has nothing to go on with.

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::datatypes::Field;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF};
use datafusion::scalar::ScalarValue;
use mission_control_udfs::all_scalar_functions;
use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROWS: usize = 8192;
const TIME_PER_FIGURE: Duration = Duration::from_millis(400);

/// Counts of a kind, the same at every run.
struct Counts {
    name: &'static str,
    values: Vec<f64>,
}

fn kinds_of_counts() -> Vec<Counts> {
    // A permutation of 0..1, so that neighbours differ.
    let spread = |row: usize| (row * 7919 % ROWS) as f64 / ROWS as f64;
    let powers = |from: f64, to: f64| {
        (0..ROWS)
            .map(|row| 10f64.powf(from + (to - from) * spread(row)).floor())
            .collect()
    };
    vec![
        Counts {
            name: "small (0 to 49)",
            values: (0..ROWS).map(|row| (row * 37 % 50) as f64).collect(),
        },
        Counts {
            name: "mixed (1 to 1e4)",
            values: powers(0.0, 4.0),
        },
        Counts {
            name: "huge (1e6 to 1e12)",
            values: powers(6.0, 12.0),
        },
    ]
}

/// What a call is measured with: k and h are the columns, other words are constants.
const NUMERIC_CALLS: &[(&str, &[&str], Option<&str>)] = &[
    ("rate_per_khour", &["k", "h"], None),
    ("rate_lower", &["k", "h"], Some("chi2.ppf(0.025, 2 * k) / 2 / h * 1000")),
    (
        "rate_upper",
        &["k", "h"],
        Some("chi2.ppf(0.975, 2 * k + 2) / 2 / h * 1000"),
    ),
    (
        "rate_ci",
        &["k", "h"],
        Some("(chi2.ppf(0.025, 2 * k) / 2 / h * 1000, chi2.ppf(0.975, 2 * k + 2) / 2 / h * 1000)"),
    ),
    ("rate_ci", &["k", "h", "0.95", "midp"], None),
    ("rate_ci", &["k", "h", "0.95", "score"], None),
    (
        "rate_ci",
        &["k", "h", "c"],
        Some("(chi2.ppf((1 - c) / 2, 2 * k) / 2 / h * 1000, chi2.ppf((1 + c) / 2, 2 * k + 2) / 2 / h * 1000)"),
    ),
    (
        "rate_upper_bound",
        &["k", "h"],
        Some("chi2.ppf(0.95, 2 * k + 2) / 2 / h * 1000"),
    ),
    ("rate_ci_quasi", &["k", "h", "4.6"], None),
    ("rate_posterior", &["k", "h", "2.0", "4.0"], None),
    ("rate_cs", &["k", "h", "0.95", "1.0", "1.0"], None),
    ("rate_ratio", &["k", "h", "k0", "h"], None),
    (
        "rate_ratio_ci",
        &["k", "h", "k0", "h"],
        Some("(beta.ppf(0.025, k, k0 + 1), beta.ppf(0.975, k + 1, k0))"),
    ),
    ("rate_ratio_ci", &["k", "h", "k0", "h", "0.95", "score"], None),
    ("rate_ratio_test", &["k", "h", "k0", "h"], None),
    ("rate_diff_ci", &["k", "h", "k0", "h"], None),
    ("rate_noninferior", &["k", "h", "k0", "h", "0.2"], None),
];

const TEXT_CALLS: &[(&str, &[&str])] = &[
    (
        "version_sort_key",
        &["58.0.1", "58.0b5", "59.0a1", "60.2.0esr", "100.0"],
    ),
    ("version_major", &["58.0.1", "58.0b5", "59.0a1", "60.2.0esr", "100.0"]),
    ("build_time", &["20170608105825", "20180123185506", "20180313134936"]),
    ("platform_of", &["Windows_NT", "Darwin", "Linux", "Windows_NT"]),
];

fn main() {
    println!("{}\n", machine());
    let functions: HashMap<String, Arc<ScalarUDF>> = all_scalar_functions()
        .into_iter()
        .map(|function| (function.name().to_string(), function))
        .collect();
    let python = Python::new();
    println!("| call | counts | ns a row | million rows a second | SciPy ns a row | times as fast |");
    println!("|---|---|---:|---:|---:|---:|");
    for counts in kinds_of_counts() {
        for (name, words, expression) in NUMERIC_CALLS {
            let arguments: Vec<ColumnarValue> = words
                .iter()
                .map(|word| numeric_argument(word, &counts.values))
                .collect();
            let own = nanoseconds_per_row(&functions[*name], arguments);
            let scipy = expression.and_then(|expression| python.nanoseconds_per_row(expression, &counts.values));
            print_row(&format!("{name}({})", words.join(", ")), counts.name, own, scipy);
        }
    }
    for (name, texts) in TEXT_CALLS {
        let column: ArrayRef = Arc::new(
            (0..ROWS)
                .map(|row| Some(texts[row * 31 % texts.len()]))
                .collect::<StringArray>(),
        );
        let own = nanoseconds_per_row(&functions[*name], vec![ColumnarValue::Array(column)]);
        print_row(&format!("{name}(text)"), "", own, None);
    }
    if let Some(reason) = &python.skipped {
        println!("\nSciPy was not measured: {reason}");
    }
    println!("\n| call | slowest row, µs | at |");
    println!("|---|---:|---|");
    for (name, method) in SEARCHING_CALLS {
        let (nanoseconds, at) = slowest_row(&functions[*name], name, method);
        println!("| `{name}`, {method} | {:.1} | {at} |", nanoseconds / 1e3);
    }
}

/// Functions that solve for their result, each with its methods.
const SEARCHING_CALLS: &[(&str, &str)] = &[
    ("rate_ci", "exact"),
    ("rate_ci", "midp"),
    ("rate_ci", "jeffreys"),
    ("rate_ratio_ci", "exact"),
    ("rate_ratio_ci", "midp"),
    ("rate_ratio_ci", "score"),
    ("rate_ratio_test", "exact"),
    ("rate_ratio_test", "midp"),
    ("rate_ratio_test", "etest"),
];

/// How often a single row is tried; the fastest counts, so that an interruption does not.
const TRIES_PER_ROW: usize = 5;

/// The slowest row of a grid of counts, exposures and confidences, and which one it is.
fn slowest_row(function: &ScalarUDF, name: &str, method: &str) -> (f64, String) {
    let counts = [0.0, 1.0, 3.0, 17.0, 100.0, 3000.0, 1e5, 1e7, 1e9, 1e12];
    let exposures = [1e-3, 1.0, 1000.0, 1e6, 1e12];
    let confidences = [0.5, 0.95, 0.999, 1.0 - 1e-10];
    let mut slowest = (0.0, String::new());
    let mut consider = |words: Vec<ColumnarValue>, at: String| {
        let nanoseconds = nanoseconds_of_row(function, &words);
        if nanoseconds > slowest.0 {
            slowest = (nanoseconds, at);
        }
    };
    let number = |value: f64| ColumnarValue::Array(Arc::new(Float64Array::from(vec![value])));
    let text = |value: &str| ColumnarValue::Scalar(ScalarValue::from(value));
    for k in counts {
        for h in exposures {
            if name == "rate_ci" {
                for c in confidences {
                    consider(
                        vec![number(k), number(h), number(c), text(method)],
                        format!("{k:e}, {h:e}, {c}"),
                    );
                }
                continue;
            }
            for k0 in counts {
                let at = format!("{k:e}, {h:e}, {k0:e}, 1e3");
                let sample = [number(k), number(h), number(k0), number(1e3)];
                if name == "rate_ratio_test" {
                    // The E-test is refused above a million events.
                    if method == "etest" && k + k0 > 1e6 {
                        continue;
                    }
                    let rest = [number(1.0), text("two-sided"), text(method)];
                    consider(sample.into_iter().chain(rest).collect(), at);
                } else {
                    for c in confidences {
                        let rest = [number(c), text(method)];
                        consider(sample.clone().into_iter().chain(rest).collect(), format!("{at}, {c}"));
                    }
                }
            }
        }
    }
    slowest
}

fn nanoseconds_of_row(function: &ScalarUDF, args: &[ColumnarValue]) -> f64 {
    (0..TRIES_PER_ROW)
        .map(|_| invocation(function, args, 1))
        .min()
        .unwrap_or_default()
        .as_nanos() as f64
}

fn print_row(call: &str, counts: &str, own: f64, scipy: Option<f64>) {
    let (scipy, ratio) = match scipy {
        Some(scipy) => (format!("{scipy:.0}"), format!("{:.1}", scipy / own)),
        None => (String::new(), String::new()),
    };
    println!(
        "| `{call}` | {counts} | {own:.0} | {:.1} | {scipy} | {ratio} |",
        1e3 / own
    );
}

fn numeric_argument(word: &str, counts: &[f64]) -> ColumnarValue {
    let column: ArrayRef = match word {
        "k" => Arc::new(counts.iter().map(|count| *count as i64).collect::<Int64Array>()),
        "k0" => Arc::new(
            counts
                .iter()
                .map(|count| (count * 0.7).floor() as i64 + 3)
                .collect::<Int64Array>(),
        ),
        "h" => Arc::new(
            (0..counts.len())
                .map(|row| 1000.0 + (row % 977) as f64)
                .collect::<Float64Array>(),
        ),
        "c" => Arc::new(
            (0..counts.len())
                .map(|row| 0.9 + 0.0001 * (row % 977) as f64)
                .collect::<Float64Array>(),
        ),
        constant => {
            return ColumnarValue::Scalar(
                constant
                    .parse()
                    .map_or(ScalarValue::from(constant), |number: f64| number.into()),
            );
        }
    };
    ColumnarValue::Array(column)
}

/// The fastest invocation of a batch, per row.
fn nanoseconds_per_row(function: &ScalarUDF, args: Vec<ColumnarValue>) -> f64 {
    let mut fastest = Duration::MAX;
    let begin = Instant::now();
    while begin.elapsed() < TIME_PER_FIGURE {
        fastest = fastest.min(invocation(function, &args, ROWS));
    }
    fastest.as_nanos() as f64 / ROWS as f64
}

/// How long one invocation takes, as the engine makes it.
fn invocation(function: &ScalarUDF, args: &[ColumnarValue], rows: usize) -> Duration {
    let arg_fields: Vec<_> = args
        .iter()
        .map(|argument| Arc::new(Field::new("argument", argument.data_type(), true)))
        .collect();
    let literals: Vec<Option<&ScalarValue>> = args
        .iter()
        .map(|argument| match argument {
            ColumnarValue::Scalar(value) => Some(value),
            ColumnarValue::Array(_) => None,
        })
        .collect();
    let return_field = function
        .return_field_from_args(ReturnFieldArgs {
            arg_fields: &arg_fields,
            scalar_arguments: &literals,
        })
        .expect("the arguments suit the function");
    let call = ScalarFunctionArgs {
        args: args.to_vec(),
        arg_fields,
        number_rows: rows,
        return_field,
        config_options: Arc::new(ConfigOptions::default()),
    };
    let start = Instant::now();
    std::hint::black_box(
        function
            .invoke_with_args(call)
            .expect("the row is in the function's domain"),
    );
    start.elapsed()
}

/// SciPy, if it can be asked.
struct Python {
    program: String,
    skipped: Option<String>,
}

const PROLOGUE: &str = "
import sys, time
import numpy as np
from scipy.stats import beta, chi2
k = np.frombuffer(sys.stdin.buffer.read(), dtype='<f8')
h = 1000.0 + np.arange(len(k)) % 977
c = 0.9 + 0.0001 * (np.arange(len(k)) % 977)
k0 = np.floor(k * 0.7) + 3
best = float('inf')
begin = time.perf_counter()
while time.perf_counter() - begin < 0.4:
    start = time.perf_counter()
    ";

impl Python {
    fn new() -> Self {
        let program = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_string());
        let probe = Command::new(&program)
            .args(["-c", "import scipy.stats"])
            .stderr(Stdio::piped())
            .output();
        let skipped = match probe {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(
                String::from_utf8_lossy(&output.stderr)
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .to_string(),
            ),
            Err(error) => Some(format!("{program}: {error}")),
        };
        Self { program, skipped }
    }

    /// The fastest evaluation of an expression of k, k0, h and c, per row.
    fn nanoseconds_per_row(&self, expression: &str, counts: &[f64]) -> Option<f64> {
        if self.skipped.is_some() {
            return None;
        }
        let script = format!(
            "{PROLOGUE}{expression}\n    best = min(best, time.perf_counter() - start)\nprint(best / len(k) * 1e9)"
        );
        let mut child = Command::new(&self.program)
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let bytes: Vec<u8> = counts.iter().flat_map(|count| count.to_le_bytes()).collect();
        child.stdin.take()?.write_all(&bytes).ok()?;
        String::from_utf8(child.wait_with_output().ok()?.stdout)
            .ok()?
            .trim()
            .parse()
            .ok()
    }
}

/// Processor and commit, for the head of the table.
fn machine() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output().ok();
    let commit = commit
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string())
        .unwrap_or_default();
    format!(
        "Processor: {}; commit {commit}.",
        processor.map_or("unknown", |(_, name)| name)
    )
}
