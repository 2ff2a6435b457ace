//! Who runs when: the rooms meet here.

pub mod backoff;
mod batch;
mod fold;
mod lease;
mod sieve;
mod split;
mod state_cache;
pub mod worker;
mod writer;
