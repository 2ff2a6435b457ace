//! `[verify]`: how the views are compared with the log.

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

pub const KEYS: &[Key] = &[RECORDS_PER_SECOND_MAX, DIFFERENCES_MAX];

/// Limits of `foldback verify`.
#[derive(Debug, Clone)]
pub struct Verify {
    /// 0: unlimited.
    pub records_per_second_max: u64,
    pub differences_max: usize,
}

impl Verify {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            records_per_second_max: values.number(&RECORDS_PER_SECOND_MAX)?,
            differences_max: values.size(&DIFFERENCES_MAX)?,
        })
    }
}
