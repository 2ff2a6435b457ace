//! `[publisher]`: when views are published to Redis and the gauges.

use std::time::Duration;

use super::values::Values;
use super::{ConfigError, Key};

const RECONCILE_MS: Key = Key::millis(
    "publisher.reconcile_ms",
    2_000,
    100,
    60_000,
    "How often Redis is compared with Postgres and repaired. Above 4000, a flushed Redis takes longer than 5 s to \
     recover.",
);
const COALESCE_MS: Key = Key::millis(
    "publisher.coalesce_ms",
    20,
    0,
    10_000,
    "How long the publisher collects commits into one publication. Above 800, changes become visible later than 1 s \
     after their commit.",
);

pub const KEYS: &[Key] = &[RECONCILE_MS, COALESCE_MS];

/// Intervals of the publisher.
#[derive(Debug, Clone)]
pub struct Publisher {
    pub reconcile: Duration,
    pub coalesce: Duration,
}

impl Publisher {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { reconcile: values.millis(&RECONCILE_MS)?, coalesce: values.millis(&COALESCE_MS)? })
    }
}
