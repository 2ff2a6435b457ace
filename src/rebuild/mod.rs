//! The operator's verbs over generations: rebuild, promote, roll back, drop.
//!
//! - `plan`, `until`: what a rebuild would read, and where it ends
//! - `intent`: which generations a rebuild resumes and drops
//! - `run`, `promote`: the verbs
//! - `join`: more processes for a rebuild that is running
//! - `retire`: drops older generations, once nothing waits for it
//! - `session`: one process at a time, and its way out
//! - `new_log`: another log of a topic than the one that was folded before
//! - `checks`: what a new generation has to pass
//! - `cut_over`: the last records, and readers go over
//! - `heartbeat`: keeps the lock and tells the progress

mod checks;
mod cut_over;
mod error;
mod heartbeat;
mod intent;
mod join;
mod new_log;
mod observer;
mod options;
mod plan;
mod promote;
mod retire;
mod run;
mod session;
mod until;

pub use error::RebuildError;
pub use join::{Joined, join};
pub use observer::Observer;
pub use options::{Check, Depth, Plan, PlannedPartition, PlannedTopic, RebuildOptions, Rebuilt, RolledBack, Until};
pub use plan::plan;
pub use promote::{drop_generation, promote, roll_back};
pub use run::rebuild;
