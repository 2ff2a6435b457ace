//! Rebuilds: folds the next generation from the log's start, checks it, and makes it live.
//!
//! - `site`: what every fold outside `run` needs
//! - `build`: builds a generation from the log's start to given ends, by bulk load
//! - `follow`: keeps folding a built generation, as a live worker does
//! - `plan`, `run`, `promote`, `rollback`: the operator's verbs

mod build;
mod checks;
mod error;
mod finish;
mod follow;
mod guard;
mod hand;
mod heart;
mod load_sieve;
mod load_worker;
mod observer;
mod options;
mod plan;
mod promote;
mod retry;
mod run;
mod settle;
mod site;
mod tracker;
mod untangle;
mod until;

use crate::runtime::batch::partition_of;
pub use build::{Build, Built, build};
pub use error::RebuildError;
pub use follow::fold_on;
pub(super) use guard::survey;
pub use observer::Observer;
pub use options::{Check, Depth, Plan, PlannedPartition, PlannedTopic, RebuildOptions, Rebuilt, RolledBack, Until};
pub use plan::plan;
pub use promote::{drop_generation, promote, roll_back};
pub use run::rebuild;
pub use site::Site;
pub(super) use site::found;
