//! `[generations]`: how many earlier ones are kept.

use super::values::Values;
use super::{ConfigError, Key};

const KEEP: Key = Key::number(
    "generations.keep",
    1,
    1,
    100,
    "generations",
    "How many previously live generations to keep after a promotion, to roll back to. Older ones are dropped.",
);

pub const KEYS: &[Key] = &[KEEP];

/// How long earlier generations are kept.
#[derive(Debug, Clone)]
pub struct Generations {
    pub keep: usize,
}

impl Generations {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { keep: values.size(&KEEP)? })
    }
}
