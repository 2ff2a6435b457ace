//! Settings: a TOML file, overridden by environment variables, overridden by flags.
//!
//! One section per file. A section defines its keys ([`Key`]: default, limits, documentation) and turns the given
//! values into typed fields. The keys are the only source of the defaults, of `config/foldback.toml` and of
//! docs/configuration.md (tests keep both in step). The only I/O here is reading the file and the files that hold
//! secrets.

pub mod batch;
mod environment;
mod error;
mod file;
pub mod generations;
pub mod http;
pub mod http_tokens;
pub mod kafka;
mod kafka_properties;
mod kafka_property;
mod key;
pub mod limits;
mod load;
pub mod log;
pub mod postgres;
mod postgres_url;
pub mod publisher;
pub mod rebuild;
pub mod redis;
pub mod retry;
pub mod schema_registry;
mod secret;
mod show;
mod source;
mod suggestion;
pub mod tls;
mod values;
pub mod verify;
pub mod workers;

pub use error::ConfigError;
pub use key::{Key, Kind, Preset};
pub use load::Inputs;
pub use secret::Secret;
pub use show::Setting;
pub use source::{Flag, Source};

use values::Values;

/// All settings of foldback, validated.
#[derive(Debug, Clone)]
pub struct Config {
    pub kafka: kafka::Kafka,
    pub schema_registry: schema_registry::SchemaRegistry,
    pub postgres: postgres::Postgres,
    pub redis: redis::Redis,
    pub http: http::Http,
    pub workers: workers::Workers,
    pub batch: batch::Batch,
    pub limits: limits::Limits,
    pub retry: retry::Retry,
    pub publisher: publisher::Publisher,
    pub rebuild: rebuild::Rebuild,
    pub verify: verify::Verify,
    pub generations: generations::Generations,
    pub log: log::Log,
    values: Values,
}

/// Every section with its keys, in the order of the documentation.
pub const SECTIONS: &[(&str, &[Key])] = &[
    ("kafka", kafka::KEYS),
    ("schema_registry", schema_registry::KEYS),
    ("postgres", postgres::KEYS),
    ("redis", redis::KEYS),
    ("http", http::KEYS),
    ("workers", workers::KEYS),
    ("batch", batch::KEYS),
    ("limits", limits::KEYS),
    ("retry", retry::KEYS),
    ("publisher", publisher::KEYS),
    ("rebuild", rebuild::KEYS),
    ("verify", verify::KEYS),
    ("generations", generations::KEYS),
    ("log", log::KEYS),
];

/// Every key of every section.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|(_, keys)| keys.iter())
}

impl Config {
    fn from_values(values: Values) -> Result<Self, ConfigError> {
        Ok(Self {
            kafka: kafka::Kafka::read(&values)?,
            schema_registry: schema_registry::SchemaRegistry::read(&values)?,
            postgres: postgres::Postgres::read(&values)?,
            redis: redis::Redis::read(&values)?,
            http: http::Http::read(&values)?,
            workers: workers::Workers::read(&values)?,
            batch: batch::Batch::read(&values)?,
            limits: limits::Limits::read(&values)?,
            retry: retry::Retry::read(&values)?,
            publisher: publisher::Publisher::read(&values)?,
            rebuild: rebuild::Rebuild::read(&values)?,
            verify: verify::Verify::read(&values)?,
            generations: generations::Generations::read(&values)?,
            log: log::Log::read(&values)?,
            values,
        })
    }
}

#[cfg(test)]
mod tests;
