//! `[schema_registry]`: where writer schemas of Confluent-framed records are looked up.

use std::time::Duration;

use super::values::Values;
use super::{ConfigError, Key, Kind, Preset, Secret};

const URL: Key = Key::text(
    "schema_registry.url",
    Kind::Url { schemes: &["http", "https"] },
    Preset::Unset,
    "Base URL of a registry that speaks Confluent's API; it may contain a user and a password. Without it, a record in \
     Confluent framing stops its partition; single-object encoding needs no registry.",
);
const TIMEOUT_MS: Key = Key::millis(
    "schema_registry.timeout_ms",
    5_000,
    100,
    60_000,
    "Maximum time for one request; after that it counts as an outage.",
);
const UNKNOWN_AFTER_MS: Key = Key::millis(
    "schema_registry.unknown_after_ms",
    30_000,
    0,
    3_600_000,
    "How long the registry must keep answering that it does not know a schema id before a record with that id becomes \
     a dead letter.",
);
const RETRY_MAX_MS: Key = Key::millis(
    "schema_registry.retry_max_ms",
    10_000,
    100,
    300_000,
    "Maximum pause between two attempts while the registry is unavailable.",
);

pub const KEYS: &[Key] = &[URL, TIMEOUT_MS, UNKNOWN_AFTER_MS, RETRY_MAX_MS];

/// How to reach the schema registry, and how long to believe its answers.
#[derive(Debug, Clone)]
pub struct SchemaRegistry {
    pub url: Option<Secret>,
    pub timeout: Duration,
    pub unknown_after: Duration,
    pub retry_max: Duration,
}

impl SchemaRegistry {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            url: values.secret(&URL)?,
            timeout: values.millis(&TIMEOUT_MS)?,
            unknown_after: values.millis(&UNKNOWN_AFTER_MS)?,
            retry_max: values.millis(&RETRY_MAX_MS)?,
        })
    }

    /// The URL, for a command that needs the registry. Fails if it is not set.
    pub fn url(&self) -> Result<&Secret, ConfigError> {
        self.url.as_ref().ok_or_else(|| ConfigError::Missing { key: URL.name, variable: URL.variable() })
    }
}
