//! What is done with figures once they are measured: kept as JSON, shown as tables, compared, written into docs.
//!
//! Nothing here measures or waits; tests/offline/bench.rs runs it on a fixture.

pub mod compare;
pub mod docs;
pub mod figure;
pub mod numbers;
pub mod phases;
mod pictures;
pub mod results;
pub mod statistics;
mod svg;
pub mod tables;
