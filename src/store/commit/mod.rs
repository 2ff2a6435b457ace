//! Writes a ChangeSet and the positions it leads to in one transaction.

mod target;
mod transaction;

pub use target::WriteTarget;
pub use transaction::{CHANGED_CHANNEL, Commit, Writer};
