//! Reads: everything that an answer needs is read from one snapshot of one generation.

mod backlog;
mod checkpoints;
mod columns;
mod dead_letters;
mod export;
mod gaps;
mod generations;
mod history;
mod latest_runs;
mod orders;
mod page;
mod refills;
mod replays;
mod runs;
mod snapshot;
mod telemetry;

pub(in crate::store) use dead_letters::push_filter;
pub use export::export_runs;
pub use gaps::GapLimits;
pub use latest_runs::LatestRuns;
pub use page::PageLimits;
pub use runs::RunPage;
pub use snapshot::{Reader, Snapshot, View};
