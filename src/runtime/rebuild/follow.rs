//! A generation folded on, as a live worker does.

use tokio_util::sync::CancellationToken;

use super::build::Build;
use super::error::RebuildError;
use super::site::Site;

/// Folds a built generation on from its checkpoints until every partition is exactly at `build.targets`.
pub async fn fold_on(_site: &Site, _build: &Build, _stop: &CancellationToken) -> Result<(), RebuildError> {
    Err(RebuildError::Failed("not built yet".into()))
}
