//! A generation from the log's start to given ends.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::error::RebuildError;
use super::site::Site;
use crate::domain::bounds::Bounds;
use crate::domain::generation::Progress;
use crate::domain::key_sample::KeySample;
use crate::domain::partition::StreamPartition;
use crate::domain::rejection::Rejection;
use crate::store::Generation;

/// What is to be built into a generation that was made for it (`store::generations::create` or `create_shadow`).
#[derive(Clone)]
pub struct Build {
    pub generation: Generation,
    /// Where each partition ends.
    pub targets: Bounds,
    /// Which orders and runs.
    pub sample: KeySample,
    /// Records that are refused whatever they say, as another generation refused them: by partition and offset.
    pub refused: Arc<HashMap<(StreamPartition, i64), Rejection>>,
    pub workers: usize,
    /// Of all workers together; 0: no bound.
    pub records_per_second_max: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Built {
    /// How many records of each partition were read, those outside the sample included.
    pub records: BTreeMap<StreamPartition, u64>,
    /// Records of `refused` that would have been accepted otherwise.
    pub forced: Vec<(StreamPartition, i64)>,
}

/// Folds the log into the generation until every partition is at its target, or goes on from where an interrupted
/// build of the same generation stopped. The views are whole, with keys and indexes, when it returns.
pub async fn build(
    _site: &Site,
    _build: &Build,
    _progress: &(dyn Fn(Progress) + Sync),
    _stop: &CancellationToken,
) -> Result<Built, RebuildError> {
    Err(RebuildError::Failed("not built yet".into()))
}
