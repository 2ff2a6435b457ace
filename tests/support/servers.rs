use std::env;

/// Addresses of the servers that `dev/stack` started.
#[derive(Debug, Clone)]
pub struct Servers {
    /// `host:port` of the broker.
    pub kafka: String,
    /// Base URL of the registry's Confluent API.
    pub registry: String,
    /// URL of the maintenance database; each test makes its own beside it.
    pub postgres: String,
    pub redis: String,
}

impl Servers {
    /// Panics with what to do where a variable is missing.
    pub fn from_env() -> Self {
        Self {
            kafka: variable("FOLDBACK_TEST_KAFKA"),
            registry: variable("FOLDBACK_TEST_REGISTRY"),
            postgres: variable("FOLDBACK_TEST_POSTGRES"),
            redis: variable("FOLDBACK_TEST_REDIS"),
        }
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run ./dev/test, or ./dev/stack up --name test && source .stack/test/env")
    })
}
