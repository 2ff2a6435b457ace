//! The life of generations, from creation to removal.
//!
//! Locks, in the order in which they are taken: the rebuild's advisory lock (a session's, so that a crash frees it), the
//! lock on which generation is live, that of the generation itself (`hold.rs`), then the rows of `foldback.generations`,
//! the stable views, and `publication`.

mod create;
mod cut_over;
pub mod generation;
mod hold;
mod indexes;
mod instances;
mod judge;
mod list;
mod lock;
mod progress;
mod remove;
mod snapshots;
pub mod verifications;

pub use create::{NewGeneration, create, create_shadow};
pub use cut_over::{CutOver, cut_over, is_keeping_up, roll_back};
pub use generation::{Generation, complete_tables};
pub use hold::{Required, hold};
pub use indexes::complete_indexes;
pub use instances::{Instance, beat, foldable_by, instances, leave};
pub use judge::{Unexplained, local_data_directory, size, topic_ids, unexplained};
pub use list::{Live, checkpoints, find, list, live_projection, log_positions, running};
pub use lock::{Lock, is_free, still_held, try_hold};
pub use progress::{back_to, fail, ready, reopen, tell};
pub use remove::{Retired, drop_generation, drop_shadows, retire};
pub use snapshots::{Moment, now, older_than};
