//! `[postgres]`: where views and positions are kept.

use std::time::Duration;

use super::values::Values;
use super::{ConfigError, Key, Kind, Preset, Secret, postgres_url};

const URL: Key = Key::text(
    "postgres.url",
    Kind::Url { schemes: &["postgres", "postgresql"] },
    Preset::Unset,
    "Database of the views, as postgres://user:password@host:port/database?sslmode=verify-full.",
);
const STATEMENT_TIMEOUT_MS: Key = Key::millis(
    "postgres.statement_timeout_ms",
    30_000,
    100,
    3_600_000,
    "Maximum time for one statement of the live pipeline, the API or a command. Does not apply to `migrate`.",
);
const CONNECT_TIMEOUT_MS: Key = Key::millis(
    "postgres.connect_timeout_ms",
    5_000,
    100,
    60_000,
    "Maximum time to connect, or to wait for a free connection of the pool.",
);
const POOL_MAX: Key = Key::number(
    "postgres.pool_max",
    8,
    1,
    500,
    "connections",
    "Size of the API's connection pool. Each worker and the publisher have connections of their own in addition.",
);

pub const KEYS: &[Key] = &[URL, STATEMENT_TIMEOUT_MS, CONNECT_TIMEOUT_MS, POOL_MAX];

/// How to reach Postgres, and limits on its use.
#[derive(Debug, Clone)]
pub struct Postgres {
    pub url: Option<Secret>,
    pub statement_timeout: Duration,
    pub connect_timeout: Duration,
    pub pool_max: u32,
}

impl Postgres {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        let url = values.secret(&URL)?;
        if let Some(allowed) = url.as_ref().and_then(|url| postgres_url::objection(url.expose())) {
            return Err(values.invalid(&URL, allowed));
        }
        Ok(Self {
            url,
            statement_timeout: values.millis(&STATEMENT_TIMEOUT_MS)?,
            connect_timeout: values.millis(&CONNECT_TIMEOUT_MS)?,
            pool_max: u32::try_from(values.number(&POOL_MAX)?).map_err(|_| values.invalid(&POOL_MAX, POOL_MAX.kind))?,
        })
    }

    /// The URL, for a command that needs the database. Fails if it is not set.
    pub fn url(&self) -> Result<&Secret, ConfigError> {
        self.url.as_ref().ok_or_else(|| ConfigError::Missing { key: URL.name, variable: URL.variable() })
    }
}
