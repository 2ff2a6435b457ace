//! How a redrive fails.

use crate::load::LoadError;
use crate::log::fetch::FetchError;
use crate::store::StoreError;

/// How a redrive failed; what receipts were given for is done.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    #[error(
        "the live generation has no dead letter {}; see `foldback dead-letters list`",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    NotThere(Vec<i64>),
    #[error(
        "generation {0} went out of service meanwhile, and its dead letters with it; redrive those of the live one"
    )]
    CutOver(i32),
    #[error("stopped; what has a receipt is done, and the others are as they were")]
    Stopped,
    #[error(
        "the schema with the registry's id {id} did not come within {seconds} s; nothing more was redriven. Check \
         schema_registry.url and that the registry is up"
    )]
    NoSchema { id: u32, seconds: u64 },
    #[error("a record could not be read from the log again: {0}")]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    Load(LoadError),
    #[error("nobody reads the receipts any more")]
    ReceiptsUnread,
}

impl From<LoadError> for RedriveError {
    fn from(error: LoadError) -> RedriveError {
        match error {
            LoadError::Store(error) => error.into(),
            other => RedriveError::Load(other),
        }
    }
}

impl From<StoreError> for RedriveError {
    fn from(error: StoreError) -> RedriveError {
        match error {
            // The ids are those of a generation that no longer counts.
            StoreError::NotLive(generation) => RedriveError::CutOver(generation),
            error => RedriveError::Store(error),
        }
    }
}
