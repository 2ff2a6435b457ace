//! The writer of a bulk load: COPY into tables without keys, partial states beside them, keys at the end.
//!
//! Rows, partial states and checkpoints belong together: what lies between two cuts is one transaction, so that a
//! crash leaves exactly what the checkpoints say. Every later step says in its own transaction that it is done.

mod facts;
mod keys;
mod loader;
mod slices;
mod steps;
mod tangled;
mod trial;

pub use facts::{Facts, facts, filled, record_counts};
pub use keys::{ANALYZED, analyze, build_key};
pub use loader::{Loader, Progressed, connect};
pub use slices::{open_slices, settle_slice};
pub use steps::{Step, begin, drop_tables, finish, is_done, is_loading, slices};
pub use tangled::{claims, forget, move_claims, next_tangled, renew_names};
pub use trial::try_history;
