//! Functions without a golden table, against values computed independently (mpmath in 30 digits, published designs).

use super::change::{PoissonCusum, PoissonGlr};
use super::empirical_bayes::GammaPoissonState;
use super::eprocess::GridEProcess;
use super::golden_tests::Worst;
use super::group_sequential::group_sequential_boundary;
use super::many::{MeanLogE, ebh_reject};
use super::method::*;
use super::planning::{khours_to_detect, rate_enough};
use super::rate_intervals::*;
use super::ratios::*;
use super::standardized::{MantelHaenszelState, StandardizedState};

#[test]
fn boundaries_of_five_looks_are_the_published_ones() {
    // Lan & DeMets spending at one-sided 0.025, five equal looks, as printed by common packages (last digit ±1).
    let looks = [0.2, 0.4, 0.6, 0.8, 1.0];
    let designs = [
        (
            SpendingFunction::OBrienFleming,
            [4.8769, 3.3569, 2.6803, 2.2898, 2.0310],
        ),
        (SpendingFunction::Pocock, [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ];
    for (spending, expected) in designs {
        let boundaries = group_sequential_boundary(&looks, 0.025, spending).unwrap();
        for (boundary, expected) in boundaries.iter().zip(expected) {
            assert!((boundary - expected).abs() < 1.5e-4, "{spending:?}: {boundaries:?}");
        }
    }
}

#[test]
fn boundaries_keep_ten_digits() {
    // mpmath: the nested integrals of the first three looks in 25 digits.
    let expected = [4.876_884_948_790_763, 3.357_011_921_574_643, 2.680_280_064_544_99];
    let looks = [0.2, 0.4, 0.6];
    let boundaries = group_sequential_boundary(&looks, 0.025, SpendingFunction::OBrienFleming).unwrap();
    for (boundary, expected) in boundaries.iter().zip(expected) {
        assert!((boundary / expected - 1.0).abs() < 1e-11, "{boundaries:?}");
    }
}

#[test]
fn one_look_spends_everything() {
    let boundary = group_sequential_boundary(&[1.0], 0.05, SpendingFunction::Pocock).unwrap();
    assert!((boundary[0] - 1.644_853_626_951_472_7).abs() < 1e-14);
    assert!(group_sequential_boundary(&[0.5, 0.5], 0.05, SpendingFunction::Pocock).is_err());
    assert!(group_sequential_boundary(&[], 0.05, SpendingFunction::Pocock).is_err());
}

#[test]
fn khours_and_mantel_haenszel() {
    let mut worst = Worst::new("planning and Mantel–Haenszel");
    worst.note(
        khours_to_detect(2.0, 1.5, 0.8, 0.05, 1.0, 2).unwrap(),
        30.600_503_604_051_806,
        "two arms",
    );
    worst.note(
        khours_to_detect(2.0, 1.5, 0.8, 0.05, 3.0, 1).unwrap(),
        45.900_755_406_077_71,
        "one arm",
    );
    let mut state = MantelHaenszelState::default();
    for (k1, h1, k0, h0) in [
        (12.0, 1500.0, 8.0, 2000.0),
        (40.0, 1000.0, 90.0, 4000.0),
        (3.0, 250.0, 1.0, 900.0),
    ] {
        state.update(k1, h1, k0, h0).unwrap();
    }
    let interval = state.finish(&TwoSidedLevel::new(0.95).unwrap());
    worst.note(interval.ratio.unwrap(), 1.903_586_800_573_888, "ratio");
    worst.note(interval.lower.unwrap(), 1.358_903_187_693_805_5, "lower");
    worst.note(interval.upper.unwrap(), 2.666_593_720_682_056_5, "upper");
    worst.finish(1e-13);
}

#[test]
fn grid_evidence_cusum_and_glr() {
    let mut worst = Worst::new("e-process, cusum, glr");
    let mut process = GridEProcess::default();
    process.update(12.0, 1500.0, 8.0, 2000.0, 1.2).unwrap();
    process.update(5.0, 0.0, 8.0, 2000.0, 1.2).unwrap();
    process.update(40.0, 1000.0, 90.0, 4000.0, 1.2).unwrap();
    worst.note(
        process.log_e(2.0).unwrap(),
        0.291_896_261_535_444_84,
        "grid, tempered by 2",
    );
    let level = PoissonCusum::default().step(12.0, 3000.0, 2.0, 2.0).unwrap();
    worst.note(level, 2.317_766_166_719_344, "cusum");
    let statistic = PoissonGlr::new(5).unwrap().step(12.0, 3000.0, 2.0).unwrap();
    worst.note(statistic, 2.317_766_166_719_344, "glr");
    worst.finish(1e-12);
    assert_eq!(PoissonCusum::default().step(0.0, 3000.0, 2.0, 2.0).unwrap(), 0.0);
    assert!(PoissonGlr::new(0).is_err());
}

#[test]
fn gamma_poisson_fit_finds_the_maximum() {
    let mut state = GammaPoissonState::default();
    for (count, khours) in [
        (0.0, 1.0),
        (2.0, 2.0),
        (30.0, 3.0),
        (5.0, 1.0),
        (60.0, 4.0),
        (1.0, 1.0),
        (12.0, 2.0),
    ] {
        state.update(count, 1000.0 * khours).unwrap();
    }
    let fit = state.fit().unwrap().unwrap();
    let mut worst = Worst::new("gamma_poisson_fit");
    worst.note(fit.shape, 0.940_540_759_096_601_5, "shape");
    worst.note(fit.khours, 0.167_648_358_281_843_35, "khours");
    worst.note(fit.log_likelihood, -23.229_376_934_438_103, "log-likelihood");
    worst.finish(1e-10);
    let mut even = GammaPoissonState::default();
    (0..5).for_each(|_| even.update(10.0, 1000.0).unwrap());
    assert_eq!(
        even.fit().unwrap(),
        None,
        "counts that vary less than Poisson have no gamma law"
    );
}

#[test]
fn evidence_over_many_cells() {
    // n = 4, alpha = 0.1: thresholds 40, 20, 13.3, 10 for the largest to the smallest.
    let log_e = [
        Some(25.0_f64.ln()),
        None,
        Some(21.0_f64.ln()),
        Some(1.0_f64.ln()),
        Some(5.0_f64.ln()),
    ];
    let rejected = ebh_reject(&log_e, 0.1).unwrap();
    assert_eq!(rejected, [Some(true), None, Some(true), Some(false), Some(false)]);
    let mut mean = MeanLogE::default();
    [800.0, 801.0, f64::NEG_INFINITY]
        .into_iter()
        .for_each(|log_e| mean.update(log_e));
    let expected = 801.0 + ((1.0 + (-1.0_f64).exp()) / 3.0).ln();
    assert!((mean.log_mean().unwrap() - expected).abs() < 1e-12);
}

#[test]
fn edges_of_one_rate() {
    let interval = |k, h| rate_ci(k, h, 0.95, RateMethod::Exact);
    let unknown = RateInterval {
        rate: None,
        lower: 0.0,
        upper: f64::INFINITY,
    };
    assert_eq!(interval(0.0, 0.0).unwrap(), unknown);
    assert_eq!(interval(3.0, 0.0).unwrap(), unknown);
    assert!(interval(f64::NAN, 1.0).unwrap().lower.is_nan());
    assert!(interval(-0.0, 1.0).unwrap().lower.is_sign_positive());
    let message = |result: super::Result<RateInterval>| result.unwrap_err().to_string();
    assert_eq!(
        message(interval(1.0, -3.0)),
        "invalid argument: usage_hours must be finite and >= 0 (got -3)"
    );
    assert_eq!(
        message(interval(f64::INFINITY, 1.0)),
        "invalid argument: count must be finite and >= 0 (got inf)"
    );
    assert!(message(rate_ci(1.0, 1.0, 95.0, RateMethod::Exact)).contains("write 95 % as 0.95"));
    assert_eq!(rate_enough(0.0, 10.0, 0.5, 0.95, 1.0).unwrap(), Some(false));
    assert_eq!(rate_enough(18.0, 10.0, 0.5, 0.95, 1.0).unwrap(), Some(true));
    assert_eq!(rate_enough(17.0, 10.0, 0.5, 0.95, 1.0).unwrap(), Some(false));
}

#[test]
fn edges_of_two_rates() {
    assert_eq!(rate_ratio(0.0, 1.0, 0.0, 1.0).unwrap(), None);
    assert_eq!(rate_ratio(2.0, 1.0, 0.0, 1.0).unwrap(), Some(f64::INFINITY));
    let nothing = rate_ratio_ci(0.0, 1.0, 0.0, 1.0, 0.95, RatioMethod::Exact).unwrap();
    assert_eq!((nothing.lower, nothing.upper), (Some(0.0), Some(f64::INFINITY)));
    // A count of next to nothing, and a tail so near a half that the mid-P bound of its odds is beneath every double.
    let hardly = rate_ratio_ci(1e-92, 1.0, 0.0, 1.0, 1e-16, RatioMethod::MidP).unwrap();
    assert_eq!(hardly.lower, Some(0.0));
    let etest = rate_ratio_test(6e5, 1.0, 6e5, 1.0, 1.0, Alternative::TwoSided, TestMethod::ETest);
    assert!(etest.unwrap_err().hint().unwrap().contains("score"));
    assert_eq!(rate_noninferior(100.0, 1e4, 100.0, 1e4, 0.5, 0.95).unwrap(), Some(true));
    assert_eq!(rate_noninferior(5.0, 1e3, 5.0, 1e3, 0.1, 0.95).unwrap(), Some(false));
    assert_eq!(rate_equivalent(1e4, 1e6, 1e4, 1e6, 0.1, 0.95).unwrap(), Some(true));
}

#[test]
fn a_stratum_without_exposure_is_refused_dropped_or_pooled() {
    let mut refused = StandardizedState::default();
    assert!(refused.update(0.0, 0.0, 10.0, MissingStratum::Error).is_err());
    let level = TwoSidedLevel::new(0.95).unwrap();
    let rate = |missing| {
        let mut state = StandardizedState::default();
        state.update(10.0, 1000.0, 30.0, missing).unwrap();
        state.update(40.0, 2000.0, 10.0, missing).unwrap();
        state.update(0.0, 0.0, 40.0, missing).unwrap();
        let finished = state.finish(&level, StandardizedMethod::FayFeuer, missing).unwrap();
        assert_eq!(finished.ref_covered, Some(0.5));
        finished.rate.unwrap()
    };
    // Strata rates 10 and 20 per khour with reference 30 : 10; pooled, the missing 40 have 50 events in 3 khours.
    assert!((rate(MissingStratum::Drop) - 12.5).abs() < 1e-12);
    assert!((rate(MissingStratum::Pool) - (0.5 * 12.5 + 0.5 * 50.0 / 3.0)).abs() < 1e-12);
}
