//! `[limits]`: when a record is rejected for its size, how many rejections are a flood, and when a partition stands
//! still.

use std::time::Duration;

use super::values::Values;
use super::{ConfigError, Key};

const VALUE_BYTES_MAX: Key = Key::number(
    "limits.value_bytes_max",
    8 * 1024 * 1024,
    1024,
    1 << 30,
    "bytes",
    "Maximum size of a record's value. A longer one becomes a dead letter (too_large).",
);
const REFUSALS_IN_A_ROW_MAX: Key = Key::number(
    "limits.refusals_in_a_row_max",
    1_000,
    1,
    1_000_000_000,
    "records",
    "This many consecutive records of a partition, rejected for one reason, stop that partition: such a flood is our \
     fault, not the records'. `foldback dead-letters allow` lets a legitimate one pass.",
);
const STALLED_AFTER_MS: Key = Key::millis(
    "limits.stalled_after_ms",
    60_000,
    500,
    86_400_000,
    "A partition in which records wait and whose checkpoint has not moved for this long is a reason in /readyz and a \
     line in the log, with the cause where it is known. The same time is allowed for a consumer to be without any \
     partition before /readyz says so.",
);

pub const KEYS: &[Key] = &[VALUE_BYTES_MAX, REFUSALS_IN_A_ROW_MAX, STALLED_AFTER_MS];

/// When a record is rejected for its size, when rejections stop a partition, and when a partition stands still.
#[derive(Debug, Clone)]
pub struct Limits {
    pub value_bytes_max: usize,
    pub refusals_in_a_row_max: i64,
    pub stalled_after: Duration,
}

impl Limits {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            value_bytes_max: values.size(&VALUE_BYTES_MAX)?,
            refusals_in_a_row_max: i64::try_from(values.number(&REFUSALS_IN_A_ROW_MAX)?).unwrap_or(i64::MAX),
            stalled_after: values.millis(&STALLED_AFTER_MS)?,
        })
    }
}
