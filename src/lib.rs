//! foldback folds two Kafka topics into Postgres views, Redis snapshots and Prometheus gauges.
//!
//! docs/ARCHITECTURE.md follows a record through the modules, from end to end.

pub mod cli;
pub mod codec;
pub mod config;
pub mod doctor;
pub mod domain;
pub mod live;
pub mod load;
pub mod log;
pub mod observe;
pub mod projection;
pub mod publish;
pub mod rebuild;
pub mod redrive;
pub mod registry;
pub mod samples;
pub mod serve;
pub mod store;
pub mod verify;
