//! What every command needs: the configuration, and access to the database.

use std::path::PathBuf;

use crate::config::{Config, ConfigError, Flag, Inputs};
use crate::log::check_settings;
use crate::observe::logging;
use crate::store::StoreError;
use crate::store::connect::Access;

use super::Failure;

/// Keeps the options of every verb apart from a verb's own in `--help`.
const GLOBAL_HEADING: &str = "Global options";

/// Options that every command accepts.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// Configuration file (TOML)
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "FOLDBACK_CONFIG",
        hide_env_values = true,
        help_heading = GLOBAL_HEADING
    )]
    config: Option<PathBuf>,
    /// Minimum level to log: error, warn, info, debug or trace [log.level]
    #[arg(long, global = true, value_name = "LEVEL", help_heading = GLOBAL_HEADING)]
    log_level: Option<String>,
    /// Log format: text or json [log.format]
    #[arg(long, global = true, value_name = "FORMAT", help_heading = GLOBAL_HEADING)]
    log_format: Option<String>,
}

/// The global options of this invocation; loads the configuration on request.
#[derive(Debug, Clone)]
pub struct Context {
    global: Global,
}

impl Context {
    pub fn new(global: Global) -> Self {
        Self { global }
    }

    /// Loads the configuration, overridden by the command's own flags.
    pub fn config(&self, flags: Vec<Option<Flag>>) -> Result<Config, ConfigError> {
        let own = [
            flag("--log-level", "log.level", self.global.log_level.as_ref()),
            flag("--log-format", "log.format", self.global.log_format.as_ref()),
        ];
        let config = Config::load(&Inputs {
            file: self.global.config.clone(),
            flags: own.into_iter().chain(flags).flatten().collect(),
            ..Inputs::from_process()
        })?;
        if !config.is_preset("log.level") {
            logging::init(&config.log);
        }
        Ok(config)
    }
}

/// A flag that was given.
pub fn flag(flag: &'static str, key: &'static str, value: Option<impl ToString>) -> Option<Flag> {
    value.map(|value| Flag { flag, key, value: value.to_string() })
}

/// Checks the settings of Kafka's clients, before one is made whose error could show a secret.
pub fn check_kafka(config: &Config) -> Result<(), Failure> {
    check_settings(&config.kafka).map_err(|error| Failure::Usage(error.to_string()))
}

/// How to reach the configured database.
pub fn access(config: &Config) -> Result<Access, Failure> {
    let postgres = &config.postgres;
    let url = postgres.url()?;
    Access::new(url.expose(), postgres.connect_timeout, postgres.statement_timeout)
        .map_err(|_| Failure::Usage(format!("postgres.url ({}) is not a valid Postgres URL", url.address())))
}

/// Turns a store error into a failure that names the database.
pub fn at_database(config: &Config, error: StoreError) -> Failure {
    let address = config.postgres.url.as_ref().map(|url| url.address()).unwrap_or_default();
    match error {
        StoreError::Unavailable(cause) => unreachable(&address, &cause.to_string().replace('\n', " ")),
        error @ StoreError::NoAnswer { .. } => unreachable(&address, &error.to_string()),
        other => Failure::failed(format!("{other} ({address})")),
    }
}

fn unreachable(address: &str, why: &str) -> Failure {
    Failure::failed(format!(
        "Postgres at {address} cannot be reached ({why}); check postgres.url and that the server is up"
    ))
}
