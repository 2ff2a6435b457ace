//! The writer of a bulk load: COPY into tables without keys, spilled events beside them, orders and keys at the end.
//!
//! Rows, events and checkpoints belong together: everything between two cuts is one transaction, so a crash leaves
//! exactly what the checkpoints say. Every later step records its completion in its own transaction.

mod batch;
mod contested;
mod facts;
mod floods;
mod keys;
mod leases;
mod loader;
mod slices;
mod steps;
mod telemetry;
mod trial;

pub use batch::{BatchedEvent, HistoryBatch};
pub use contested::{
    claims, conflicts_without_bytes, first_contested, forget, move_claims, renew_names, restore_bytes,
};
pub use facts::{Facts, Miscounted, facts, filled, miscounted_backlogs, record_counts, unknown_schemas};
pub use floods::{LivePosition, live_position, long_streaks};
pub use keys::{FILLED, HISTORY, Means, analyze, build_keys};
pub use leases::{
    Member, enroll, is_joinable, keep_only as keep_leases, leave, prepare as prepare_leases, renew as renew_leases,
    take as take_lease,
};
pub use loader::{Cut, Loader, Progressed, connect, connect_to_load};
pub use slices::{Settling, Slice, is_settling, open_slices, prepare_settling, slice_of};
pub use steps::{Step, begin, begin_again, drop_tables, finish, is_done, is_loading, slices};
pub use telemetry::finish_settling;
pub use trial::try_history;
