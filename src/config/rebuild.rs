//! `[rebuild]`: how a generation is rebuilt, and what it must meet to go live.

use std::time::Duration;

use super::values::Values;
use super::{ConfigError, Key, Kind, Preset};

const WORKERS: Key = Key {
    name: "rebuild.workers",
    kind: Kind::Number { min: 1, max: 64, unit: "workers" },
    preset: Preset::Cores { max: 4 },
    doc: "Workers for a rebuild, each with its own consumer and database connection.",
};
const MEMORY_BYTES: Key = Key::number(
    "rebuild.memory_bytes",
    256 * 1024 * 1024,
    32 * 1024 * 1024,
    1 << 40,
    "bytes",
    "Memory for the queues, batches and spilled events of a rebuild, of all workers together. Events are spilled to \
     Postgres until each order is folded, so a longer log takes no more memory. Postgres may use as much again while \
     it builds indexes.",
);
const CUT_MS: Key = Key::millis(
    "rebuild.cut_ms",
    30_000,
    50,
    3_600_000,
    "How often a rebuild commits what it has folded, together with its positions. An interrupted rebuild loses at most \
     this much work.",
);
const LAG_RECORDS_MAX: Key = Key::number(
    "rebuild.lag_records_max",
    5_000,
    0,
    1_000_000_000,
    "records",
    "How far behind the end of the log a new generation may be when the cut-over begins. It goes live only once it has \
     caught up with the live one.",
);
const CUT_OVER_TIMEOUT_MS: Key = Key::millis(
    "rebuild.cut_over_timeout_ms",
    120_000,
    1_000,
    86_400_000,
    "How long to keep trying the cut-over while readers' long transactions block it.",
);
const CATCH_UP_TIMEOUT_MS: Key = Key::millis(
    "rebuild.catch_up_timeout_ms",
    600_000,
    1_000,
    86_400_000,
    "How long a generation may come no closer to the end of the log before a rebuild or promotion gives up.",
);
const LOCK_TIMEOUT_MS: Key = Key::millis(
    "rebuild.lock_timeout_ms",
    200,
    10,
    900,
    "How long one attempt at the cut-over waits for commits, and then for all the views that readers hold: half of \
     Postgres's deadlock_timeout at most, so that no reader is ever a deadlock's victim.",
);
const SPACE_BYTES_MAX: Key = Key::number(
    "rebuild.space_bytes_max",
    0,
    0,
    1 << 60,
    "bytes",
    "A rebuild that is estimated to take more space in Postgres is refused. 0: limited only by the free space of the \
     database's disk, if the database runs on this machine.",
);
const SAMPLE_PER_MILLION: Key = Key::number(
    "rebuild.sample_per_million",
    10_000,
    0,
    1_000_000,
    "orders in a million",
    "Share of the orders, by key hash, that is refolded and compared before the cut-over.",
);

pub const KEYS: &[Key] = &[
    WORKERS,
    MEMORY_BYTES,
    CUT_MS,
    LAG_RECORDS_MAX,
    CUT_OVER_TIMEOUT_MS,
    CATCH_UP_TIMEOUT_MS,
    LOCK_TIMEOUT_MS,
    SPACE_BYTES_MAX,
    SAMPLE_PER_MILLION,
];

/// Resources of a rebuild, and the limits it must meet to go live.
#[derive(Debug, Clone)]
pub struct Rebuild {
    pub workers: usize,
    pub memory_bytes: usize,
    pub cut: Duration,
    pub lag_records_max: u64,
    pub cut_over_timeout: Duration,
    pub catch_up_timeout: Duration,
    pub lock_timeout: Duration,
    /// 0: no explicit limit.
    pub space_bytes_max: u64,
    pub sample_per_million: u32,
}

impl Rebuild {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            workers: values.size(&WORKERS)?,
            memory_bytes: values.size(&MEMORY_BYTES)?,
            cut: values.millis(&CUT_MS)?,
            lag_records_max: values.number(&LAG_RECORDS_MAX)?,
            cut_over_timeout: values.millis(&CUT_OVER_TIMEOUT_MS)?,
            catch_up_timeout: values.millis(&CATCH_UP_TIMEOUT_MS)?,
            lock_timeout: values.millis(&LOCK_TIMEOUT_MS)?,
            space_bytes_max: values.number(&SPACE_BYTES_MAX)?,
            // At most a million, by the key's limits.
            sample_per_million: u32::try_from(values.number(&SAMPLE_PER_MILLION)?).unwrap_or(u32::MAX),
        })
    }
}
