//! A seeded log that holds everything that can go wrong between a publisher and the fold.

mod breaks;
mod broken;
mod envelope;
mod orders;
mod payloads;
mod runs;
mod summaries;
mod words;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use super::meaning::Draft;
use envelope::Writers;

pub const PARTITIONS: i32 = 4;
/// `limits.value_bytes_max` that the log is made for.
pub const VALUE_BYTES_MAX: usize = 200_000;

const ORDERS: usize = 720;
const RUNS: usize = 420;
/// Of the sound records of [`hard_log_of`].
const RUNS_SHARE: f64 = 0.12;

const SEED: u64 = 20_261_123;

/// FOLDBACK_TEST_SEED sets another one.
pub fn seed() -> u64 {
    std::env::var("FOLDBACK_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED)
}

/// Ids of the registered schemas, which frame the records.
pub type SchemaIds = super::registry::SchemaIds;

/// Drafts in the order in which they are to be written; the same for the same seed and ids.
pub fn hard_log(seed: u64, ids: &SchemaIds) -> Vec<Draft> {
    let mut source = Source::new(seed, ids);
    let mut log = Vec::new();
    for _ in 0..ORDERS {
        log.extend(orders::records_of_one_order(&mut source));
    }
    for _ in 0..RUNS {
        log.extend(runs::records_of_one_run(&mut source));
    }
    log.extend(broken::records(&mut source));
    shuffle_near(&mut log, &mut source.rng);
    log
}

/// The same in another size: about so many drafts, this share of which must become dead letters.
pub fn hard_log_of(seed: u64, ids: &SchemaIds, drafts: usize, broken: f64) -> Vec<Draft> {
    let mut source = Source::new(seed, ids);
    let mut log = Vec::new();
    let share = |share: f64| (drafts as f64 * share) as usize;
    while log.len() < share(broken) {
        let mut some = broken::records(&mut source);
        some.shuffle(&mut source.rng);
        some.truncate(share(broken) - log.len());
        log.append(&mut some);
    }
    while log.len() < share(broken + (1.0 - broken) * RUNS_SHARE) {
        log.extend(runs::records_of_one_run(&mut source));
    }
    while log.len() < drafts {
        log.extend(orders::records_of_one_order(&mut source));
    }
    shuffle_near(&mut log, &mut source.rng);
    log
}

/// Where every random choice comes from, and what encodes.
pub struct Source {
    pub rng: StdRng,
    pub writers: Writers,
}

impl Source {
    fn new(seed: u64, ids: &SchemaIds) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), writers: Writers::new(ids) }
    }

    pub fn uuid(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.rng.random()).into_uuid()
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.rng.random_range(0..end)
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub fn maybe<T>(&mut self, probability: f64, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.chance(probability).then(|| make(self))
    }

    pub fn partition(&mut self) -> i32 {
        self.rng.random_range(0..PARTITIONS)
    }

    /// Microseconds around 2026, sometimes far away, and never on a whole second by habit.
    pub fn time(&mut self) -> i64 {
        match self.below(40) {
            0 => -62_135_596_800_000_000, // 0001-01-01T00:00:00
            1 => 253_402_300_799_999_999, // 9999-12-31T23:59:59.999999
            2 => -1,                      // just before 1970
            3..9 => 1_795_000_000_000_000 + self.rng.random_range(0..30) * 1_000_000,
            _ => 1_795_000_000_000_000 + self.rng.random_range(0..90_000_000_000_000),
        }
    }

    /// What the broker is told as a record's time, in milliseconds: in the past, since it refuses the future.
    pub fn timestamp_millis(&mut self) -> i64 {
        1_700_000_000_000 + self.rng.random_range(0..5_000_000_000)
    }
}

/// Mixes all partitions and topics, and within an order what lies far apart too: half of the records move anywhere.
fn shuffle_near(log: &mut [Draft], rng: &mut StdRng) {
    for window in log.chunks_mut(400) {
        window.shuffle(rng);
    }
    for _ in 0..log.len() / 2 {
        let (a, b) = (rng.random_range(0..log.len()), rng.random_range(0..log.len()));
        log.swap(a, b);
    }
}
