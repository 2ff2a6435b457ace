//! Rows of the views and of what belongs to them: how each is encoded, written and read back.

pub mod checkpoints;
pub mod copy;
pub mod counts;
pub mod dead_letters;
pub mod folded_topics;
pub mod history;
pub mod names;
pub mod orders;
pub mod runs;
pub mod slots;
pub mod upsert;
pub mod write;

pub use upsert::Table;

pub(in crate::store) use dead_letters::{DEAD_LETTERS, store as store_dead_letters};
pub(in crate::store) use names::{find_again as find_names_again, propose as propose_names};
