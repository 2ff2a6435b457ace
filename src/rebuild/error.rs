//! How a rebuild ends when it isn't done.

use super::options::Rebuilt;
use crate::load::LoadError;
use crate::log::survey::SurveyError;
use crate::store::StoreError;
use crate::verify::VerifyError;

#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// A check of the new generation failed; it stays beside the live one, to be looked at.
    #[error("generation {} was not promoted: a check failed", .0.generation)]
    Checks(Rebuilt),
    /// Everything that can end a load: a guard that refuses, a server that fails, the operator.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl RebuildError {
    /// A guard forbids it, for these reasons; nothing was changed.
    pub fn refused(reasons: Vec<String>) -> RebuildError {
        LoadError::Refused(reasons).into()
    }

    pub fn stopped() -> RebuildError {
        LoadError::stopped().into()
    }

    pub fn failed(sentence: String) -> RebuildError {
        LoadError::Failed(sentence).into()
    }

    pub fn is_stopped(&self) -> bool {
        matches!(self, RebuildError::Load(LoadError::Stopped(_)))
    }
}

impl From<StoreError> for RebuildError {
    fn from(error: StoreError) -> RebuildError {
        LoadError::Store(error).into()
    }
}

impl From<SurveyError> for RebuildError {
    fn from(error: SurveyError) -> RebuildError {
        LoadError::Survey(error).into()
    }
}

impl From<VerifyError> for RebuildError {
    fn from(error: VerifyError) -> RebuildError {
        match error {
            VerifyError::Store(error) => error.into(),
            error @ VerifyError::Busy => RebuildError::refused(vec![error.to_string()]),
            VerifyError::Refused(why) => RebuildError::refused(vec![why]),
            VerifyError::Stopped => RebuildError::stopped(),
            VerifyError::Load(error) => error.into(),
            VerifyError::Failed(why) => RebuildError::failed(why),
        }
    }
}
