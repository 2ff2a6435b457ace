//! `[redis]`: where snapshots are published.

use std::time::Duration;

use super::values::Values;
use super::{ConfigError, Key, Kind, Preset, Secret};

const URL: Key = Key::text(
    "redis.url",
    Kind::Url { schemes: &["redis", "rediss"] },
    Preset::Text("redis://localhost:6379"),
    "Redis for the snapshots, as rediss://user:password@host:port/database (rediss: over TLS).",
);
const PREFIX: Key = Key::text(
    "redis.prefix",
    Kind::Text { chars_max: 256 },
    Preset::Text("provider_automation:"),
    "Prefix of all keys and of the channel. A Redis Cluster needs a hash tag in it, such as {provider_automation}:.",
);
const TIMEOUT_MS: Key = Key::millis(
    "redis.timeout_ms",
    1_000,
    10,
    60_000,
    "Maximum time to connect, or for one command. An unavailable Redis never stops the fold.",
);

pub const KEYS: &[Key] = &[URL, PREFIX, TIMEOUT_MS];

/// How to reach Redis.
#[derive(Debug, Clone)]
pub struct Redis {
    pub url: Secret,
    pub prefix: String,
    pub timeout: Duration,
}

impl Redis {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            url: Secret::new(values.text(&URL)?),
            prefix: values.text(&PREFIX)?,
            timeout: values.millis(&TIMEOUT_MS)?,
        })
    }
}
