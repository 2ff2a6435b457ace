//! The life of generations, from creation to removal.
//!
//! Locks, in the order in which they are taken: the rebuild's advisory lock (session level, so that a crash frees it),
//! then the rows of `foldback.generations` (the live one first), then the stable views, then `publication`.

mod create;
mod cut_over;
mod instances;
mod judge;
mod list;
mod lock;
mod progress;
mod remove;
mod snapshots;

pub use create::{NewGeneration, create, create_shadow};
pub use cut_over::{CutOver, cut_over, roll_back};
pub use instances::{beat, foldable_by, leave};
pub use judge::{Unexplained, local_data_directory, size, topic_ids, unexplained};
pub use list::{Live, checkpoints, find, list, live_projection, running};
pub use lock::{Lock, hold, still_held};
pub use progress::{back_to, fail, ready, reopen, tell};
pub use remove::{drop_generation, drop_shadows, retire};
pub use snapshots::{Moment, now, older_than};
