//! Builds a generation from the log's start to given ends, by bulk load.

mod contested;
mod context;
mod crew;
mod decode;
mod error;
mod finalize;
mod floods;
mod follow;
mod join;
pub mod log_guard;
mod partition_progress;
mod progress;
mod retry;
mod shares;
pub mod space;
mod throttle;
pub mod waits;
mod worker;
mod writer;

pub use context::{LoadContext, found, share};
pub use error::LoadError;
pub use follow::{Follower, fold_on, positions};
pub use join::join;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio_util::sync::CancellationToken;

use crate::domain::generations::generation::{Phase, Progress};
use crate::domain::log::bounds::Bounds;
use crate::domain::log::key_share::KeySample;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::by_stream;
use crate::domain::log::refused::RefusedRecords;
use crate::store::load::Step;
use crate::store::tables::checkpoints::LogStart;
use crate::store::{Generation, StoreError, load};
use progress::LoadProgress;

const TELL_EVERY: Duration = Duration::from_millis(250);
/// About this many records of the log belong to one slice, so that a slice's orders fit into memory.
const SLICE_RECORDS: u64 = 15_000;
const SLICES_MAX: u64 = 8_192;

/// What to build, into a generation from `store::generations::create` or `create_shadow`.
#[derive(Clone)]
pub struct Build {
    pub generation: Generation,
    /// Start of each partition of the log (`context::found`).
    pub found: Arc<BTreeMap<StreamPartition, LogStart>>,
    /// Where each partition ends.
    pub targets: Bounds,
    /// Which orders and runs.
    pub sample: KeySample,
    /// Records to reject although they could be folded, because another generation rejected them: by partition and
    /// offset.
    pub refused: Arc<RefusedRecords>,
    pub workers: usize,
    /// For all workers together; 0: unlimited.
    pub records_per_second_max: u64,
    pub note: Note,
}

/// Reports a sentence to whoever is waiting.
pub type Note = Arc<dyn Fn(&str) + Send + Sync>;

/// What a build read from the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Built {
    /// Records read per partition, including those outside the sample.
    pub records: BTreeMap<StreamPartition, u64>,
    /// Records of `refused` that would have been accepted otherwise.
    pub forced: Vec<(StreamPartition, i64)>,
}

/// Folds the log into the generation until every partition is at its target, or resumes an interrupted build of the
/// same generation. When it returns, the views are complete, with keys and indexes.
pub async fn build(
    ctx: &LoadContext,
    build: &Build,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &CancellationToken,
) -> Result<Built, LoadError> {
    let load_progress = Arc::new(LoadProgress::new());
    telling(&load_progress, progress, build_steps(ctx, build, &load_progress, stop)).await
}

/// Does the work, and tells its progress meanwhile and at its end.
async fn telling<T>(
    load_progress: &LoadProgress,
    progress: &(dyn Fn(Progress) + Sync),
    work: impl Future<Output = Result<T, LoadError>>,
) -> Result<T, LoadError> {
    let tell = async {
        loop {
            progress(load_progress.progress());
            tokio::time::sleep(TELL_EVERY).await;
        }
    };
    tokio::select! {
        done = work => {
            progress(load_progress.progress());
            done
        }
        () = tell => Err(LoadError::stopped()),
    }
}

/// Starts over if a crash of Postgres has lost the spilled events.
async fn build_steps(
    ctx: &LoadContext,
    build: &Build,
    load_progress: &Arc<LoadProgress>,
    stop: &CancellationToken,
) -> Result<Built, LoadError> {
    loop {
        match try_build(ctx, build, load_progress, stop).await {
            Err(LoadError::Store(error @ StoreError::LoadLost(_))) => {
                (build.note)(&error.to_string());
                load::begin_again(&mut load::connect(&ctx.access).await?, build.generation).await?;
                load_progress.enter(Phase::Folding);
            }
            outcome => return outcome,
        }
    }
}

async fn try_build(
    ctx: &LoadContext,
    build: &Build,
    load_progress: &Arc<LoadProgress>,
    stop: &CancellationToken,
) -> Result<Built, LoadError> {
    let generation = build.generation;
    let mut conn = load::connect(&ctx.access).await?;
    let mut forced = Vec::new();
    let is_loading = load::is_loading(&mut conn, generation).await?;
    if !is_loading || !load::is_done(&mut conn, generation, Step::Folded).await? {
        if !is_loading {
            load::begin(&mut conn, generation, slices(build)).await?;
        }
        let member = join::enroll(ctx, &mut conn, generation, true).await?;
        forced = crew::fold_log(ctx, build, member, load_progress, stop).await?;
        load::finish(&mut conn, generation, Step::Folded).await?;
    }
    if !load::is_done(&mut conn, generation, Step::Settled).await? {
        load_progress.enter(Phase::Settling);
        finalize::settle(ctx, build, stop).await?;
    }
    load_progress.enter(Phase::Indexing);
    if !load::is_done(&mut conn, generation, Step::Parted).await? {
        load::move_claims(&mut conn, generation).await?;
    }
    if !load::is_done(&mut conn, generation, Step::Keyed).await? {
        finalize::build_keys(ctx, build, stop).await?;
        load::finish(&mut conn, generation, Step::Keyed).await?;
    }
    if !load::is_done(&mut conn, generation, Step::Untangled).await? {
        contested::fold_contested(ctx, build, stop).await?;
        floods::refuse_conflicts(ctx, build, &mut conn).await?;
        load::renew_names(&mut conn, generation).await?;
        load::finish(&mut conn, generation, Step::Untangled).await?;
    }
    Ok(Built { records: records(ctx, &mut conn, generation).await?, forced })
}

impl Build {
    /// From the log's start to the targets.
    pub fn offsets(&self) -> u64 {
        left(self, &BTreeMap::new()).iter().map(|(_, left)| left).sum()
    }
}

/// Partitions, sorted by how much is left of each.
fn left(build: &Build, at: &BTreeMap<StreamPartition, i64>) -> Vec<(StreamPartition, u64)> {
    let left = |found: &LogStart| {
        let from = at.get(&found.partition).copied().unwrap_or(found.log_start);
        u64::try_from(build.targets.of(found.partition).unwrap_or(from) - from).unwrap_or(0)
    };
    build.found.values().map(|found| (found.partition, left(found))).collect()
}

/// Enough slices that the orders of each fit into a worker's memory.
fn slices(build: &Build) -> i64 {
    let records = build.sample.share_of(build.offsets());
    let slices = (records / SLICE_RECORDS).clamp(build.workers as u64 * 2, SLICES_MAX);
    i64::try_from(slices).unwrap_or(i64::MAX)
}

async fn records(
    ctx: &LoadContext,
    conn: &mut PgConnection,
    generation: Generation,
) -> Result<BTreeMap<StreamPartition, u64>, StoreError> {
    let counts = load::record_counts(conn, generation).await?;
    let count = |(partition, records)| (partition, u64::try_from(records).unwrap_or(0));
    Ok(by_stream(counts, &ctx.topics).into_iter().map(count).collect())
}

/// Reports the partitions' positions to the progress. Returns how many are not at their targets.
async fn begin_tracking(
    ctx: &LoadContext,
    build: &Build,
    load_progress: &LoadProgress,
    conn: &mut PgConnection,
) -> Result<usize, LoadError> {
    let left = left(build, &positions(ctx, build.generation).await?);
    let rest: u64 = left.iter().map(|(_, left)| left).sum();
    let read: u64 = records(ctx, conn, build.generation).await?.values().sum();
    let whole = build.offsets();
    load_progress.set(whole, whole.saturating_sub(rest), read);
    Ok(left.iter().filter(|(_, left)| *left > 0).count())
}
