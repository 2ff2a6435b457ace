//! How a verification fails.

use crate::load::RebuildError;
use crate::store::StoreError;

/// How a verification failed. The CLI maps `Refused` to exit code 4, the others to 1.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Refused by a guard.
    #[error("refused: {0}")]
    Refused(String),
    #[error("stopped before it was finished; nothing was changed or left behind")]
    Stopped,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Fold(#[source] RebuildError),
    #[error("{0}")]
    Failed(String),
}

impl From<VerifyError> for RebuildError {
    fn from(error: VerifyError) -> RebuildError {
        match error {
            VerifyError::Store(error) => RebuildError::Store(error),
            VerifyError::Refused(why) => RebuildError::Refused(vec![why]),
            VerifyError::Stopped => RebuildError::stopped(),
            VerifyError::Fold(error) => error,
            VerifyError::Failed(why) => RebuildError::Failed(why),
        }
    }
}

impl From<RebuildError> for VerifyError {
    fn from(error: RebuildError) -> VerifyError {
        match error {
            RebuildError::Store(error) => VerifyError::Store(error),
            RebuildError::Refused(reasons) => VerifyError::Refused(reasons.join("; ")),
            RebuildError::Stopped(_) => VerifyError::Stopped,
            other => VerifyError::Fold(other),
        }
    }
}
