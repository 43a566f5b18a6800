//! What must hold for every input: order, monotony, mergeable states, and an answer or an error for any bit pattern.

use super::change::{PoissonCusum, PoissonGlr};
use super::confidence_sequence::rate_cs;
use super::dispersion::DispersionState;
use super::dispersion_aligned::AlignedState;
use super::empirical_bayes::{GammaPoissonState, MarshallPrior};
use super::eprocess::{Direction, GridEProcess, NormalEProcess};
use super::error::{Result, StatisticsError};
use super::many::{MeanLogE, adjust_p_values, ebh_reject};
use super::method::*;
use super::planning::{khours_to_detect, min_events, rate_enough};
use super::posterior::rate_posterior;
use super::predictive::{nb_cdf, nb_ppf, predictive_lower, predictive_upper};
use super::quasi::rate_ci_quasi;
use super::rate_intervals::*;
use super::ratios::*;
use super::standardized::{MantelHaenszelState, StandardizedState};
use proptest::prelude::*;

const SLACK: f64 = 1e-12;

fn rate_methods() -> impl Strategy<Value = RateMethod> {
    prop::sample::select(RateMethod::NAMES).prop_map(|name| name.parse().unwrap())
}

fn ratio_methods() -> impl Strategy<Value = RatioMethod> {
    prop::sample::select(RatioMethod::NAMES).prop_map(|name| name.parse().unwrap())
}

/// Whole and fractional counts over the whole range.
fn counts() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        (0u32..50).prop_map(f64::from),
        (0.0..12.0f64).prop_map(|e| 10f64.powf(e).floor()),
        (-3.0..12.0f64).prop_map(|e| 10f64.powf(e)),
    ]
}

fn hours() -> impl Strategy<Value = f64> {
    (-3.0..12.0f64).prop_map(|e| 10f64.powf(e))
}

fn confidences() -> impl Strategy<Value = f64> {
    prop_oneof![
        0.5..0.9999f64,
        (0.3..10.0f64).prop_map(|e| 1.0 - 10f64.powf(-e)),
        0.01..0.5f64
    ]
}

/// Every bit pattern, and the ones that hurt more often.
fn any_bits() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        prop::sample::select(vec![
            0.0,
            -0.0,
            1.0,
            0.5,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            1e-16,
            1e12,
            1e300,
            1.0 - 1e-16,
            1e-300,
            95.0,
            -1.0,
        ]),
        counts(),
    ]
}

/// An argument outside the domain is fine, an iteration that does not end is not.
fn settles<T>(result: Result<T>) -> std::result::Result<(), TestCaseError> {
    match result {
        Err(error @ StatisticsError::NotConverged { .. }) => Err(TestCaseError::fail(error.to_string())),
        _ => Ok(()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bounds_enclose_the_rate(k in counts(), h in hours(), c in confidences(), method in rate_methods()) {
        let interval = rate_ci(k, h, c, method).unwrap();
        let rate = interval.rate.unwrap();
        prop_assert!(0.0 <= interval.lower && interval.lower <= rate && rate <= interval.upper, "{interval:?}");
        let level = TwoSidedLevel::new(c).unwrap();
        prop_assert_eq!(rate_lower_at(k, h, &level, method).unwrap(), interval.lower);
        prop_assert_eq!(rate_upper_at(k, h, &level, method).unwrap(), interval.upper);
    }

    #[test]
    fn bounds_are_monotone(k in counts(), more in counts(), h in hours(), c in confidences(), method in rate_methods()) {
        let base = rate_ci(k, h, c, method).unwrap();
        let next = rate_ci(k + more, h, c, method).unwrap();
        prop_assert!(next.lower >= base.lower * (1.0 - SLACK), "count: {base:?} {next:?}");
        prop_assert!(next.upper >= base.upper * (1.0 - SLACK), "count: {base:?} {next:?}");
        let longer = rate_ci(k, h * 1.5, c, method).unwrap();
        prop_assert!(longer.lower <= base.lower && longer.upper <= base.upper, "hours");
        let surer = rate_ci(k, h, c + 0.5 * (1.0 - c), method).unwrap();
        prop_assert!(surer.lower <= base.lower * (1.0 + SLACK) && surer.upper >= base.upper * (1.0 - SLACK), "confidence");
    }

    #[test]
    fn ratio_bounds_enclose_the_ratio(
        k1 in counts(), h1 in hours(), k0 in counts(), h0 in hours(), c in confidences(), method in ratio_methods()
    ) {
        let interval = rate_ratio_ci(k1, h1, k0, h0, c, method).unwrap();
        if let (Some(ratio), Some(lower), Some(upper)) = (interval.ratio, interval.lower, interval.upper) {
            prop_assert!(0.0 <= lower && lower <= ratio && ratio <= upper, "{interval:?}");
        }
    }

    #[test]
    fn exact_test_and_interval_agree(k1 in 1u32..100_000, h1 in hours(), k0 in 1u32..100_000, h0 in hours(), c in 0.5..0.9999f64) {
        let interval = rate_ratio_ci(k1.into(), h1, k0.into(), h0, c, RatioMethod::Exact).unwrap();
        let p = rate_ratio_test(
            k1.into(), h1, k0.into(), h0, interval.lower.unwrap(), Alternative::Greater, TestMethod::Exact,
        ).unwrap();
        let tail = 0.5 * (1.0 - c);
        prop_assert!((p / tail - 1.0).abs() < 1e-9, "{p} {tail}");
    }

    #[test]
    fn any_bits_settle_for_one_rate(
        a in any_bits(), b in any_bits(), c in any_bits(), d in any_bits(), e in any_bits(), method in rate_methods()
    ) {
        settles(rate_ci(a, b, c, method))?;
        settles(rate_ci(a, b, 0.95, method))?;
        settles(rate_upper_bound(a, b, c))?;
        settles(rate_posterior(a, b, d, e, 0.95))?;
        settles(rate_ci_quasi(a, b, d, c, RateMethod::Exact))?;
        settles(rate_cs(a, b, c, d, e))?;
        settles(predictive_lower(a, b, d))?;
        settles(predictive_upper(a, b, d))?;
        settles(nb_cdf(a, b, d))?;
        settles(rate_enough(a, b, c, 0.95, d))?;
        settles(min_events(a, c))?;
        settles(khours_to_detect(a, b, c, 0.05, d, 2))?;
        settles(PoissonCusum::default().step(a, b, c, d))?;
        settles(PoissonGlr::new(3).unwrap().step(a, b, c))?;
        settles(MarshallPrior::fit(&[(a, b), (c, d)]))?;
    }

    #[test]
    fn any_bits_settle_for_two_rates(
        a in any_bits(), b in any_bits(), c in any_bits(), d in any_bits(), e in any_bits(), method in ratio_methods()
    ) {
        settles(rate_ratio_ci(a, b, c, d, e, method))?;
        settles(rate_ratio_ci(a, b, c, d, 0.95, method))?;
        settles(rate_diff_ci(a, b, c, d, e))?;
        settles(rate_noninferior(a, b, c, d, e, 0.95))?;
        settles(rate_equivalent(a, b, c, d, e, 0.95))?;
        for test in [TestMethod::Exact, TestMethod::MidP, TestMethod::Score] {
            settles(rate_ratio_test(a, b, c, d, e, Alternative::TwoSided, test))?;
        }
        settles(GridEProcess::default().update(a, b, c, d, e))?;
        settles(NormalEProcess::default().update(a, b, c, d, e))?;
        settles(adjust_p_values(&[Some(a), None, Some(b)], AdjustMethod::Holm))?;
        settles(ebh_reject(&[Some(a), None, Some(b)], c))?;
    }

    #[test]
    fn one_stratum_is_garwood(k in counts(), h in hours(), reference in hours()) {
        let mut state = StandardizedState::default();
        state.update(k, h, reference, MissingStratum::Error).unwrap();
        let level = TwoSidedLevel::new(0.95).unwrap();
        let standardized = state.finish(&level, StandardizedMethod::FayFeuer, MissingStratum::Error).unwrap();
        let garwood = rate_ci(k, h, 0.95, RateMethod::Exact).unwrap();
        for (left, right) in [(standardized.lower.unwrap(), garwood.lower), (standardized.upper.unwrap(), garwood.upper)] {
            // Below 1e-290 the weights' rounding is magnified by the smallness of the count.
            prop_assert!((left - right).abs() <= 1e-11 * right + 1e-290, "{left} {right}");
        }
    }

    #[test]
    fn any_split_merges_to_one_batch(
        rows in prop::collection::vec((0u32..500, 1.0..1e4f64, 0u32..500, 1.0..1e4f64), 2..40), cut in 0usize..40
    ) {
        let cut = cut.min(rows.len());
        let (left, right) = rows.split_at(cut);
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs().max(1.0);
        let dispersion = |rows: &[(u32, f64, u32, f64)]| {
            let mut state = DispersionState::default();
            rows.iter().for_each(|row| state.update(row.0.into(), row.1).unwrap());
            state
        };
        let mut merged = dispersion(right);
        merged.merge(&dispersion(left));
        let merged = DispersionState::from_parts(merged.rows, merged.to_parts());
        prop_assert!(close(merged.dispersion().unwrap_or(0.0), dispersion(&rows).dispersion().unwrap_or(0.0)));
        prop_assert!(close(merged.nb_size().unwrap_or(0.0), dispersion(&rows).nb_size().unwrap_or(0.0)));
        let grid = |rows: &[(u32, f64, u32, f64)]| {
            let mut state = GridEProcess::default();
            rows.iter().for_each(|row| state.update(row.0.into(), row.1, row.2.into(), row.3, 1.2).unwrap());
            state
        };
        let mut merged = grid(right);
        merged.merge(&GridEProcess::from_parts(&grid(left).to_parts()));
        prop_assert!(close(merged.log_e(1.0).unwrap(), grid(&rows).log_e(1.0).unwrap()));
        let normal = |rows: &[(u32, f64, u32, f64)]| {
            let mut state = NormalEProcess::default();
            rows.iter().for_each(|row| state.update(row.0.into(), row.1, row.2.into(), row.3, 1.2).unwrap());
            state
        };
        let mut merged = normal(right);
        merged.merge(&NormalEProcess::from_parts(normal(left).to_parts()));
        let whole = normal(&rows).log_e(2.0, Direction::Greater).unwrap();
        prop_assert!(close(merged.log_e(2.0, Direction::Greater).unwrap(), whole));
        let standardized = |rows: &[(u32, f64, u32, f64)]| {
            let mut state = StandardizedState::default();
            rows.iter().for_each(|row| state.update(row.0.into(), row.1, row.3, MissingStratum::Error).unwrap());
            state
        };
        let level = TwoSidedLevel::new(0.95).unwrap();
        let finish = |state: StandardizedState| {
            state.finish(&level, StandardizedMethod::Tiwari, MissingStratum::Error).unwrap().upper.unwrap()
        };
        let mut merged = standardized(right);
        merged.merge(&StandardizedState::from_parts(standardized(left).to_parts()));
        prop_assert!(close(finish(merged), finish(standardized(&rows))));
        let ratio = |rows: &[(u32, f64, u32, f64)]| {
            let mut state = MantelHaenszelState::default();
            rows.iter().for_each(|row| state.update(row.0.into(), row.1, row.2.into(), row.3).unwrap());
            state
        };
        let mut merged = ratio(right);
        merged.merge(&MantelHaenszelState::from_parts(ratio(left).to_parts()));
        let (merged, whole) = (merged.finish(&level).ratio, ratio(&rows).finish(&level).ratio);
        prop_assert!(merged == whole || close(merged.unwrap(), whole.unwrap()));
        let aligned = |rows: &[(u32, f64, u32, f64)]| {
            let mut state = AlignedState::default();
            rows.iter().for_each(|row| state.update(row.0 % 3, row.2 % 4, row.0.into(), row.1).unwrap());
            state
        };
        let mut merged = aligned(right);
        merged.merge(&aligned(left));
        let (merged, whole) = (merged.fit(), aligned(&rows).fit());
        prop_assert_eq!(merged.is_some(), whole.is_some());
        prop_assert!(close(merged.map_or(0.0, |fit| fit.dispersion), whole.map_or(0.0, |fit| fit.dispersion)));
        let mean = |rows: &[(u32, f64, u32, f64)]| {
            let mut state = MeanLogE::default();
            rows.iter().for_each(|row| state.update(f64::from(row.0) - 250.0));
            state
        };
        let mut merged = mean(right);
        merged.merge(&mean(left));
        prop_assert!(close(merged.log_mean().unwrap(), mean(&rows).log_mean().unwrap()));
    }

    #[test]
    fn gamma_poisson_fit_ignores_order(rows in prop::collection::vec((0u32..60, 100.0..1e4f64), 2..12)) {
        let fit = |rows: &[(u32, f64)]| {
            let mut state = GammaPoissonState::default();
            rows.iter().for_each(|row| state.update(row.0.into(), row.1).unwrap());
            state.fit().unwrap()
        };
        let mut reversed = rows.clone();
        reversed.reverse();
        let (forward, backward) = (fit(&rows), fit(&reversed));
        prop_assert_eq!(forward.is_some(), backward.is_some());
        if let (Some(forward), Some(backward)) = (forward, backward) {
            prop_assert!((forward.shape / backward.shape - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn nb_quantile_inverts_the_distribution(mean in 0.01..1e6f64, size in 0.05..1e4f64, p in 0.001..0.999f64) {
        let count = nb_ppf(mean, size, p).unwrap();
        prop_assert!(nb_cdf(mean, size, count).unwrap() >= p);
        prop_assert!(count == 0.0 || nb_cdf(mean, size, count - 1.0).unwrap() < p);
    }
}
