//! `[verify]`: how the views are compared with the log.

use std::time::Duration;

use super::values::Values;
use super::{ConfigError, Key};

const RECORDS_PER_SECOND_MAX: Key = Key::number(
    "verify.records_per_second_max",
    50_000,
    0,
    1_000_000_000,
    "records a second",
    "Limits how fast `verify` reads the log, so that it doesn't disturb the live fold. 0: unlimited.",
);
const DIFFERENCES_MAX: Key = Key::number(
    "verify.differences_max",
    1_000,
    1,
    1_000_000,
    "rows",
    "Maximum number of differing rows to list. Any more are only counted.",
);

const EVERY_MS: Key = Key::millis(
    "verify.every_ms",
    0,
    0,
    31 * 24 * 3_600_000,
    "How often `run` verifies all of the live generation beside the fold: so long after the last verification of all of it \
     has ended, by whichever instance is first. It takes memory as a rebuild with one worker does. 0: never.",
);
const SCHEDULED_RECORDS_PER_SECOND_MAX: Key = Key::number(
    "verify.scheduled_records_per_second_max",
    10_000,
    1,
    1_000_000_000,
    "records a second",
    "Limits how fast the verifications of `verify.every_ms` read the log, beside the fold of the same process.",
);

pub const KEYS: &[Key] = &[RECORDS_PER_SECOND_MAX, DIFFERENCES_MAX, EVERY_MS, SCHEDULED_RECORDS_PER_SECOND_MAX];

/// Limits of `foldback verify`, and when `run` verifies.
#[derive(Debug, Clone)]
pub struct Verify {
    /// 0: unlimited.
    pub records_per_second_max: u64,
    pub differences_max: usize,
    /// `None`: `run` never verifies.
    pub every: Option<Duration>,
    pub scheduled_records_per_second_max: u64,
}

impl Verify {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            records_per_second_max: values.number(&RECORDS_PER_SECOND_MAX)?,
            differences_max: values.size(&DIFFERENCES_MAX)?,
            every: Some(values.millis(&EVERY_MS)?).filter(|every| !every.is_zero()),
            scheduled_records_per_second_max: values.number(&SCHEDULED_RECORDS_PER_SECOND_MAX)?,
        })
    }
}
