//! How a rebuild, promotion or rollback fails.

use rdkafka::error::KafkaError;

use crate::domain::orders::packed::PackedError;
use crate::log::survey::SurveyError;
use crate::rebuild::Rebuilt;
use crate::registry::RegistrySetupError;
use crate::store::StoreError;

/// How a rebuild, promotion or rollback failed. The CLI maps `Refused` and `Checks` to exit code 4, the others to 1.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Refused by a guard; nothing was changed.
    #[error("refused: {}", .0.join("; "))]
    Refused(Vec<String>),
    /// A check of the new generation failed; it is kept beside the live one for inspection.
    #[error("generation {} was not promoted: a check failed", .0.generation)]
    Checks(Rebuilt),
    /// The operator declined or stopped it; it can be resumed.
    #[error("{0}")]
    Stopped(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Kafka failed: {0}; check kafka.brokers and that the brokers are up")]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Registry(#[from] RegistrySetupError),
    #[error(transparent)]
    Packed(#[from] PackedError),
    #[error(transparent)]
    Survey(#[from] SurveyError),
    /// Transient: retry later.
    #[error("{0}")]
    Passing(String),
    #[error("{0}")]
    Failed(String),
}

impl RebuildError {
    pub fn stopped() -> RebuildError {
        RebuildError::Stopped("stopped; committed progress is kept, and `foldback rebuild` resumes it".into())
    }

    /// Whether the error is transient, so that a retry can help.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            RebuildError::Store(StoreError::Stale { .. }) | RebuildError::Passing(_) => true,
            RebuildError::Store(error) => error.is_transient(),
            RebuildError::Survey(SurveyError::Unreachable { .. } | SurveyError::Partition { .. }) => true,
            _ => false,
        }
    }
}
