//! How a load fails.

use rdkafka::error::KafkaError;

use crate::domain::orders::packed::PackedError;
use crate::log::survey::SurveyError;
use crate::registry::RegistrySetupError;
use crate::store::StoreError;

/// How a load failed. The CLI maps `Refused` to exit code 4, the others to 1.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Refused by a guard; nothing was changed.
    #[error("refused: {}", .0.join("; "))]
    Refused(Vec<String>),
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

impl LoadError {
    pub fn stopped() -> LoadError {
        LoadError::Stopped("stopped; committed progress is kept, and `foldback rebuild` resumes it".into())
    }

    /// A topic that was recreated is no failure of the database.
    pub fn of_claim(error: StoreError) -> LoadError {
        match error {
            error @ StoreError::TopicRecreated { .. } => LoadError::Refused(vec![error.to_string()]),
            error => error.into(),
        }
    }

    /// Whether the error is transient, so that a retry can help.
    pub fn is_transient(&self) -> bool {
        match self {
            LoadError::Store(StoreError::Stale { .. }) | LoadError::Passing(_) => true,
            LoadError::Store(error) => error.is_transient(),
            LoadError::Survey(SurveyError::Unreachable { .. } | SurveyError::Partition { .. }) => true,
            _ => false,
        }
    }
}
