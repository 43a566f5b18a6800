//! The special functions against 40-digit references (`reference/incomplete_reference.py`), shapes from 0.01 to 1e12
//! and tails to 5e-11.

use super::golden_tests::Worst;
use super::special::{
    beta_lower_quantile, beta_tails, gamma_lower_quantile, gamma_tails, gamma_upper_quantile, ln_normal_cdf,
    normal_quantile, normal_upper_quantile,
};

/// Rows of numbers under one header line.
fn numbers(text: &str) -> Vec<Vec<f64>> {
    text.lines()
        .skip(1)
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect())
        .collect()
}

#[test]
fn gamma_tails_agree() {
    let mut worst = Worst::new("gamma_tails.csv");
    for row in numbers(include_str!("reference/gamma_tails.csv")) {
        let tails = gamma_tails(row[0], row[1]).unwrap();
        worst.note(tails.lower, row[2], format_args!("P({}, {})", row[0], row[1]));
        worst.note(tails.upper, row[3], format_args!("Q({}, {})", row[0], row[1]));
    }
    worst.finish(1e-10);
}

#[test]
fn gamma_quantiles_agree() {
    gamma_quantiles("gamma_quantiles.csv", include_str!("reference/gamma_quantiles.csv"));
}

/// Closed forms, the series around the mode alone, the same refined, the search (`reference/quantiles_near_switches.py`).
#[test]
fn gamma_quantiles_near_switches_agree() {
    gamma_quantiles(
        "gamma_quantiles_near_switches.csv",
        include_str!("reference/gamma_quantiles_near_switches.csv"),
    );
}

fn gamma_quantiles(name: &'static str, text: &str) {
    let mut worst = Worst::new(name);
    for row in numbers(text) {
        worst.note(
            gamma_lower_quantile(row[0], row[1]).unwrap(),
            row[2],
            format_args!("lower {} {}", row[0], row[1]),
        );
        worst.note(
            gamma_upper_quantile(row[0], row[1]).unwrap(),
            row[3],
            format_args!("upper {} {}", row[0], row[1]),
        );
    }
    worst.finish(1e-12);
}

/// A tail can be no better than what rounding 1 - x leaves of it: with shapes of 1e12 that is 1e-9.
#[test]
fn beta_tails_agree() {
    let (mut worst, mut worst_large) = (
        Worst::new("beta_tails.csv"),
        Worst::new("beta_tails.csv, shapes >= 1e9"),
    );
    for row in numbers(include_str!("reference/beta_tails.csv")) {
        let tails = beta_tails(row[0], row[1], row[2], 1.0 - row[2]).unwrap();
        let worst = if row[0].min(row[1]) < 1e9 {
            &mut worst
        } else {
            &mut worst_large
        };
        worst.note(
            tails.lower,
            row[3],
            format_args!("I({}, {}, {})", row[0], row[1], row[2]),
        );
        worst.note(
            tails.upper,
            row[4],
            format_args!("1-I({}, {}, {})", row[0], row[1], row[2]),
        );
    }
    worst.finish(1e-10);
    worst_large.finish(1e-8);
}

#[test]
fn beta_quantiles_agree() {
    beta_quantiles(
        "beta_quantiles.csv",
        include_str!("reference/beta_quantiles.csv"),
        1e-11,
    );
}

/// Closed forms, the series around the mode alone, the same refined, the search (`reference/quantiles_near_switches.py`).
#[test]
fn beta_quantiles_near_switches_agree() {
    beta_quantiles(
        "beta_quantiles_near_switches.csv",
        include_str!("reference/beta_quantiles_near_switches.csv"),
        1e-12,
    );
}

fn beta_quantiles(name: &'static str, text: &str, tolerance: f64) {
    let mut worst = Worst::new(name);
    for row in numbers(text) {
        let point = beta_lower_quantile(row[0], row[1], row[2]).unwrap();
        worst.note(point.x, row[3], format_args!("x of {} {} {}", row[0], row[1], row[2]));
        worst.note(point.y, row[4], format_args!("1-x of {} {} {}", row[0], row[1], row[2]));
    }
    worst.finish(tolerance);
}

#[test]
fn normal_quantiles_agree() {
    // mpmath: sqrt(2) erfinv(1 - 2 q) in 40 digits.
    let expected = [
        (0.3, 0.524_400_512_708_040_8),
        (0.025, 1.959_963_984_540_054_2),
        (1e-6, 4.753_424_308_822_899),
        (5e-11, 6.466_951_087_240_516),
        (1e-100, 21.273_453_560_965_324),
    ];
    let mut worst = Worst::new("normal quantile");
    for (q, z) in expected {
        worst.note(normal_upper_quantile(q), z, q);
        worst.note(normal_quantile(q), -z, q);
    }
    worst.finish(1e-14);
}

#[test]
fn log_normal_cdf_reaches_far_tails() {
    // mpmath: log(erfc(-z / sqrt(2)) / 2) in 40 digits.
    let expected = [
        (3.0, -1.350_809_964_748_193_8e-3),
        (-2.0, -3.783_184_333_682_032),
        (-5.5, -17.779_376_352_625_26),
        (-40.0, -804.608_442_013_753_8),
        (-1e5, -5_000_000_012.431_864),
    ];
    let mut worst = Worst::new("ln normal cdf");
    for (z, ln_p) in expected {
        worst.note(ln_normal_cdf(z), ln_p, z);
    }
    worst.finish(1e-13);
}
