//! Turns a batch of records into a set of changes: group by order, resolve contested sequences, fold, diff.
//!
//! Depends on the domain only: the stored state that the fold needs is loaded beforehand and handed in (`Known`).

pub mod batch;
mod contest;
pub mod fold;
pub mod known;
mod order;
mod run;
pub mod settle;
pub mod spill;
pub mod streak;

pub use batch::{Content, Folded, Item, Outcome};
pub use fold::fold;
pub use known::{Incumbent, Known, StoredRun};

#[cfg(test)]
mod contested_tests;
#[cfg(test)]
mod settle_tests;
#[cfg(test)]
mod tests;
