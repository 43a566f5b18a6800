//! The golden tables, row by row: expected values come from 40-digit arithmetic, never from this crate.

use super::confidence_sequence::rate_cs;
use super::dispersion::DispersionState;
use super::dispersion_aligned::AlignedState;
use super::empirical_bayes::MarshallPrior;
use super::eprocess::{Direction, NormalEProcess, beta_log_e};
use super::many::adjust_p_values;
use super::method::*;
use super::planning::{min_events, min_events_wald};
use super::posterior::rate_posterior;
use super::predictive::{nb_ppf, nb_upper_tail, predictive_lower, predictive_upper};
use super::quasi::rate_ci_quasi;
use super::rate_intervals::*;
use super::ratios::*;
use super::standardized::StandardizedState;
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

#[test]
fn gamma_poisson_posterior_golden() {
    let Some(table) = Table::open("gamma_poisson_posterior.csv") else {
        return;
    };
    let mut worst = Worst::new("gamma_poisson_posterior.csv");
    for row in &table.rows {
        let [count, hours, shape, khours, confidence] =
            ["count", "hours", "prior_shape", "prior_rate_khours", "confidence"].map(|name| table.number(row, name));
        let posterior = rate_posterior(count, hours, shape, khours, confidence).unwrap();
        worst.note(posterior.rate.unwrap(), table.number(row, "posterior_mean"), "mean");
        worst.note(
            posterior.lower,
            table.number(row, "lower"),
            format_args!("{count} lower"),
        );
        worst.note(
            posterior.upper,
            table.number(row, "upper"),
            format_args!("{count} upper"),
        );
    }
    worst.finish(1e-10);
}

#[test]
fn rate_cs_golden() {
    let Some(table) = Table::open("rate_cs.csv") else {
        return;
    };
    let mut worst = Worst::new("rate_cs.csv");
    for row in &table.rows {
        let [count, khours, shape, prior, alpha] =
            ["count", "khours", "prior_shape", "prior_rate", "alpha"].map(|name| table.number(row, name));
        let bounds = rate_cs(count, 1000.0 * khours, 1.0 - alpha, shape, prior).unwrap();
        worst.note(bounds.lower, table.number(row, "lower"), format_args!("{count} lower"));
        worst.note(bounds.upper, table.number(row, "upper"), format_args!("{count} upper"));
    }
    worst.finish(1e-10);
}

fn samples(table: &Table, row: &csv::StringRecord) -> [f64; 4] {
    ["count1", "hours1", "count0", "hours0"].map(|name| table.number(row, name))
}

#[test]
fn rate_ratio_ci_golden() {
    let Some(table) = Table::open("rate_ratio_ci.csv") else {
        return;
    };
    let mut worst = Worst::new("rate_ratio_ci.csv");
    for row in &table.rows {
        let [k1, h1, k0, h0] = samples(&table, row);
        let method = table.text(row, "method");
        let interval = rate_ratio_ci(k1, h1, k0, h0, table.number(row, "confidence"), method.parse().unwrap()).unwrap();
        worst.note(
            interval.ratio.unwrap(),
            table.number(row, "ratio"),
            format_args!("{method} {k1} {k0} ratio"),
        );
        for (column, bound) in [("lower", interval.lower), ("upper", interval.upper)] {
            let expected = table.cell(row, column);
            assert_eq!(bound.is_some(), expected.is_some(), "{method} {k1} {k0} {column}");
            if let (Some(bound), Some(expected)) = (bound, expected) {
                worst.note(bound, expected, format_args!("{method} {k1} {k0} {column}"));
            }
        }
    }
    worst.finish(1e-10);
}

#[test]
fn rate_ratio_test_golden() {
    use Alternative::{Greater, Less, TwoSided};
    let Some(table) = Table::open("rate_ratio_test.csv") else {
        return;
    };
    let mut worst = Worst::new("rate_ratio_test.csv");
    let columns = [
        ("p_exact_greater", Greater, TestMethod::Exact),
        ("p_exact_less", Less, TestMethod::Exact),
        ("p_exact_two_sided_doubled", TwoSided, TestMethod::Exact),
        ("p_midp_greater", Greater, TestMethod::MidP),
        ("p_midp_two_sided", TwoSided, TestMethod::MidP),
        ("p_score_two_sided", TwoSided, TestMethod::Score),
    ];
    for row in &table.rows {
        let [k1, h1, k0, h0] = samples(&table, row);
        let null_ratio = table.number(row, "null_ratio");
        for (column, alternative, method) in columns {
            let p = rate_ratio_test(k1, h1, k0, h0, null_ratio, alternative, method).unwrap();
            worst.note(p, table.number(row, column), format_args!("{column} {k1} {k0}"));
        }
        let z = rate_ratio_z(k1, h1, k0, h0, null_ratio).unwrap().unwrap();
        worst.note(z, table.number(row, "z_score"), format_args!("z {k1} {k0}"));
    }
    worst.finish(1e-10);
}

#[test]
fn rate_etest_golden() {
    let Some(table) = Table::open("rate_etest.csv") else {
        return;
    };
    let mut worst = Worst::new("rate_etest.csv");
    for row in &table.rows {
        let [k1, h1, k0, h0] = samples(&table, row);
        let p = rate_ratio_test(k1, h1, k0, h0, 1.0, Alternative::TwoSided, TestMethod::ETest).unwrap();
        worst.note(p, table.number(row, "p_two_sided"), format_args!("{k1} {k0}"));
    }
    worst.finish(1e-10);
}

#[test]
fn rate_diff_mover_golden() {
    let Some(table) = Table::open("rate_diff_mover.csv") else {
        return;
    };
    let mut worst = Worst::new("rate_diff_mover.csv");
    for row in &table.rows {
        let [k1, h1, k0, h0] = samples(&table, row);
        let interval = rate_diff_ci(k1, h1, k0, h0, 0.95).unwrap();
        worst.note(
            interval.difference.unwrap(),
            table.number(row, "diff_per_khour"),
            format_args!("{k1} {k0}"),
        );
        worst.note(
            interval.lower,
            table.number(row, "lower"),
            format_args!("{k1} {k0} lower"),
        );
        worst.note(
            interval.upper,
            table.number(row, "upper"),
            format_args!("{k1} {k0} upper"),
        );
    }
    worst.finish(1e-10);
}

#[test]
fn rate_ratio_eprocess_golden() {
    let Some(table) = Table::open("rate_ratio_eprocess.csv") else {
        return;
    };
    let mut worst = Worst::new("rate_ratio_eprocess.csv");
    for row in &table.rows {
        let [k1, h1, k0, h0, c] =
            ["count1", "khours1", "count0", "khours0", "concentration"].map(|name| table.number(row, name));
        let log_e = beta_log_e(k1, h1, k0, h0, c).unwrap();
        worst.note(
            log_e.two_sided,
            table.number(row, "log_e_two_sided"),
            format_args!("{k1} {k0} two-sided"),
        );
        worst.note(
            log_e.greater,
            table.number(row, "log_e_greater"),
            format_args!("{k1} {k0} greater"),
        );
        let p = super::confidence_sequence::always_valid_p(log_e.greater);
        worst.note(
            p,
            table.number(row, "p_single_look_greater"),
            format_args!("{k1} {k0} p"),
        );
    }
    worst.finish(1e-10);
}

#[test]
fn standardized_rate_golden() {
    let (Some(table), Some(data)) = (
        Table::open("standardized_rate.csv"),
        Table::open("standardized_data.csv"),
    ) else {
        return;
    };
    let mut worst = Worst::new("standardized_rate.csv");
    let level = TwoSidedLevel::new(0.95).unwrap();
    for row in &table.rows {
        let case = table.text(row, "case_id");
        let mut state = StandardizedState::default();
        for stratum in data.rows.iter().filter(|stratum| data.text(stratum, "case_id") == case) {
            let [count, hours, reference] = ["count", "hours", "ref_hours"].map(|name| data.number(stratum, name));
            state.update(count, hours, reference, MissingStratum::Error).unwrap();
        }
        let fay_feuer = state
            .finish(&level, StandardizedMethod::FayFeuer, MissingStratum::Error)
            .unwrap();
        let tiwari = state
            .finish(&level, StandardizedMethod::Tiwari, MissingStratum::Error)
            .unwrap();
        worst.note(
            fay_feuer.rate.unwrap(),
            table.number(row, "std_rate_per_khour"),
            format_args!("{case} rate"),
        );
        worst.note(
            fay_feuer.lower.unwrap(),
            table.number(row, "fay_feuer_lower"),
            format_args!("{case} lower"),
        );
        worst.note(
            fay_feuer.upper.unwrap(),
            table.number(row, "fay_feuer_upper"),
            format_args!("{case} upper"),
        );
        worst.note(
            tiwari.upper.unwrap(),
            table.number(row, "tiwari_upper"),
            format_args!("{case} tiwari"),
        );
    }
    worst.finish(1e-10);
}

#[test]
fn dispersion_golden() {
    let (Some(table), Some(data)) = (Table::open("dispersion.csv"), Table::open("dispersion_data.csv")) else {
        return;
    };
    let mut worst = Worst::new("dispersion.csv");
    for row in &table.rows {
        let case = table.text(row, "case_id");
        let mut state = DispersionState::default();
        for window in data.rows.iter().filter(|window| data.text(window, "case_id") == case) {
            state
                .update(data.number(window, "count"), data.number(window, "hours"))
                .unwrap();
        }
        let columns = [("phi_pearson", state.dispersion()), ("nb_size_mom", state.nb_size())];
        for (column, actual) in columns {
            let expected = table.cell(row, column);
            assert_eq!(
                actual.is_some(),
                expected.is_some(),
                "{case} {column}: {actual:?} {expected:?}"
            );
            worst.note(
                actual.unwrap_or(0.0),
                expected.unwrap_or(0.0),
                format_args!("{case} {column}"),
            );
        }
        let (count, hours) = (table.number(row, "count"), table.number(row, "hours"));
        let phi = state.dispersion().unwrap_or(1.0);
        for (prefix, method) in [("qscore", RateMethod::Score), ("qexact", RateMethod::Exact)] {
            let interval = rate_ci_quasi(count, hours, phi, 0.95, method).unwrap();
            let column = format!("{prefix}_lower");
            worst.note(
                interval.lower,
                table.number(row, &column),
                format_args!("{case} {column}"),
            );
            let column = format!("{prefix}_upper");
            worst.note(
                interval.upper,
                table.number(row, &column),
                format_args!("{case} {column}"),
            );
        }
    }
    worst.finish(1e-10);
}

#[test]
fn eb_shrinkage_golden() {
    let Some(table) = Table::open("eb_shrinkage.csv") else {
        return;
    };
    let mut worst = Worst::new("eb_shrinkage.csv");
    let rows: Vec<(f64, f64)> = table
        .rows
        .iter()
        .map(|row| (table.number(row, "count"), table.number(row, "hours")))
        .collect();
    let prior = MarshallPrior::fit(&rows).unwrap().unwrap();
    for (row, (count, hours)) in table.rows.iter().zip(rows) {
        worst.note(prior.mean, table.number(row, "prior_mean"), "mean");
        worst.note(prior.variance, table.number(row, "prior_var"), "variance");
        worst.note(prior.shape(), table.number(row, "prior_shape"), "shape");
        worst.note(prior.khours(), table.number(row, "prior_rate_khours"), "khours");
        worst.note(
            prior.shrink(count, hours),
            table.number(row, "eb_rate"),
            format_args!("{count} {hours}"),
        );
    }
    worst.finish(1e-10);
}

#[test]
fn min_events_golden() {
    let Some(table) = Table::open("min_events.csv") else {
        return;
    };
    let mut worst = Worst::new("min_events.csv");
    for row in &table.rows {
        let width = table.number(row, "rel_half_width");
        let wald = min_events_wald(width, &TwoSidedLevel::new(0.95).unwrap());
        worst.note(wald, table.number(row, "events_wald"), format_args!("{width} wald"));
        assert_eq!(
            min_events(width, 0.95).unwrap(),
            table.number(row, "events_exact"),
            "{width}"
        );
    }
    worst.finish(1e-10);
}

#[test]
fn nb_predictive_golden() {
    let Some(table) = Table::open("nb_predictive.csv") else {
        return;
    };
    let mut worst = Worst::new("nb_predictive.csv");
    for row in &table.rows {
        let [shape, khours, new] = ["shape", "rate_khours", "new_khours"].map(|name| table.number(row, name));
        let mean = shape * new / khours;
        worst.note(mean, table.number(row, "mean"), "mean");
        let upper = nb_ppf(mean, shape, 0.975).unwrap();
        assert_eq!(
            nb_ppf(mean, shape, 0.025).unwrap(),
            table.number(row, "lower_count"),
            "{shape} {new}"
        );
        assert_eq!(upper, table.number(row, "upper_count"), "{shape} {new}");
        let p = nb_upper_tail(mean, shape, upper - 1.0).unwrap();
        worst.note(
            p,
            table.number(row, "p_at_least_upper"),
            format_args!("{shape} {new} tail"),
        );
    }
    worst.finish(1e-10);
}

#[test]
fn p_adjust_golden() {
    let Some(table) = Table::open("p_adjust.csv") else {
        return;
    };
    let mut worst = Worst::new("p_adjust.csv");
    for family in ["0", "1", "2", "3"] {
        let rows: Vec<_> = table
            .rows
            .iter()
            .filter(|row| table.text(row, "family") == family)
            .collect();
        let p: Vec<Option<f64>> = rows.iter().map(|row| table.cell(row, "p")).collect();
        for name in AdjustMethod::NAMES {
            let adjusted = adjust_p_values(&p, name.parse().unwrap()).unwrap();
            for (row, adjusted) in rows.iter().zip(adjusted) {
                worst.note(
                    adjusted.unwrap(),
                    table.number(row, name),
                    format_args!("{family} {name}"),
                );
            }
        }
    }
    worst.finish(1e-10);
}

#[test]
fn verdict_golden() {
    let (Some(table), Some(data)) = (Table::open("verdict_expected.csv"), Table::open("verdict_input.csv")) else {
        return;
    };
    let mut worst = Worst::new("verdict_expected.csv");
    for row in &table.rows {
        let cell = table.text(row, "cell");
        let mut state = AlignedState::<String, i64>::default();
        for window in data.rows.iter().filter(|window| data.text(window, "cell") == cell) {
            let [release, age, count, khours] =
                ["release", "age_hour", "count", "usage_khours"].map(|name| data.number(window, name));
            if release > 0.0 {
                let block = (age / 12.0).floor() as i64;
                state
                    .update(release.to_string(), block, count, 1000.0 * khours)
                    .unwrap();
            }
        }
        let fit = state.fit().unwrap();
        worst.note(fit.dispersion, table.number(row, "phi"), format_args!("{cell} phi"));
        worst.note(fit.tau, table.number(row, "tau"), format_args!("{cell} tau"));
        worst.note(
            fit.degrees_of_freedom,
            table.number(row, "df_phi"),
            format_args!("{cell} df"),
        );
        assert_eq!(
            fit.dropped.unwrap_or_default(),
            table.text(row, "dropped_release"),
            "{cell}"
        );
        let [expected, variance, k] = ["expected", "pred_var", "k_prev"].map(|name| table.number(row, name));
        let lower = predictive_lower(expected, variance, k).unwrap().unwrap();
        let upper = predictive_upper(expected, variance, k).unwrap().unwrap();
        worst.note(lower, table.number(row, "lower"), format_args!("{cell} lower"));
        worst.note(upper, table.number(row, "upper"), format_args!("{cell} upper"));
        let phi = table.number(row, "phi");
        let (excess, spread) = (table.number(row, "S"), table.number(row, "V_s") / phi);
        let process = NormalEProcess::from_parts([excess, 0.0, spread, 0.0]);
        let log_e = process.log_e(phi, Direction::Greater).unwrap();
        worst.note(log_e, table.number(row, "log_e"), format_args!("{cell} log_e"));
    }
    worst.finish(1e-9);
}
