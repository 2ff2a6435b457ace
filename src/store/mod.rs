//! Postgres: all SQL of foldback is here.
//!
//! - `connect`, `migrate`, `doctor`: the database itself
//! - `generations`: sets of views, from their making to their removal
//! - `tables`: rows of each view, in and out
//! - `commit`: a batch of the live fold in one transaction
//! - `load`: a generation by bulk load
//! - `read`, `publication`, `compare`: committed views, for HTTP, for the publisher, for `verify`
//! - `redrive`: dead letters on their way through the fold again
//! - `decisions`: what operators decided about records

pub mod commit;
pub mod compare;
pub mod connect;
pub mod decisions;
pub mod doctor;
pub mod error;
pub mod generations;
pub mod load;
pub mod migrate;
pub mod publication;
pub mod read;
pub mod redrive;
pub mod tables;

pub use error::StoreError;
pub use generations::Generation;
