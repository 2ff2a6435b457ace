//! What operators ask for.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::error::RebuildError;
use super::observer::Observer;
use super::options::{Plan, RebuildOptions, Rebuilt, RolledBack, Until};
use crate::config::Config;
use crate::store::connect::Access;

/// Builds the next generation (or goes on with the one that was interrupted), checks it, and makes it live.
pub async fn rebuild(
    _config: &Config,
    _access: &Access,
    _options: &RebuildOptions,
    _observer: Arc<dyn Observer>,
    _stop: CancellationToken,
) -> Result<Rebuilt, RebuildError> {
    Err(RebuildError::Failed("not built yet".into()))
}

/// What `rebuild` would read, take and be refused for; changes nothing.
pub async fn plan(_config: &Config, _access: &Access, _until: Option<&Until>) -> Result<Plan, RebuildError> {
    Err(RebuildError::Failed("not built yet".into()))
}

/// Catches a ready or kept generation up, checks it, and makes it live.
pub async fn promote(
    _config: &Config,
    _access: &Access,
    _generation: i32,
    _accept_dead_letters: bool,
    _observer: Arc<dyn Observer>,
    _stop: CancellationToken,
) -> Result<Rebuilt, RebuildError> {
    Err(RebuildError::Failed("not built yet".into()))
}

/// Makes the newest kept generation live again, at once. `yes`: even if no instance is there that can fold it on.
pub async fn roll_back(_config: &Config, _access: &Access, _yes: bool) -> Result<RolledBack, RebuildError> {
    Err(RebuildError::Failed("not built yet".into()))
}

/// Drops a generation that is not live.
pub async fn drop_generation(_access: &Access, _generation: i32) -> Result<(), RebuildError> {
    Err(RebuildError::Failed("not built yet".into()))
}
