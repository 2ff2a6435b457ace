//! Keeps folding a built generation, with the live worker on fixed partitions.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Build;
use super::context::{LoadContext, share};
use super::error::LoadError;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::{Positions, by_stream};
use crate::live::tasks::Tasks;
use crate::live::worker::{self, WorkerSettings};
use crate::store::Generation;
use crate::store::commit::WriteTarget;
use crate::store::generations::checkpoints;

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Longer than workers may drain: consumers take their time to leave.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Workers that keep folding a built generation until they are stopped.
pub struct Follower {
    stop: CancellationToken,
    workers: Tasks,
    drain_timeout: Duration,
}

impl Follower {
    /// `build`: where they stop, and what they reject although they could fold it; without it, they never stop.
    pub fn start(
        ctx: &LoadContext,
        generation: Generation,
        partitions: &[StreamPartition],
        workers: usize,
        build: Option<&Build>,
    ) -> Result<Follower, LoadError> {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new(stop.clone());
        let shares = share(partitions.iter().map(|partition| (*partition, 1)).collect(), workers);
        let memory_bytes = ctx.config.rebuild.memory_bytes / shares.len().max(1);
        for partitions in shares {
            let settings = settings(ctx, generation, partitions, memory_bytes, build);
            for worker in worker::start(&settings, 1, ctx.decoder.clone(), ctx.resolver.clone(), &stop)? {
                tasks.spawn("a worker", worker);
            }
        }
        Ok(Follower { stop, workers: tasks, drain_timeout: ctx.config.workers.drain_timeout })
    }

    /// An error if a worker has ended: nobody folds its partitions any more.
    pub fn check(&mut self) -> Result<(), LoadError> {
        self.workers.check().map_err(|ended| LoadError::Failed(ended.to_string()))
    }

    /// Stops, after writing what is in flight.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.workers.finish(self.drain_timeout + STOP_GRACE).await;
    }
}

fn settings(
    ctx: &LoadContext,
    generation: Generation,
    partitions: Vec<StreamPartition>,
    memory_bytes: usize,
    build: Option<&Build>,
) -> WorkerSettings {
    let config = &ctx.config;
    let mut reader = ctx.reader(partitions, memory_bytes / 2);
    reader.linger = config.batch.linger;
    reader.records_max = config.batch.records_max;
    let (readiness, metrics) = (ctx.readiness.clone(), ctx.metrics.clone());
    WorkerSettings {
        target: WriteTarget::Generation(generation),
        ends: build.map(|build| Arc::new(build.targets.clone())),
        refused: build.map(|build| build.refused.clone()).unwrap_or_default(),
        cache_bytes_max: memory_bytes / 2,
        ..WorkerSettings::new(config, reader, ctx.access.clone(), readiness, metrics)
    }
}

/// Folds a built generation from its checkpoints until every partition is exactly at `build.targets`.
pub async fn fold_on(ctx: &LoadContext, build: &Build, stop: &CancellationToken) -> Result<(), LoadError> {
    if has_arrived(build, &positions(ctx, build.generation).await?) {
        return Ok(());
    }
    let mut follower = Follower::start(ctx, build.generation, &build.targets.partitions(), build.workers, Some(build))?;
    let arrived = tokio::select! {
        arrived = arrive(ctx, build, &mut follower) => arrived,
        () = stop.cancelled() => Err(LoadError::stopped()),
    };
    follower.stop().await;
    arrived
}

async fn arrive(ctx: &LoadContext, build: &Build, follower: &mut Follower) -> Result<(), LoadError> {
    loop {
        follower.check()?;
        match positions(ctx, build.generation).await {
            Ok(positions) if has_arrived(build, &positions) => return Ok(()),
            Err(error) if !error.is_transient() => return Err(error),
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// Whether every partition is at its target. One that was added to the topic since has none, and is not waited for.
fn has_arrived(build: &Build, positions: &Positions) -> bool {
    build.targets.0.iter().all(|(partition, target)| positions.get(partition) == Some(target))
}

/// A generation's checkpoints.
pub async fn positions(ctx: &LoadContext, generation: Generation) -> Result<Positions, LoadError> {
    let mut conn = ctx.access.connect().await?;
    let at = checkpoints(&mut conn, generation).await?;
    Ok(by_stream(at, &ctx.topics))
}
