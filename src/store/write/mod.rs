//! Writes a ChangeSet and the positions it leads to in one transaction.

mod counts;
mod dead_letters;
mod names;
mod serving;
mod transaction;
mod upsert;

pub use serving::Serving;
pub use transaction::{CHANGED_CHANNEL, Commit, Writer};
pub use upsert::Table;
