//! Postgres: all of foldback's SQL is here.

pub mod bulk;
pub mod checkpoint;
pub mod compare;
pub mod connect;
pub mod copy;
pub mod discards;
pub mod doctor;
pub mod error;
pub mod flood;
pub mod generation;
pub mod generations;
pub mod history;
pub mod migrate;
mod nagle;
pub mod orders;
pub mod publication;
pub mod published;
pub mod read;
pub mod runs;
pub mod write;

pub use error::StoreError;
pub use generation::Generation;
