//! A worker of a load: a reader of the partitions of its share, the fold, and a writer task.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Build;
use super::context::LoadContext;
use super::decode::{LoadDecoder, LoadItem};
use super::error::LoadError;
use super::partition_progress::PartitionProgress;
use super::progress::LoadProgress;
use super::retry::Retries;
use super::shares::Shares;
use super::throttle::Throttle;
use super::writer::{LoadWriter, LoadedBatch, Task};
use super::{floods, log_guard};
use crate::domain::log::partition::StreamPartition;
use crate::live::worker::decode::EventDecoder;
use crate::log::{Batch, Control, Delivery, Reader, ReaderHandle};
use crate::projection::spill::Spill;
use crate::store::StoreError;
use crate::store::load::{self, Cut, HistoryBatch, Loader, Progressed, slice_of};
use crate::store::tables::checkpoints::LogStart;
use crate::store::tables::history::HistoryRow;

/// Batches that wait for the writer task; the reader bounds the size of each.
const TASKS_MAX: usize = 2;
/// Shares of a worker's memory for spilled events before a cut, and for the reader's queues; the rest is for batches
/// and writing.
const SPILL_PERCENT: usize = 20;
const READER_PERCENT: usize = 22;
/// How many pieces to write together.
const PIECES_MIN: usize = 32;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A worker, which takes one share after the other.
pub struct LoadWorker {
    pub ctx: LoadContext,
    pub build: Build,
    pub shares: Arc<Shares>,
    pub slices: i64,
    /// The slot that its provider names go to; unique per worker.
    pub slot: i32,
    pub memory_bytes: usize,
    pub load_progress: Arc<LoadProgress>,
    pub stop: CancellationToken,
}

/// One attempt, starting at the last cut.
struct Attempt<'w> {
    worker: &'w LoadWorker,
    by_partition: BTreeMap<StreamPartition, PartitionProgress>,
    spill: Spill,
    tasks: mpsc::Sender<Task>,
    last_cut: Instant,
    forced: Vec<(StreamPartition, i64)>,
    throttle: Throttle,
    /// Offsets and records since the last cut.
    uncut: (u64, u64),
    /// Processes that took part when the share was dealt.
    members: u64,
}

impl LoadWorker {
    /// Folds partitions until every one is at its target. Returns records that were rejected although they would have been
    /// accepted.
    pub async fn run(&self) -> Result<Vec<(StreamPartition, i64)>, LoadError> {
        let mut forced = Vec::new();
        while let Some((share, members)) = self.next_share().await? {
            let folded = self.fold(&share, members).await;
            self.shares.put_back(&share).await;
            forced.append(&mut folded?);
        }
        Ok(forced)
    }

    /// With the number of processes that it was dealt for.
    async fn next_share(&self) -> Result<Option<(Vec<LogStart>, u64)>, LoadError> {
        let mut retries = Retries::new(&self.ctx, &self.build, &self.stop, "folding");
        loop {
            let next = self.stop.run_until_cancelled(self.shares.next()).await;
            if let Some(outcome) = retries.outcome(next.unwrap_or_else(|| Err(LoadError::stopped()))).await {
                return outcome;
            }
        }
    }

    /// Folds the partitions of a share to their targets, restarting from the last cut after each transient failure.
    async fn fold(&self, share: &[LogStart], members: u64) -> Result<Vec<(StreamPartition, i64)>, LoadError> {
        let mut retries = Retries::new(&self.ctx, &self.build, &self.stop, "folding");
        let mut careful = false;
        loop {
            let tried = self.try_fold(share, members, careful).await;
            // Once more from the last cut, to find the value.
            careful = !careful && matches!(&tried, Err(LoadError::Store(StoreError::Data(_))));
            if careful {
                continue;
            }
            if let Some(outcome) = retries.outcome(tried).await {
                return outcome;
            }
        }
    }

    async fn try_fold(
        &self,
        share: &[LogStart],
        members: u64,
        careful: bool,
    ) -> Result<Vec<(StreamPartition, i64)>, LoadError> {
        let mut conn = load::connect_to_load(&self.ctx.access, self.build.generation).await?;
        let share = self.shares.keep(&mut conn, share).await?;
        let by_partition = self.claim(&mut conn, &share).await?;
        let open: Vec<StreamPartition> = by_partition
            .iter()
            .filter(|(_, progress)| !progress.has_arrived())
            .map(|(partition, _)| *partition)
            .collect();
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let loader = Loader::new(conn, self.build.generation, self.ctx.topics.clone(), self.slices, careful).await?;
        let (deliveries, mut queue) = mpsc::unbounded_channel();
        let settings = self.ctx.reader(open, self.memory_bytes / 100 * READER_PERCENT);
        let reader = Reader::start(settings, self.ctx.readiness.clone(), self.decoder(), deliveries)?;
        let (tasks, todo) = mpsc::channel(TASKS_MAX);
        let writer =
            LoadWriter { ctx: self.ctx.clone(), loader, in_flight: reader.in_flight.clone(), refused: Vec::new() };
        let writer = tokio::spawn(writer.run(todo));
        let mut attempt = Attempt {
            worker: self,
            by_partition,
            spill: Spill::new(usize::try_from(self.slices).unwrap_or(1)),
            tasks,
            last_cut: Instant::now(),
            forced: Vec::new(),
            throttle: Throttle::shared(self.build.records_per_second_max, self.build.workers),
            uncut: (0, 0),
            members,
        };
        let folded = attempt.run(&mut queue, &reader).await.map(|()| std::mem::take(&mut attempt.forced));
        self.load_progress.lose(attempt.uncut);
        // The writer task ends when its channel closes.
        drop(attempt);
        let folded = match folded {
            Err(_) if queue.is_closed() => Err(LoadError::Failed(reader.why_ended().to_string())),
            folded => {
                // Its client takes a tenth of a second to end; don't wait for it.
                tokio::spawn(stop_reader(reader, queue));
                folded
            }
        };
        finish(folded, writer).await
    }

    async fn claim(
        &self,
        conn: &mut PgConnection,
        share: &[LogStart],
    ) -> Result<BTreeMap<StreamPartition, PartitionProgress>, LoadError> {
        let mut by_partition = BTreeMap::new();
        for found in share {
            let progress = PartitionProgress::claim(&self.ctx, &self.build, conn, found).await?;
            by_partition.insert(found.partition, progress);
        }
        Ok(by_partition)
    }

    fn decoder(&self) -> LoadDecoder {
        let decoding = EventDecoder::new(self.ctx.decoder.clone(), self.ctx.resolver.clone());
        LoadDecoder { decoding, sample: self.build.sample, refused: self.build.refused.clone() }
    }
}

/// The next delivery, not before it is due: cuts go on meanwhile, so that no transaction waits for it.
async fn read(queue: &mut UnboundedReceiver<Delivery<LoadItem>>, due: Instant) -> Option<Delivery<LoadItem>> {
    tokio::time::sleep_until(due).await;
    queue.recv().await
}

/// Stops the reader and drains what it still delivers, so that it blocks on nothing.
async fn stop_reader(reader: ReaderHandle, mut queue: UnboundedReceiver<Delivery<LoadItem>>) {
    // A reader that has ended doesn't need the message.
    let _ = reader.controls.send(Control::Stop);
    while let Some(delivery) = queue.recv().await {
        match delivery {
            Delivery::Release { done, .. } => {
                let _ = done.send(());
            }
            Delivery::End => break,
            _ => {}
        }
    }
}

/// If the fold only found the writer task gone, the writer's error is the cause.
async fn finish<T>(folded: Result<T, LoadError>, writer: JoinHandle<Result<(), LoadError>>) -> Result<T, LoadError> {
    let written = writer.await.map_err(|error| LoadError::Failed(format!("a writer ended unexpectedly: {error}")))?;
    match (folded, written) {
        (_, Err(error)) => Err(error),
        (folded, Ok(())) => folded,
    }
}

impl Attempt<'_> {
    async fn run(
        &mut self,
        queue: &mut UnboundedReceiver<Delivery<LoadItem>>,
        reader: &ReaderHandle,
    ) -> Result<(), LoadError> {
        let mut look = tokio::time::interval(LOOK_EVERY);
        let stop = self.worker.stop.clone();
        while !self.is_done() && !self.puts_back() {
            let due = self.throttle.due();
            let delivery = tokio::select! {
                delivery = read(queue, due) => delivery,
                // What isn't cut is lost, and read again by the next attempt.
                () = stop.cancelled() => return Err(LoadError::stopped()),
                _ = look.tick() => {
                    self.cut_if_due().await?;
                    continue;
                }
            };
            match delivery {
                Some(Delivery::Claim { partition, assignment, topic_id, .. }) => {
                    log_guard::same_topic(&self.worker.ctx, &self.worker.build, partition, topic_id)?;
                    self.grant(reader, partition, assignment);
                }
                Some(Delivery::Batch(batch)) => self.take(batch).await?,
                Some(Delivery::Release { done, .. }) => {
                    let _ = done.send(());
                }
                Some(Delivery::End) | None => return Err(LoadError::Failed("the reader ended unexpectedly".into())),
            }
            self.cut_if_due().await?;
        }
        self.cut().await?;
        // The rate is also that of the last records, with nothing left to commit.
        stop.run_until_cancelled(tokio::time::sleep_until(self.throttle.due())).await;
        Ok(())
    }

    /// Whether others have come who find nothing to do, so that the share is to be dealt again.
    fn puts_back(&self) -> bool {
        let open = self.by_partition.values().filter(|progress| !progress.has_arrived());
        self.worker.shares.members() > self.members && open.count() > 1
    }

    fn is_done(&self) -> bool {
        self.by_partition.values().all(PartitionProgress::has_arrived)
    }

    fn grant(&self, reader: &ReaderHandle, partition: StreamPartition, assignment: u64) {
        if let Some(progress) = self.by_partition.get(&partition) {
            // A reader that has ended doesn't need the message.
            let _ = reader.controls.send(Control::Granted { partition, assignment, position: progress.position() });
        }
    }

    async fn take(&mut self, read: Batch<LoadItem>) -> Result<(), LoadError> {
        // With a sample, most of what is read is skipped.
        let events = if self.worker.build.sample.is_all() { read.items.len() } else { 0 };
        let mut batch =
            LoadedBatch { history: HistoryBatch::with_capacity(events), pieces: Vec::new(), others: Vec::new() };
        let mut records = 0;
        for item in read.items {
            let (partition, offset) = item.at();
            let Some(progress) = self
                .by_partition
                .get_mut(&partition)
                .filter(|progress| offset < progress.target && offset >= progress.at)
            else {
                continue;
            };
            progress.records += 1;
            records += 1;
            match item {
                LoadItem::Event { event, position, recorded_at } => {
                    progress.guard.streak = None;
                    self.spill.push(slice_of(event.provider_order_id, self.worker.slices), &event, position)?;
                    let row = HistoryRow { event: &event, position, recorded_at };
                    batch.history.push(row, &self.worker.ctx.topics.orders);
                }
                LoadItem::Other { item, forced } => {
                    progress.pass(&item.content, offset).map_err(|(reason, max)| {
                        floods::refusal(&self.worker.ctx.topics, partition, offset, reason, max)
                    })?;
                    if forced {
                        self.forced.push((partition, offset));
                    }
                    batch.others.push(*item);
                }
                LoadItem::Skipped { .. } => {}
            }
        }
        let mut offsets = 0;
        for span in &read.spans {
            let Some(progress) = self.by_partition.get_mut(&span.partition) else { continue };
            offsets += progress.pass_span(span);
        }
        batch.pieces = self.spill.take_full(PIECES_MIN);
        self.give(Task::Append { batch, bytes: read.bytes }).await?;
        self.worker.load_progress.advance(offsets, records);
        self.uncut = (self.uncut.0 + offsets, self.uncut.1 + records);
        self.throttle.count(records);
        Ok(())
    }

    async fn give(&self, task: Task) -> Result<(), LoadError> {
        // The writer's own error says why it is gone.
        self.tasks.send(task).await.map_err(|_| LoadError::Failed("the writer has ended".into()))
    }

    async fn cut_if_due(&mut self) -> Result<(), LoadError> {
        let is_full = self.spill.kept_bytes() >= self.worker.memory_bytes / 100 * SPILL_PERCENT;
        let is_late = self.last_cut.elapsed() >= self.worker.ctx.config.rebuild.cut;
        if is_full || is_late { self.cut().await } else { Ok(()) }
    }

    async fn cut(&mut self) -> Result<(), LoadError> {
        self.last_cut = Instant::now();
        let progressed = self.progressed();
        if progressed.is_empty() {
            return Ok(());
        }
        let (pieces, names) = self.spill.cut();
        let (done, written) = oneshot::channel();
        let cut = Cut { pieces, names, contested: Vec::new(), progressed, slot: self.worker.slot };
        self.give(Task::Cut { cut, done }).await?;
        written.await.map_err(|_| LoadError::Failed("the writer has ended".into()))?;
        self.by_partition.values_mut().for_each(PartitionProgress::cut);
        self.uncut = (0, 0);
        Ok(())
    }

    fn progressed(&self) -> Vec<Progressed> {
        self.by_partition.iter().filter_map(|(partition, progress)| progress.progressed(*partition)).collect()
    }
}
