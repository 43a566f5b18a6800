//! The golden tables, row by row: expected values come from 40-digit arithmetic, never from this crate.

use super::method::*;
use super::rate_intervals::*;
use std::path::PathBuf;

/// The folder of golden tables, beside the repository or named by the environment.
pub(super) fn golden_folder() -> Option<PathBuf> {
    if let Ok(shared) = std::env::var("MISSION_CONTROL_SHARED") {
        return Some(PathBuf::from(shared).join("golden")).filter(|folder| folder.is_dir());
    }
    let start = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    start
        .ancestors()
        .map(|folder| folder.join("shared/golden"))
        .find(|folder| folder.is_dir())
}

/// One table; cells by column name.
pub(super) struct Table {
    header: csv::StringRecord,
    pub rows: Vec<csv::StringRecord>,
}

impl Table {
    /// None, with the reason printed, where the golden folder is absent.
    pub fn open(name: &str) -> Option<Self> {
        let Some(folder) = golden_folder() else {
            println!("skipped {name}: no shared/golden folder above the crate, MISSION_CONTROL_SHARED is not set");
            return None;
        };
        let mut reader = csv::Reader::from_path(folder.join(name)).unwrap();
        let header = reader.headers().unwrap().clone();
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert!(!rows.is_empty(), "{name} has no rows");
        Some(Self { header, rows })
    }

    pub fn text<'a>(&self, row: &'a csv::StringRecord, column: &str) -> &'a str {
        let index = self
            .header
            .iter()
            .position(|name| name == column)
            .unwrap_or_else(|| panic!("no column {column}"));
        &row[index]
    }

    /// The number in a cell; None where it is empty.
    pub fn cell(&self, row: &csv::StringRecord, column: &str) -> Option<f64> {
        match self.text(row, column) {
            "" => None,
            text => Some(text.parse().unwrap()),
        }
    }

    pub fn number(&self, row: &csv::StringRecord, column: &str) -> f64 {
        self.cell(row, column).unwrap_or_else(|| panic!("{column} is empty"))
    }
}

/// The worst relative error of one file, printed when the file is done.
pub(super) struct Worst {
    file: &'static str,
    error: f64,
    at: String,
    compared: usize,
}

impl Worst {
    pub fn new(file: &'static str) -> Self {
        Self {
            file,
            error: 0.0,
            at: String::new(),
            compared: 0,
        }
    }

    /// Notes one comparison; `what` says where.
    pub fn note(&mut self, actual: f64, expected: f64, what: impl std::fmt::Display) {
        self.compared += 1;
        let error = relative_error(actual, expected);
        if error > self.error || error.is_nan() {
            self.error = if error.is_nan() { f64::INFINITY } else { error };
            self.at = format!("{what}: got {actual:e}, expected {expected:e}");
        }
    }

    pub fn finish(self, tolerance: f64) {
        println!(
            "{}: {} values, worst relative error {:.2e} {}",
            self.file, self.compared, self.error, self.at
        );
        assert!(self.compared > 0, "{}: nothing compared", self.file);
        assert!(
            self.error <= tolerance,
            "{}: {:e} > {tolerance:e} at {}",
            self.file,
            self.error,
            self.at
        );
    }
}

fn relative_error(actual: f64, expected: f64) -> f64 {
    if actual == expected {
        return 0.0;
    }
    ((actual - expected) / if expected == 0.0 { 1.0 } else { expected }).abs()
}

#[test]
fn rate_ci_golden() {
    let Some(table) = Table::open("rate_ci.csv") else {
        return;
    };
    let mut worst = Worst::new("rate_ci.csv");
    for row in &table.rows {
        let [count, hours, confidence] = ["count", "hours", "confidence"].map(|name| table.number(row, name));
        let method = table.text(row, "method");
        let (rate, lower, upper) = if method == "vst" {
            let (lower, upper) = variance_stabilised_interval(count, &TwoSidedLevel::new(confidence).unwrap());
            (1000.0 * count / hours, 1000.0 * lower / hours, 1000.0 * upper / hours)
        } else {
            let interval = rate_ci(count, hours, confidence, method.parse().unwrap()).unwrap();
            (interval.rate.unwrap(), interval.lower, interval.upper)
        };
        worst.note(
            rate,
            table.number(row, "rate_per_khour"),
            format_args!("{method} {count} rate"),
        );
        worst.note(
            lower,
            table.number(row, "lower"),
            format_args!("{method} {count} {confidence} lower"),
        );
        worst.note(
            upper,
            table.number(row, "upper"),
            format_args!("{method} {count} {confidence} upper"),
        );
    }
    worst.finish(1e-10);
}

#[test]
fn rate_upper_zero_golden() {
    let Some(table) = Table::open("rate_upper_zero.csv") else {
        return;
    };
    let mut worst = Worst::new("rate_upper_zero.csv");
    for row in &table.rows {
        let (hours, confidence) = (table.number(row, "hours"), table.number(row, "confidence"));
        let upper = rate_upper_bound(0.0, hours, confidence).unwrap();
        worst.note(
            upper,
            table.number(row, "upper_per_khour"),
            format_args!("{hours} {confidence}"),
        );
        worst.note(
            3000.0 / hours,
            table.number(row, "rule_of_three_per_khour"),
            "rule of three",
        );
    }
    worst.finish(1e-10);
}
