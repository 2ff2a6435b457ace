//! How a rebuild ends when it isn't done.

use rdkafka::error::KafkaError;

use super::options::Rebuilt;
use crate::codec::RegistrySetupError;
use crate::domain::packed::PackedError;
use crate::log::survey::SurveyError;
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// A guard forbids it; nothing was changed.
    #[error("refused: {}", .0.join("; "))]
    Refused(Vec<String>),
    /// A check of the new generation failed; it stays beside the live one, to be looked at.
    #[error("generation {} was not promoted: a check failed", .0.generation)]
    Checks(Rebuilt),
    /// The operator said no, or stopped it; it can be gone on with.
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
    /// Waiting can help.
    #[error("{0}")]
    Passing(String),
    #[error("{0}")]
    Failed(String),
}

impl RebuildError {
    pub(in crate::runtime) fn stopped() -> RebuildError {
        RebuildError::Stopped("stopped; committed progress is kept, and `foldback rebuild` resumes it".into())
    }

    /// Whether waiting and doing the same again can help.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            RebuildError::Store(StoreError::Stale { .. }) | RebuildError::Passing(_) => true,
            RebuildError::Store(error) => error.is_passing(),
            RebuildError::Survey(SurveyError::Unreachable { .. } | SurveyError::Partition { .. }) => true,
            _ => false,
        }
    }
}
