//! The end of a load: orders from their partial states, and keys; several connections side by side.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::postgres::PgConnection;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::build::Build;
use super::error::RebuildError;
use super::retry::Retries;
use super::site::Site;
use crate::store::bulk;
use crate::store::generation::key_statements;

#[derive(Debug, Clone, Copy)]
enum Work {
    /// The orders of this slice.
    Slice(i32),
    /// The key or index of this number.
    Key(usize),
    /// What the planner has to know of this table.
    Analyze(&'static str),
}

const TASKS_PER_WORKER: usize = 2;

type Queue = Arc<Mutex<VecDeque<Work>>>;

/// Writes the orders of every slice that is still open.
pub async fn settle(site: &Site, build: &Build, stop: &CancellationToken) -> Result<(), RebuildError> {
    let mut conn = site.access.connect().await?;
    let slices = bulk::slices(&mut conn, build.generation).await?;
    let open = bulk::open_slices(&mut conn, build.generation, slices).await?;
    work_off(site, build, stop, open.into_iter().map(Work::Slice)).await
}

/// Builds keys and indexes, and then looks at what is there: without that, the first queries would guess.
pub async fn build_keys(site: &Site, build: &Build, stop: &CancellationToken) -> Result<(), RebuildError> {
    work_off(site, build, stop, (0..key_statements(build.generation).len()).map(Work::Key)).await?;
    work_off(site, build, stop, bulk::ANALYZED.into_iter().map(Work::Analyze)).await
}

async fn work_off(
    site: &Site,
    build: &Build,
    stop: &CancellationToken,
    work: impl Iterator<Item = Work>,
) -> Result<(), RebuildError> {
    let queue: Queue = Arc::new(Mutex::new(work.collect()));
    let mut tasks = JoinSet::new();
    // While one waits for the server, another works.
    for slot in 0..i32::try_from(build.workers * TASKS_PER_WORKER).unwrap_or(i32::MAX) {
        let task = Task { site: site.clone(), build: build.clone(), stop: stop.clone(), slot };
        let queue = queue.clone();
        tasks.spawn(async move { task.run(&queue).await });
    }
    while let Some(ended) = tasks.join_next().await {
        // The others end with the set.
        ended.map_err(|error| RebuildError::Failed(format!("a task ended early: {error}")))??;
    }
    Ok(())
}

struct Task {
    site: Site,
    build: Build,
    stop: CancellationToken,
    /// A number of its own, whose counts it adds to.
    slot: i32,
}

impl Task {
    async fn run(&self, queue: &Queue) -> Result<(), RebuildError> {
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let mut conn = None;
        while let Some(work) = next() {
            let mut retries = Retries::new(&self.site, &self.stop, "settling states and building indexes");
            loop {
                if self.stop.is_cancelled() {
                    return Err(RebuildError::stopped());
                }
                let done = self.work(&mut conn, work).await;
                if let Some(outcome) = retries.outcome(done).await {
                    break outcome?;
                }
                // What state it is in is not known.
                conn = None;
            }
        }
        Ok(())
    }

    async fn work(&self, conn: &mut Option<PgConnection>, work: Work) -> Result<(), RebuildError> {
        let ready = match conn.take() {
            Some(ready) => ready,
            None => bulk::connect(&self.site.access).await?,
        };
        let conn = conn.insert(ready);
        let generation = self.build.generation;
        match work {
            Work::Slice(slice) => bulk::settle_slice(conn, generation, slice, self.slot).await?,
            Work::Key(at) => {
                let memory_bytes = self.site.config.rebuild.memory_bytes / self.build.workers.max(1) / TASKS_PER_WORKER;
                bulk::build_key(conn, generation, at, memory_bytes).await?;
            }
            Work::Analyze(table) => bulk::analyze(conn, generation, table).await?,
        }
        Ok(())
    }
}
