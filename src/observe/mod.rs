//! What operators see from the outside: logs, metrics, health. A leaf: any room may import it.

pub mod cause;
pub mod families;
mod family;
pub mod gauges;
pub mod health;
pub mod host;
pub mod logging;
pub mod metrics;
mod panics;
pub mod scrape;
pub mod size;
pub mod terminal;
mod text;

pub use health::Readiness;
pub use metrics::Metrics;
pub use panics::panic_message;

#[cfg(test)]
mod tests;
