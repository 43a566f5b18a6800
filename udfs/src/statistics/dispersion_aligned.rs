//! Dispersion from previous releases at equal age: block rates times release factors, and the spread between releases.

use super::arguments::{count as check_count, usage_hours as check_hours};
use super::error::Result;
use super::sums::CompensatedSum;
use std::collections::{BTreeMap, BTreeSet};

/// Prior spread of log release factors unless another is given, and its weight in releases.
pub const PRIOR_TAU: f64 = 0.1;
const PRIOR_WEIGHT: f64 = 4.0;
/// A release this many standard errors from the median is dropped.
const OUTLIER_DISTANCE: f64 = 3.0;
const MIN_RELEASES_TO_DROP: usize = 3;

/// Events and usage hours per release and age block; merges in any order.
#[derive(Debug, Clone, PartialEq)]
pub struct AlignedState<R: Ord, B: Ord> {
    cells: BTreeMap<(R, B), (CompensatedSum, CompensatedSum)>,
}

impl<R: Ord, B: Ord> Default for AlignedState<R, B> {
    fn default() -> Self {
        Self { cells: BTreeMap::new() }
    }
}

/// What the previous releases say.
#[derive(Debug, Clone, PartialEq)]
pub struct AlignedFit<R> {
    /// Pearson's factor, at least 1.
    pub dispersion: f64,
    pub degrees_of_freedom: f64,
    /// Standard deviation of log release factors.
    pub tau: f64,
    /// The releases kept.
    pub releases: Vec<ReleaseFactor<R>>,
    /// The one release left out as an outlier.
    pub dropped: Option<R>,
}

/// A release's own events against those that all releases' block rates give it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseFactor<R> {
    pub release: R,
    pub count: f64,
    pub expected: f64,
}

impl<R> ReleaseFactor<R> {
    /// `ln((count + ½) / (expected + ½))`
    pub fn log_factor(&self) -> f64 {
        ((self.count + 0.5) / (self.expected + 0.5)).ln()
    }
}

impl<R: Ord + Clone, B: Ord + Clone> AlignedState<R, B> {
    /// Adds events and usage hours of one release and age block. Rows without exposure count into their block.
    pub fn update(&mut self, release: R, block: B, count: f64, usage_hours: f64) -> Result<()> {
        let (count, hours) = (check_count(count)?, check_hours(usage_hours)?);
        let cell = self.cells.entry((release, block)).or_default();
        cell.0.add(count);
        cell.1.add(hours);
        Ok(())
    }

    /// Adds another partial state.
    pub fn merge(&mut self, other: &Self) {
        for (key, (count, hours)) in &other.cells {
            let cell = self.cells.entry(key.clone()).or_default();
            cell.0.merge(count);
            cell.1.merge(hours);
        }
    }

    /// Every release, block, and the parts of its sums of events and of usage hours.
    pub fn cells(&self) -> impl Iterator<Item = (&R, &B, [f64; 4])> {
        self.cells.iter().map(|((release, block), (count, hours))| {
            let ((a, b), (c, d)) = (count.parts(), hours.parts());
            (release, block, [a, b, c, d])
        })
    }

    /// Puts back a cell from [`Self::cells`].
    pub fn insert_parts(&mut self, release: R, block: B, [a, b, c, d]: [f64; 4]) {
        let cell = self.cells.entry((release, block)).or_default();
        cell.0.merge(&CompensatedSum::from_parts(a, b));
        cell.1.merge(&CompensatedSum::from_parts(c, d));
    }

    /// The fit, after at most one outlier among three or more releases was left out.
    ///
    /// None without degrees of freedom (fewer than two releases or blocks). NaN anywhere gives NaN.
    pub fn fit(&self) -> Option<AlignedFit<R>> {
        self.fit_with_prior(PRIOR_TAU)
    }

    /// The fit where releases are known to differ by this standard deviation of the logarithm of their rates.
    pub fn fit_with_prior(&self, prior_tau: f64) -> Option<AlignedFit<R>> {
        let fit = self.fit_without(None, prior_tau)?;
        match outlier(&fit, prior_tau) {
            Some(release) => self.fit_without(Some(&release), prior_tau),
            None => Some(fit),
        }
    }

    fn fit_without(&self, dropped: Option<&R>, prior_tau: f64) -> Option<AlignedFit<R>> {
        let cells: Vec<(&R, &B, f64, f64)> = self
            .cells
            .iter()
            .filter(|((release, _), _)| Some(release) != dropped)
            .map(|((release, block), (count, hours))| (release, block, count.value(), hours.value()))
            .collect();
        let mut blocks: BTreeMap<&B, (f64, f64)> = BTreeMap::new();
        for (_, block, count, hours) in &cells {
            let sums = blocks.entry(block).or_default();
            sums.0 += count;
            sums.1 += hours;
        }
        let block_rate = |block: &B| {
            blocks
                .get(block)
                .map_or(0.0, |(count, hours)| if *hours > 0.0 { count / hours } else { 0.0 })
        };
        let mut releases: BTreeMap<&R, (f64, f64)> = BTreeMap::new();
        for (release, block, count, hours) in &cells {
            let sums = releases.entry(release).or_default();
            sums.0 += count;
            sums.1 += block_rate(block) * hours;
        }
        let (mut residual, mut used, mut used_blocks) = (0.0, 0.0, BTreeSet::new());
        for (release, block, count, hours) in &cells {
            let (events, expected) = releases[release];
            let mean = events / expected * block_rate(block) * hours;
            if mean > 0.0 || mean.is_nan() && events.is_nan() {
                residual += (count - mean) * (count - mean) / mean;
                used += 1.0;
                used_blocks.insert(*block);
            }
        }
        let degrees_of_freedom = used - releases.len() as f64 - used_blocks.len() as f64 + 1.0;
        if releases.len() < 2 || degrees_of_freedom < 1.0 {
            return None;
        }
        let ratio = residual / degrees_of_freedom;
        let dispersion = if ratio < 1.0 { 1.0 } else { ratio };
        let releases: Vec<ReleaseFactor<R>> = releases
            .into_iter()
            .map(|(release, (count, expected))| ReleaseFactor {
                release: release.clone(),
                count,
                expected,
            })
            .collect();
        let tau = spread(&releases, dispersion, prior_tau);
        Some(AlignedFit {
            dispersion,
            degrees_of_freedom,
            tau,
            releases,
            dropped: dropped.cloned(),
        })
    }
}

/// The release farthest from the median, when it is too far.
fn outlier<R: Clone>(fit: &AlignedFit<R>, prior_tau: f64) -> Option<R> {
    if fit.releases.len() < MIN_RELEASES_TO_DROP {
        return None;
    }
    let mut logs: Vec<f64> = fit.releases.iter().map(ReleaseFactor::log_factor).collect();
    logs.sort_by(f64::total_cmp);
    let middle = logs.len() / 2;
    let median = if logs.len() % 2 == 1 {
        logs[middle]
    } else {
        0.5 * (logs[middle - 1] + logs[middle])
    };
    let distance = |release: &ReleaseFactor<R>| {
        let variance = prior_tau * prior_tau + fit.dispersion / release.count.max(1.0);
        (release.log_factor() - median).abs() / variance.sqrt()
    };
    let farthest = fit
        .releases
        .iter()
        .max_by(|left, right| distance(left).total_cmp(&distance(right)))?;
    (distance(farthest) > OUTLIER_DISTANCE).then(|| farthest.release.clone())
}

/// Between-release standard deviation: observed spread of log factors less its sampling part, shrunk to the prior.
fn spread<R>(releases: &[ReleaseFactor<R>], dispersion: f64, prior_tau: f64) -> f64 {
    let n = releases.len() as f64;
    let logs: Vec<f64> = releases.iter().map(ReleaseFactor::log_factor).collect();
    let mean = logs.iter().sum::<f64>() / n;
    let observed = logs.iter().map(|log| (log - mean) * (log - mean)).sum::<f64>();
    let sampling = releases
        .iter()
        .map(|release| dispersion / release.count.max(1.0))
        .sum::<f64>()
        / n;
    let between = (observed - (n - 1.0) * sampling).max(0.0);
    ((PRIOR_WEIGHT * prior_tau * prior_tau + between) / (n + PRIOR_WEIGHT - 1.0)).sqrt()
}
