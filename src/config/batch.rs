//! `[batch]`: what one transaction takes. Whichever limit is reached first ends it.

use std::time::Duration;

use super::values::Values;
use super::{ConfigError, Key};

const LINGER_MS: Key = Key::millis(
    "batch.linger_ms",
    10,
    0,
    60_000,
    "How long a batch that isn't full waits for more records. Higher means fewer transactions, but later views.",
);
const RECORDS_MAX: Key =
    Key::number("batch.records_max", 10_000, 1, 1_000_000, "records", "Maximum records in one batch.");
const BYTES_MAX: Key = Key::number(
    "batch.bytes_max",
    16 * 1024 * 1024,
    1024,
    1 << 30,
    "bytes",
    "Maximum memory for the records of one batch, estimated (a run takes about eight times its bytes). A single record \
     above it is a batch of its own.",
);

pub const KEYS: &[Key] = &[LINGER_MS, RECORDS_MAX, BYTES_MAX];

/// Limits of one transaction; see [`KEYS`] for each key's meaning and bounds.
#[derive(Debug, Clone)]
pub struct Batch {
    pub linger: Duration,
    pub records_max: usize,
    pub bytes_max: usize,
}

impl Batch {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            linger: values.millis(&LINGER_MS)?,
            records_max: values.size(&RECORDS_MAX)?,
            bytes_max: values.size(&BYTES_MAX)?,
        })
    }
}
