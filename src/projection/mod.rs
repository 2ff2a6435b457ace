//! A batch of records becomes a set of changes: group by order, settle contested sequences, fold, diff.
//!
//! Knows the domain and nothing else: what the fold has to know of the past is asked for beforehand and
//! handed in (`Known`).

pub mod batch;
mod contest;
pub mod fold;
pub mod known;
mod order;
mod run;
pub mod settle;
pub mod spill;
pub mod streak;

pub use batch::{Content, Item, Outcome};
pub use fold::{Folded, fold};
pub use known::{Known, Standing, StoredRun};

#[cfg(test)]
mod settle_tests;
#[cfg(test)]
mod tests;
