//! Brings the rooms together: who runs when.

pub mod backoff;
mod batch;
pub mod doctor;
pub mod feed;
mod fold;
mod lease;
pub mod publisher;
pub mod rebuild;
mod registry;
mod report;
pub mod run;
pub mod sample;
pub mod schemas;
mod sieve;
mod split;
mod state_cache;
mod tasks;
pub mod verify;
pub mod views;
pub mod watch;
pub mod worker;
mod writer;
