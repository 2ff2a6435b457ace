//! Reads: everything that an answer needs is read from one snapshot of one generation.

mod backlog;
mod checkpoints;
mod columns;
mod dead_letters;
mod export;
mod generations;
mod history;
mod orders;
mod replays;
mod runs;
mod snapshot;
mod telemetry;

pub(in crate::store) use dead_letters::push_filter;
pub use export::export_runs;
pub use snapshot::{Reader, Snapshot, View};
