//! Boundaries of a group sequential design: Lan–DeMets spending, recursive integration of the stopped score process.

use super::arguments::{any_nan, open_unit};
use super::error::{Result, StatisticsError};
use super::method::SpendingFunction;
use super::special::{GAUSS_NODES, GAUSS_WEIGHTS, normal_cdf, normal_upper_quantile};
use std::f64::consts::{E, PI};

/// More looks than this are refused: each costs an integral over all earlier ones.
pub const MAX_LOOKS: usize = 50;
/// Standard deviations of the score that are followed downwards.
const DEPTH: f64 = 8.5;
const MAX_PANELS: usize = 40;

/// One-sided boundaries on the z scale, one per look, for increasing fractions of information in (0, 1].
///
/// NaN among the fractions, or as `alpha`, makes every boundary NaN. A look at which nothing can be spent has +Inf.
pub fn group_sequential_boundary(info_fractions: &[f64], alpha: f64, spending: SpendingFunction) -> Result<Vec<f64>> {
    let alpha = open_unit("alpha", alpha)?;
    if alpha.is_nan() || any_nan(info_fractions) {
        return Ok(vec![f64::NAN; info_fractions.len()]);
    }
    check_fractions(info_fractions)?;
    let mut boundaries = Vec::with_capacity(info_fractions.len());
    let mut density: Option<ScoreDensity> = None;
    let mut spent = 0.0;
    let mut before = 0.0;
    for (look, &fraction) in info_fractions.iter().enumerate() {
        let spend = spending_at(fraction, alpha, spending);
        let score = match &density {
            None => fraction.sqrt() * normal_upper_quantile(spend),
            Some(density) => density.boundary(fraction - before, spend - spent, fraction)?,
        };
        boundaries.push(score / fraction.sqrt());
        let next = info_fractions.get(look + 1).map_or(1.0, |next| next - fraction);
        let grid = Grid::new(score, fraction, next);
        density = Some(match &density {
            None => ScoreDensity::first(grid, fraction),
            Some(density) => density.step(grid, fraction - before),
        });
        (spent, before) = (spend, fraction);
    }
    Ok(boundaries)
}

fn check_fractions(fractions: &[f64]) -> Result<()> {
    if fractions.is_empty() || fractions.len() > MAX_LOOKS {
        return Err(StatisticsError::invalid(
            "info_fractions",
            "between 1 and 50 looks",
            fractions.len(),
        ));
    }
    let mut before = 0.0;
    for &fraction in fractions {
        if !(fraction > before && fraction <= 1.0) {
            return Err(StatisticsError::invalid(
                "info_fractions",
                "increasing, above 0 and at most 1",
                fraction,
            ));
        }
        before = fraction;
    }
    Ok(())
}

/// One-sided error spent up to a fraction of the information.
fn spending_at(fraction: f64, alpha: f64, spending: SpendingFunction) -> f64 {
    match spending {
        SpendingFunction::OBrienFleming => 2.0 * normal_cdf(-normal_upper_quantile(0.5 * alpha) / fraction.sqrt()),
        SpendingFunction::Pocock => alpha * ((E - 1.0) * fraction).ln_1p(),
    }
}

/// Gauss–Legendre panels over the scores that go on.
struct Grid {
    points: Vec<(f64, f64)>,
}

impl Grid {
    /// Up to `top`, fine enough for the next increment's kernel.
    fn new(top: f64, fraction: f64, next_increment: f64) -> Self {
        let deviation = fraction.sqrt();
        let bottom = -DEPTH * deviation;
        let top = top.clamp(bottom, DEPTH * deviation);
        let finest = deviation.min(next_increment.sqrt());
        let panels = (((top - bottom) / (9.0 * finest)).ceil() as usize).clamp(1, MAX_PANELS);
        let half = 0.5 * (top - bottom) / panels as f64;
        let mut points = Vec::with_capacity(panels * 2 * GAUSS_NODES.len());
        for panel in 0..panels {
            let centre = bottom + half * (2 * panel + 1) as f64;
            for (node, weight) in GAUSS_NODES.iter().zip(GAUSS_WEIGHTS) {
                points.push((centre - half * node, half * weight));
                points.push((centre + half * node, half * weight));
            }
        }
        Self { points }
    }
}

/// Density of the score among designs that have not stopped, times the quadrature weights.
struct ScoreDensity {
    masses: Vec<(f64, f64)>,
}

impl ScoreDensity {
    fn first(grid: Grid, fraction: f64) -> Self {
        let masses = grid
            .points
            .into_iter()
            .map(|(at, weight)| (at, weight * normal_density(at, fraction)))
            .collect();
        Self { masses }
    }

    fn step(&self, grid: Grid, increment: f64) -> Self {
        let density = |at: f64| -> f64 {
            self.masses
                .iter()
                .map(|(from, mass)| mass * normal_density(at - from, increment))
                .sum()
        };
        let masses = grid
            .points
            .into_iter()
            .map(|(at, weight)| (at, weight * density(at)))
            .collect();
        Self { masses }
    }

    /// The score that is exceeded after an increment with probability `spend`.
    fn boundary(&self, increment: f64, spend: f64, fraction: f64) -> Result<f64> {
        if spend <= 0.0 {
            return Ok(f64::INFINITY);
        }
        let deviation = increment.sqrt();
        let exceeded = |score: f64| -> f64 {
            self.masses
                .iter()
                .map(|(from, mass)| mass * normal_cdf((from - score) / deviation))
                .sum()
        };
        let (mut low, mut high) = (-DEPTH * fraction.sqrt(), 40.0 * fraction.sqrt());
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                return Ok(middle);
            }
            if exceeded(middle) > spend {
                low = middle;
            } else {
                high = middle;
            }
        }
        Err(StatisticsError::not_converged(
            "group_sequential_boundary",
            &[("info_fraction", fraction)],
        ))
    }
}

fn normal_density(at: f64, variance: f64) -> f64 {
    (-0.5 * at * at / variance).exp() / (2.0 * PI * variance).sqrt()
}
