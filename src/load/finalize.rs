//! The end of a load: folds orders from their spilled events, and builds keys, on several connections.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Build;
use super::context::LoadContext;
use super::error::LoadError;
use super::retry::Retries;
use crate::projection::settle::SliceFold;
use crate::store::load::{Means, Settling, Slice};
use crate::store::{StoreError, load};

#[derive(Debug)]
pub enum Work {
    /// The orders of these slices.
    Slices(Vec<i32>),
    /// Summing the counts of all slices, which ends settling.
    Counts,
    /// The planner's statistics of the history.
    AnalyzeHistory,
    /// Keys, indexes and planner statistics of this table.
    Table(&'static str),
}

/// Estimated memory that Postgres needs to sort a key of the history.
const KEY_BYTES: u64 = 80;
/// Maximum slices per transaction; a failed transaction is repeated.
const SLICES_TOGETHER: usize = 16;

/// Of the golden ratio: its multiples are far from each other, however many there are.
const SPREAD: f64 = 0.618;
/// How often to look whether others have settled what they were at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

type Queue = Arc<Mutex<VecDeque<Work>>>;

/// Writes the orders of every slice that is not done yet and the counts of all, and analyzes the history, which is complete
/// by now.
pub async fn settle(ctx: &LoadContext, build: &Build, stop: &CancellationToken) -> Result<(), LoadError> {
    load::prepare_settling(&mut load::connect(&ctx.access).await?, build.generation).await?;
    settle_slices(ctx, build, 0, [Work::AnalyzeHistory].into(), stop).await?;
    work_off(ctx, build, stop, 1, [Work::Counts].into()).await
}

/// Settles slices until every one is done, whoever does it. `member`: so that each process begins with other ones. `first`:
/// what is to be done besides.
pub async fn settle_slices(
    ctx: &LoadContext,
    build: &Build,
    member: i32,
    first: VecDeque<Work>,
    stop: &CancellationToken,
) -> Result<(), LoadError> {
    let mut conn = load::connect(&ctx.access).await?;
    let slices = load::slices(&mut conn, build.generation).await?;
    // While one waits for the server, another one works.
    let tasks = build.workers * 2;
    let mut work = first;
    let mut open = load::open_slices(&mut conn, build.generation, slices).await?;
    while !open.is_empty() || !work.is_empty() {
        let begin = (f64::from(member) * SPREAD).fract() * open.len() as f64;
        open.rotate_left(begin as usize);
        work.extend(shrinking(&open, tasks).into_iter().map(|slices| Work::Slices(slices.to_vec())));
        work_off(ctx, build, stop, tasks, std::mem::take(&mut work)).await?;
        open = load::open_slices(&mut conn, build.generation, slices).await?;
        if !open.is_empty() {
            // Others are at them, or were when this process came by.
            stop.run_until_cancelled(sleep(LOOK_EVERY)).await;
        }
    }
    Ok(())
}

/// Batches of slices that get smaller and smaller, so that the tasks end at about the same time.
fn shrinking(mut open: &[i32], tasks: usize) -> Vec<&[i32]> {
    let mut together = Vec::new();
    while !open.is_empty() {
        let (some, rest) = open.split_at((open.len() / tasks / 2).clamp(1, SLICES_TOGETHER));
        together.push(some);
        open = rest;
    }
    together
}

/// Builds keys and indexes, and analyzes the tables, so that the planner need not guess at the first queries.
pub async fn build_keys(ctx: &LoadContext, build: &Build, stop: &CancellationToken) -> Result<(), LoadError> {
    work_off(ctx, build, stop, build.workers, load::FILLED.into_iter().map(Work::Table).collect()).await
}

async fn work_off(
    ctx: &LoadContext,
    build: &Build,
    stop: &CancellationToken,
    tasks: usize,
    work: VecDeque<Work>,
) -> Result<(), LoadError> {
    let queue: Queue = Arc::new(Mutex::new(work));
    let mut running = JoinSet::new();
    for _ in 0..tasks {
        let task = Task { ctx: ctx.clone(), build: build.clone(), stop: stop.clone() };
        let queue = queue.clone();
        running.spawn(async move { task.run(&queue).await });
    }
    while let Some(ended) = running.join_next().await {
        // Dropping the set ends the others.
        ended.map_err(|error| LoadError::Failed(format!("a task ended unexpectedly: {error}")))??;
    }
    Ok(())
}

struct Task {
    ctx: LoadContext,
    build: Build,
    stop: CancellationToken,
}

impl Task {
    async fn run(&self, queue: &Queue) -> Result<(), LoadError> {
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let mut conn = None;
        while let Some(work) = next() {
            let mut retries = Retries::new(&self.ctx, &self.build, &self.stop, "settling orders and building indexes");
            loop {
                if self.stop.is_cancelled() {
                    return Err(LoadError::stopped());
                }
                let done = self.work(&mut conn, &work).await;
                if let Some(outcome) = retries.outcome(done).await {
                    break outcome?;
                }
                // The connection's state is unknown.
                conn = None;
            }
        }
        Ok(())
    }

    /// The history takes about as long as all other tables together. Besides one process for each of the two, the other
    /// workers help with the history. More processes would slow each other down, unless the history is so large that
    /// its keys are not sorted in memory: then it takes longer, and the other tables' worker would be idle.
    fn means(&self, table: &str) -> Means {
        let workers = self.build.workers.max(1);
        let memory_bytes = self.ctx.config.rebuild.memory_bytes / workers;
        let sorted_elsewhere = self.build.offsets().saturating_mul(KEY_BYTES) > memory_bytes as u64;
        let spared = if sorted_elsewhere { 1 } else { 2 };
        let helpers = if table == load::HISTORY { workers.saturating_sub(spared) } else { 0 };
        Means { memory_bytes, helpers }
    }

    async fn work(&self, conn: &mut Option<PgConnection>, work: &Work) -> Result<(), LoadError> {
        let ready = match conn.take() {
            Some(ready) => ready,
            // The spilled events are no longer needed.
            None if matches!(work, Work::Table(_)) => load::connect(&self.ctx.access).await?,
            None => load::connect_to_load(&self.ctx.access, self.build.generation).await?,
        };
        let conn = conn.insert(ready);
        let generation = self.build.generation;
        match work {
            Work::Slices(slices) => {
                let mut settling = Settling::begin(conn, generation).await?;
                for slice in slices {
                    if settling.take(*slice).await? {
                        settle_slice(&mut settling, *slice).await?;
                    }
                }
                settling.commit().await?;
            }
            Work::Counts => load::finish_settling(conn, generation).await?,
            Work::AnalyzeHistory => load::analyze(conn, generation, load::HISTORY).await?,
            Work::Table(table) => {
                if *table != load::HISTORY {
                    load::analyze(conn, generation, table).await?;
                }
                load::build_keys(conn, generation, table, self.means(table)).await?;
            }
        }
        Ok(())
    }
}

async fn settle_slice(settling: &mut Settling<'_>, slice: i32) -> Result<(), StoreError> {
    let corrupt = |error| StoreError::Corrupt { table: "load_events", detail: format!("slice {slice}: {error}") };
    let Slice { pieces, contested } = settling.read(slice).await?;
    let mut orders = SliceFold::new(&pieces, &contested).map_err(corrupt)?;
    while let Some(order) = orders.next_order().map_err(corrupt)? {
        settling.push(&order).await?;
    }
    settling.write(slice, &orders.settled).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_shrink_to_single_slices_and_leave_none_out() {
        for (count, tasks) in [(0, 4), (1, 4), (67, 4), (8_192, 2)] {
            let open: Vec<i32> = (0..count).collect();
            let sizes: Vec<usize> = shrinking(&open, tasks).iter().map(|slices| slices.len()).collect();
            assert_eq!(shrinking(&open, tasks).concat(), open);
            assert!(sizes.is_sorted_by(|one, next| one >= next), "{sizes:?}");
            assert!(sizes.iter().all(|size| (1..=SLICES_TOGETHER).contains(size)), "{sizes:?}");
            assert_eq!(sizes.last().copied().unwrap_or(1), 1);
        }
    }
}
