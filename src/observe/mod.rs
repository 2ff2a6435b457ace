//! What operators see of foldback from the outside. A leaf: any room may import it.

mod family;
pub mod gauges;
pub mod metrics;
mod text;

pub use metrics::Metrics;

#[cfg(test)]
mod tests;
