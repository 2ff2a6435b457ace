//! `[limits]`: when a record is rejected for its size, and how many rejections are a flood.

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

pub const KEYS: &[Key] = &[VALUE_BYTES_MAX, REFUSALS_IN_A_ROW_MAX];

/// When a record is rejected for its size, and when rejections stop a partition.
#[derive(Debug, Clone)]
pub struct Limits {
    pub value_bytes_max: usize,
    pub refusals_in_a_row_max: i64,
}

impl Limits {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            value_bytes_max: values.size(&VALUE_BYTES_MAX)?,
            refusals_in_a_row_max: i64::try_from(values.number(&REFUSALS_IN_A_ROW_MAX)?).unwrap_or(i64::MAX),
        })
    }
}
