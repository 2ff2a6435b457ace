//! Reads: everything that one answer needs is read in one snapshot of one generation.

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

pub use export::export_runs;
pub use snapshot::{Reader, Snapshot, View};
