//! `[workers]`: how many fold in parallel, and how much memory each may use.

use std::time::Duration;

use super::values::Values;
use super::{ConfigError, Key, Kind, Preset};

const COUNT: Key = Key {
    name: "workers.count",
    kind: Kind::Number { min: 1, max: 64, unit: "workers" },
    preset: Preset::Cores { max: 4 },
    doc: "Workers in this process, each with a database connection of its own; the process's partitions are dealt to them, \
     each topic for itself. Workers beyond the number of partitions stay idle.",
};
const CACHE_ORDERS_MAX: Key = Key::number(
    "workers.cache_orders_max",
    100_000,
    0,
    100_000_000,
    "orders",
    "Maximum number of recently seen orders whose state each worker caches in memory.",
);
const CACHE_BYTES_MAX: Key = Key::number(
    "workers.cache_bytes_max",
    256 * 1024 * 1024,
    0,
    1 << 40,
    "bytes",
    "Maximum memory for that cache in each worker, estimated.",
);
const QUEUE_BYTES_MAX: Key = Key::number(
    "workers.queue_bytes_max",
    32 * 1024 * 1024,
    1024 * 1024,
    1 << 34,
    "bytes",
    "Maximum size of the records that a worker has read from Kafka and not yet folded. A full queue pauses its \
     partitions.",
);
const DRAIN_TIMEOUT_MS: Key = Key::millis(
    "workers.drain_timeout_ms",
    5_000,
    0,
    60_000,
    "How long a worker may take to finish what is in flight when partitions are revoked or the process stops.",
);

pub const KEYS: &[Key] = &[COUNT, CACHE_ORDERS_MAX, CACHE_BYTES_MAX, QUEUE_BYTES_MAX, DRAIN_TIMEOUT_MS];

/// Number of workers, and the memory that each may use.
#[derive(Debug, Clone)]
pub struct Workers {
    pub count: usize,
    pub cache_orders_max: usize,
    pub cache_bytes_max: usize,
    pub queue_bytes_max: usize,
    pub drain_timeout: Duration,
}

impl Workers {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            count: values.size(&COUNT)?,
            cache_orders_max: values.size(&CACHE_ORDERS_MAX)?,
            cache_bytes_max: values.size(&CACHE_BYTES_MAX)?,
            queue_bytes_max: values.size(&QUEUE_BYTES_MAX)?,
            drain_timeout: values.millis(&DRAIN_TIMEOUT_MS)?,
        })
    }
}
