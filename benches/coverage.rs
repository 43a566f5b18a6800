//! How often the confidence intervals hold the true rate, in a seeded simulation: `cargo bench --bench coverage`.
//!
//! Prints the table of the documentation and ends with status 1 where a promise is not kept. Two laws: Poisson counts,
//! and crash loops, in which a few clients crash again and again. The dispersion is not given to the interval but
//! estimated, as in the product, from four earlier releases at equal age.

#![allow(clippy::expect_used)] // A measurement that meets what it did not expect has nothing to go on with.

use mission_control_udfs::statistics::dispersion_aligned::AlignedState;
use mission_control_udfs::statistics::method::RateMethod;
use mission_control_udfs::statistics::quasi::rate_ci_quasi_at;
use mission_control_udfs::statistics::rate_intervals::{TwoSidedLevel, rate_ci_at};
use std::process::ExitCode;

const SEED: u64 = 20_180_313;
const SAMPLES: usize = 20_000;
const EXPECTED_EVENTS: [f64; 11] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];
const CONFIDENCE: f64 = 0.95;
/// Three standard errors of a simulated share near 95 percent, and what the exact interval promises less that.
const EXACT_AT_LEAST: f64 = 0.947;
const QUASI_AT_LEAST: f64 = 0.945;

/// Earlier releases: how many, their 12-hour blocks (14 days) and the events to expect in each block, as on a beta
/// channel. With 40 events a block the estimate itself costs two points under heavy loops.
const RELEASES: u64 = 4;
const BLOCKS: u64 = 28;
const EVENTS_PER_BLOCK: f64 = 140.0;
/// Samples that share one estimate of the dispersion.
const SAMPLES_PER_HISTORY: usize = 100;

/// A law of counts: clients crash once, but this share of them in a loop of this many crashes on average.
struct Law {
    name: &'static str,
    loop_share: f64,
    loop_length: f64,
}

/// Dispersions 1, 1.4 and 5.2.
const POISSON: Law = Law {
    name: "Poisson",
    loop_share: 0.0,
    loop_length: 1.0,
};
const MODERATE: Law = Law {
    name: "moderate loops",
    loop_share: 0.0175,
    loop_length: 4.0,
};
const HEAVY: Law = Law {
    name: "heavy loops",
    loop_share: 0.0193,
    loop_length: 12.0,
};

impl Law {
    fn events_per_client(&self) -> f64 {
        1.0 + self.loop_share * (self.loop_length - 1.0)
    }

    /// Variance of the counts over their mean.
    fn dispersion(&self) -> f64 {
        let loop_square = 2.0 * self.loop_length * self.loop_length - self.loop_length;
        (1.0 - self.loop_share + self.loop_share * loop_square) / self.events_per_client()
    }

    fn draw(&self, expected: f64, random: &mut Random) -> f64 {
        let clients = random.poisson(expected / self.events_per_client());
        (0..clients).map(|_| self.draw_client(random)).sum()
    }

    fn draw_client(&self, random: &mut Random) -> f64 {
        if random.unit() < self.loop_share {
            random.geometric(self.loop_length)
        } else {
            1.0
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): small, and the same numbers everywhere.
struct Random(u64);

impl Random {
    /// Uniform over (0, 1).
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((mixed ^ (mixed >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Knuth's products, in pieces small enough for a double.
    fn poisson(&mut self, mean: f64) -> u64 {
        let mut rest = mean;
        let mut count = 0;
        while rest > 0.0 {
            let piece = rest.min(100.0);
            let mut product = self.unit();
            while product > (-piece).exp() {
                count += 1;
                product *= self.unit();
            }
            rest -= piece;
        }
        count
    }

    /// At least 1, with this mean.
    fn geometric(&mut self, mean: f64) -> f64 {
        1.0 + (self.unit().ln() / (1.0 - 1.0 / mean).ln()).floor()
    }
}

/// The dispersion that earlier releases of this law show.
fn estimated_dispersion(law: &Law, random: &mut Random) -> f64 {
    let mut history = AlignedState::<u64, u64>::default();
    for release in 0..RELEASES {
        for block in 0..BLOCKS {
            let count = law.draw(EVENTS_PER_BLOCK, random);
            history
                .update(release, block, count, 1000.0)
                .expect("a count in its domain");
        }
    }
    history.fit().map_or(1.0, |fit| fit.dispersion)
}

struct Shares {
    exact: f64,
    quasi: f64,
}

/// The shares of samples whose intervals hold the true rate.
fn coverage(law: &Law, expected: f64, random: &mut Random) -> Shares {
    let level = TwoSidedLevel::new(CONFIDENCE).expect("a confidence");
    let (mut exact_hits, mut quasi_hits) = (0, 0);
    let mut dispersion = 1.0;
    for sample in 0..SAMPLES {
        if sample % SAMPLES_PER_HISTORY == 0 {
            dispersion = estimated_dispersion(law, random);
        }
        let count = law.draw(expected, random);
        // 1000 hours, so that the true rate per khour is the expected count.
        let exact = rate_ci_at(count, 1000.0, &level, RateMethod::Exact).expect("an exact interval");
        let quasi = rate_ci_quasi_at(count, 1000.0, dispersion, &level, RateMethod::Exact).expect("a widened interval");
        exact_hits += usize::from((exact.lower..=exact.upper).contains(&expected));
        quasi_hits += usize::from((quasi.lower..=quasi.upper).contains(&expected));
    }
    let share = |hits: usize| hits as f64 / SAMPLES as f64;
    Shares {
        exact: share(exact_hits),
        quasi: share(quasi_hits),
    }
}

fn main() -> ExitCode {
    let laws = [POISSON, MODERATE, HEAVY];
    println!(
        "Share of {SAMPLES} samples whose 95 % interval holds the true rate; seed {SEED}; simulation error 0.2 %.\n"
    );
    let names: Vec<String> = laws
        .iter()
        .map(|law| {
            format!(
                "{0}: exact | {0} (dispersion {1:.1}): quasi",
                law.name,
                law.dispersion()
            )
        })
        .collect();
    println!("| expected events | {} |", names.join(" | "));
    println!("|---:|{}", "---:|".repeat(2 * laws.len()));
    let mut random = Random(SEED);
    let mut kept = true;
    for expected in EXPECTED_EVENTS {
        let mut cells = Vec::new();
        for law in &laws {
            let Shares { exact, quasi } = coverage(law, expected, &mut random);
            kept &= quasi >= QUASI_AT_LEAST && (law.loop_share > 0.0 || exact >= EXACT_AT_LEAST);
            cells.push(format!("{:.1} % | {:.1} %", 100.0 * exact, 100.0 * quasi));
        }
        println!("| {expected} | {} |", cells.join(" | "));
    }
    println!(
        "\nexact under Poisson at least 94.7 %, quasi at least 94.5 %: {}",
        if kept { "kept" } else { "not kept" }
    );
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
