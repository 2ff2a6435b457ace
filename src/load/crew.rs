//! The workers of one process that read the log for a load.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Build;
use super::context::LoadContext;
use super::error::LoadError;
use super::progress::LoadProgress;
use super::shares::Shares;
use super::worker::LoadWorker;
use crate::domain::log::partition::StreamPartition;
use crate::store::load::{self, Member};

/// Memory that the process needs besides its workers; at most half of what is configured.
const BASE_BYTES: usize = 64 * 1024 * 1024;
const WIND_DOWN_MAX: Duration = Duration::from_secs(3);
/// More than a process has workers (`rebuild.workers`).
const WORKERS_MAX: i32 = 256;

/// Reads partitions until every one is at its target, whoever reads it. Returns records that were rejected although they
/// would have been accepted.
pub async fn fold_log(
    ctx: &LoadContext,
    build: &Build,
    member: Member,
    load_progress: &Arc<LoadProgress>,
    stop: &CancellationToken,
) -> Result<Vec<(StreamPartition, i64)>, LoadError> {
    let shares = Arc::new(Shares::new(ctx, build, member));
    let folded = tokio::select! {
        folded = work(ctx, build, &shares, load_progress, stop) => folded,
        () = shares.renew(load_progress) => Err(LoadError::stopped()),
        () = given_up(stop) => Err(LoadError::stopped()),
    };
    shares.leave().await;
    folded
}

/// Workers end by themselves when they are stopped, unless they wait for a server that doesn't answer.
async fn given_up(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(WIND_DOWN_MAX).await;
}

async fn work(
    ctx: &LoadContext,
    build: &Build,
    shares: &Arc<Shares>,
    load_progress: &Arc<LoadProgress>,
    stop: &CancellationToken,
) -> Result<Vec<(StreamPartition, i64)>, LoadError> {
    let mut conn = load::connect(&ctx.access).await?;
    let slices = load::slices(&mut conn, build.generation).await?;
    let open = super::begin_tracking(ctx, build, load_progress, &mut conn).await?;
    drop(conn);
    let count = build.workers.clamp(1, open.max(1));
    let memory = ctx.config.rebuild.memory_bytes;
    // If one worker fails, all stop.
    let crew = stop.child_token();
    let slots = shares.member.0.saturating_mul(WORKERS_MAX)..;
    let mut workers = JoinSet::new();
    for (_, slot) in (0..count).zip(slots) {
        let worker = LoadWorker {
            ctx: ctx.clone(),
            build: build.clone(),
            shares: shares.clone(),
            slices,
            slot,
            memory_bytes: (memory - BASE_BYTES.min(memory / 2)) / count,
            load_progress: load_progress.clone(),
            stop: crew.clone(),
        };
        workers.spawn(async move { worker.run().await });
    }
    let (mut forced, mut failed) = (Vec::new(), None);
    while let Some(ended) = workers.join_next().await {
        match ended.unwrap_or_else(|error| Err(LoadError::Failed(format!("a worker ended unexpectedly: {error}")))) {
            Ok(mut more) => forced.append(&mut more),
            Err(error) => {
                crew.cancel();
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(forced), Err)
}
