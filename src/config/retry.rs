//! `[retry]`: pauses between attempts after losing Postgres or Kafka.

use std::time::Duration;

use super::values::Values;
use super::{ConfigError, Key};

const INITIAL_MS: Key =
    Key::millis("retry.initial_ms", 100, 1, 60_000, "First pause; doubles after each attempt, with jitter.");
const MAX_MS: Key = Key::millis("retry.max_ms", 5_000, 1, 600_000, "Maximum pause.");

pub const KEYS: &[Key] = &[INITIAL_MS, MAX_MS];

/// Bounds of the pauses between attempts.
#[derive(Debug, Clone)]
pub struct Retry {
    pub initial: Duration,
    pub max: Duration,
}

impl Retry {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        let retry = Self { initial: values.millis(&INITIAL_MS)?, max: values.millis(&MAX_MS)? };
        if retry.initial > retry.max {
            return Err(values.invalid(&INITIAL_MS, format!("at most retry.max_ms ({})", retry.max.as_millis())));
        }
        Ok(retry)
    }
}
