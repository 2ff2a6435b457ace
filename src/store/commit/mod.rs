//! Writes a ChangeSet and the positions it leads to in one transaction.

mod bare;
mod order_rows;
mod target;
mod transaction;

pub use target::WriteTarget;
pub use transaction::{CHANGED_CHANNEL, Commit, Writer};
