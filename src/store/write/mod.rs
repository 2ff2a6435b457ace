//! Writes a ChangeSet and the positions it leads to in one transaction.

mod counts;
mod dead_letters;
mod names;
mod serving;
mod transaction;
mod upsert;

pub(super) use counts::add as add_counts;
pub(super) use dead_letters::{DEAD_LETTERS, store as store_dead_letters};
pub(super) use names::{find_again as find_names_again, propose as propose_names};
pub use serving::Serving;
pub use transaction::{CHANGED_CHANNEL, Commit, Writer};
pub use upsert::Table;
