//! How a verification fails.

use crate::load::LoadError;
use crate::store::StoreError;

/// How a verification failed. The CLI maps `Refused` to exit code 4, the others to 1.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Refused by a guard.
    #[error("refused: {0}")]
    Refused(String),
    #[error(
        "refused: another verification, or the check of a rebuild, is running on this database; wait until it is done"
    )]
    Busy,
    #[error("stopped before it was finished; nothing was changed or left behind")]
    Stopped,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Load(#[source] LoadError),
    #[error("{0}")]
    Failed(String),
}

impl From<LoadError> for VerifyError {
    fn from(error: LoadError) -> VerifyError {
        match error {
            LoadError::Store(error) => VerifyError::Store(error),
            LoadError::Refused(reasons) => VerifyError::Refused(reasons.join("; ")),
            LoadError::Stopped(_) => VerifyError::Stopped,
            other => VerifyError::Load(other),
        }
    }
}
