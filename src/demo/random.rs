//! Draws for the demo: one reproducible stream a day, and fixed values that depend on a key only.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The stream of one day. Days do not share a stream, so that they can be made in any order and on any thread.
pub(super) fn stream_of_day(seed: u64, day: i64) -> ChaCha8Rng {
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    stream.set_stream(day.unsigned_abs());
    stream
}

/// Means up to this are drawn in one go; larger ones as a sum of independent parts, which is Poisson again.
const LARGEST_MEAN_AT_ONCE: f64 = 30.0;

/// A number of events with this mean; 0 for a mean that is not positive.
pub(super) fn poisson(rng: &mut impl Rng, mean: f64) -> u32 {
    let mut rest = if mean.is_finite() { mean.max(0.0) } else { 0.0 };
    let mut events = 0;
    while rest > LARGEST_MEAN_AT_ONCE {
        events += poisson_by_products(rng, LARGEST_MEAN_AT_ONCE);
        rest -= LARGEST_MEAN_AT_ONCE;
    }
    events + poisson_by_products(rng, rest)
}

/// Counts how many uniforms can be multiplied before the product falls below exp(-mean) (Knuth, The Art of Computer
/// Programming, volume 2, section 3.4.1).
fn poisson_by_products(rng: &mut impl Rng, mean: f64) -> u32 {
    let end = (-mean).exp();
    let mut product = rng.random::<f64>();
    let mut events = 0;
    while product > end {
        product *= rng.random::<f64>();
        events += 1;
    }
    events
}

/// How often one misbehaving client repeats its crash: at least once, `mean` times on average.
pub(super) fn repetitions(rng: &mut impl Rng, mean: f64) -> u32 {
    if mean <= 1.0 {
        return 1;
    }
    // The geometric law by inversion; 1 - u lies in (0, 1], so the logarithm is finite.
    let failures = (1.0 - rng.random::<f64>()).ln() / (-1.0 / mean).ln_1p();
    1 + failures.min(500.0) as u32
}

/// `value` rounded up or down at random so that its mean is kept.
pub(super) fn round_randomly(rng: &mut impl Rng, value: f64) -> usize {
    let whole = value.floor();
    whole as usize + usize::from(rng.random::<f64>() < value - whole)
}

/// How many of `trials` succeed.
pub(super) fn thin(rng: &mut impl Rng, trials: u32, probability: f64) -> u32 {
    (0..trials).filter(|_| rng.random::<f64>() < probability).count() as u32
}

/// A uniform value in 0..1 fixed by the seed and the key.
pub(super) fn uniform_of_key(seed: u64, key: &str) -> f64 {
    // FNV-1a over the key, then the splitmix64 finaliser to spread neighbouring keys apart.
    let mut hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64 ^ seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((hash ^ (hash >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A standard normal value fixed by the seed and the key (the sum of twelve uniforms, which ends at six sigma).
pub(super) fn normal_of_key(seed: u64, key: &str) -> f64 {
    (0..12_u64)
        .map(|part| uniform_of_key(seed.rotate_left(5) ^ (part << 56), key))
        .sum::<f64>()
        - 6.0
}
