//! A worker of a load: a reader of its own partitions, the fold, and a writer task.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Build;
use super::context::Site;
use super::decode::{LoadItem, LoadSieve};
use super::error::LoadError;
use super::progress::Tracker;
use super::retry::Retries;
use super::writer::{Hand, LoadedBatch, Task};
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::rejection::Reason;
use crate::live::worker::decode::DecodingSieve;
use crate::log::{Batch, Control, Delivery, Reader, ReaderHandle};
use crate::projection::spill::Spill;
use crate::projection::streak::FloodGuard;
use crate::projection::{Content, Outcome};
use crate::store::StoreError;
use crate::store::decisions::allowances;
use crate::store::load::{self, Cut, HistoryBatch, Loader, Progressed, slice_of};
use crate::store::tables::checkpoints::{self, Advance, Claim, Found};
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

/// A worker's assignment.
pub struct LoadWorker {
    pub site: Site,
    pub build: Build,
    pub found: Vec<Found>,
    pub slices: i64,
    /// The slot that its provider names go to; unique per worker.
    pub slot: i32,
    pub memory_bytes: usize,
    pub tracker: Arc<Tracker>,
    pub stop: CancellationToken,
}

/// A partition on its way to its target.
struct Way {
    claim: Claim,
    allowed: HashSet<i64>,
    guard: FloodGuard,
    target: i64,
    /// Folded so far; the claim says what has been cut.
    at: i64,
    records: u64,
}

/// One attempt, starting at the last cut.
struct Attempt<'w> {
    worker: &'w LoadWorker,
    ways: BTreeMap<StreamPartition, Way>,
    spill: Spill,
    tasks: mpsc::Sender<Task>,
    last_cut: Instant,
    forced: Vec<(StreamPartition, i64)>,
    throttle: Throttle,
    /// Offsets and records since the last cut.
    uncut: (u64, u64),
}

impl LoadWorker {
    /// Folds its partitions to their targets, restarting from the last cut after each transient failure. Returns
    /// records that were rejected although they would have been accepted.
    pub async fn run(&self) -> Result<Vec<(StreamPartition, i64)>, LoadError> {
        let mut retries = Retries::new(&self.site, &self.build, &self.stop, "folding");
        loop {
            let tried = self.try_run().await;
            if let Some(outcome) = retries.outcome(tried).await {
                return outcome;
            }
        }
    }

    async fn try_run(&self) -> Result<Vec<(StreamPartition, i64)>, LoadError> {
        let mut conn = load::connect_to_load(&self.site.access, self.build.generation).await?;
        let ways = self.claim(&mut conn).await?;
        let open: Vec<StreamPartition> =
            ways.iter().filter(|(_, way)| way.at < way.target).map(|(of, _)| *of).collect();
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let loader = Loader::new(conn, self.build.generation, self.site.topics.clone(), self.slices).await?;
        let (deliveries, mut queue) = mpsc::unbounded_channel();
        let settings = self.site.reader(open, self.memory_bytes / 100 * READER_PERCENT);
        let reader = Reader::start(settings, self.site.readiness.clone(), self.sieve(), deliveries)?;
        let (tasks, todo) = mpsc::channel(TASKS_MAX);
        let hand = Hand { site: self.site.clone(), loader, in_flight: reader.in_flight.clone(), refused: Vec::new() };
        let hand = tokio::spawn(hand.run(todo));
        let mut attempt = Attempt {
            worker: self,
            ways,
            spill: Spill::new(usize::try_from(self.slices).unwrap_or(1)),
            tasks,
            last_cut: Instant::now(),
            forced: Vec::new(),
            throttle: Throttle::new(self.build.records_per_second_max / self.build.workers.max(1) as u64),
            uncut: (0, 0),
        };
        let folded = attempt.run(&mut queue, &reader).await.map(|()| std::mem::take(&mut attempt.forced));
        self.tracker.lose(attempt.uncut);
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
        finish(folded, hand).await
    }

    async fn claim(
        &self,
        conn: &mut sqlx::postgres::PgConnection,
    ) -> Result<BTreeMap<StreamPartition, Way>, StoreError> {
        let refusals_max = self.site.config.limits.refusals_in_a_row_max;
        let mut ways = BTreeMap::new();
        for found in &self.found {
            let of = found.of;
            let claim = checkpoints::claim(conn, self.build.generation, &self.site.topics, found).await?;
            let topic = self.site.topics.name(of.stream);
            let allowed = allowances::allowances(conn, topic, of.partition, claim.next_offset).await?;
            let target = self.build.targets.of(of).unwrap_or(claim.next_offset);
            let guard = FloodGuard { streak: claim.streak, refusals_max };
            ways.insert(of, Way { claim, allowed, guard, target, at: claim.next_offset, records: 0 });
        }
        Ok(ways)
    }

    fn sieve(&self) -> LoadSieve {
        let decoding = DecodingSieve::new(self.site.decoder.clone(), self.site.resolver.clone());
        LoadSieve { decoding, sample: self.build.sample, refused: self.build.refused.clone() }
    }
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
async fn finish<T>(folded: Result<T, LoadError>, hand: JoinHandle<Result<(), LoadError>>) -> Result<T, LoadError> {
    let written = hand.await.map_err(|error| LoadError::Failed(format!("a writer ended unexpectedly: {error}")))?;
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
        while !self.is_done() {
            let delivery = tokio::select! {
                delivery = queue.recv() => delivery,
                // What isn't cut is lost, and read again by the next attempt.
                () = stop.cancelled() => return Err(LoadError::stopped()),
                _ = look.tick() => {
                    self.cut_if_due().await?;
                    continue;
                }
            };
            match delivery {
                Some(Delivery::Claim { of, lease, .. }) => self.grant(reader, of, lease),
                Some(Delivery::Batch(batch)) => self.take(batch).await?,
                Some(Delivery::Release { done, .. }) => {
                    let _ = done.send(());
                }
                Some(Delivery::End) | None => return Err(LoadError::Failed("the reader ended unexpectedly".into())),
            }
            self.cut_if_due().await?;
        }
        self.cut().await
    }

    fn is_done(&self) -> bool {
        self.ways.values().all(|way| way.at >= way.target)
    }

    fn grant(&self, reader: &ReaderHandle, of: StreamPartition, lease: u64) {
        if let Some(way) = self.ways.get(&of) {
            // A reader that has ended doesn't need the message.
            let _ = reader.controls.send(Control::Granted { of, lease, next_offset: way.at });
        }
    }

    async fn take(&mut self, read: Batch<LoadItem>) -> Result<(), LoadError> {
        // With a sample, most of what is read is skipped.
        let events = if self.worker.build.sample.is_all() { read.items.len() } else { 0 };
        let mut batch =
            LoadedBatch { history: HistoryBatch::with_capacity(events), pieces: Vec::new(), others: Vec::new() };
        let mut records = 0;
        for item in read.items {
            let (of, offset) = item.at();
            let Some(way) = self.ways.get_mut(&of).filter(|way| offset < way.target && offset >= way.at) else {
                continue;
            };
            way.records += 1;
            records += 1;
            match item {
                LoadItem::Event { event, position, recorded_at } => {
                    way.guard.streak = None;
                    self.spill.push(slice_of(event.provider_order_id, self.worker.slices), &event, position)?;
                    let row = HistoryRow { event: &event, position, recorded_at };
                    batch.history.push(row, &self.worker.site.topics.orders);
                }
                LoadItem::Other { item, forced } => {
                    way.pass(&item.content, offset).map_err(|limit| self.worker.flood(of, offset, limit))?;
                    if forced {
                        self.forced.push((of, offset));
                    }
                    batch.others.push(*item);
                }
                LoadItem::Skipped { .. } => {}
            }
        }
        let mut offsets = 0;
        for span in &read.spans {
            let Some(way) = self.ways.get_mut(&span.of) else { continue };
            let to = span.to.min(way.target);
            // Never negative: a span before the folded position moves nothing.
            offsets += u64::try_from(to - way.at).unwrap_or(0);
            way.at = way.at.max(to);
        }
        batch.pieces = self.spill.take_full(PIECES_MIN);
        self.give(Task::Append { batch, bytes: read.bytes }).await?;
        self.worker.tracker.advance(offsets, records);
        self.uncut = (self.uncut.0 + offsets, self.uncut.1 + records);
        self.throttle.wait(records, &self.worker.stop).await;
        Ok(())
    }

    async fn give(&self, task: Task) -> Result<(), LoadError> {
        // The writer's own error says why it is gone.
        self.tasks.send(task).await.map_err(|_| LoadError::Failed("the writer has ended".into()))
    }

    async fn cut_if_due(&mut self) -> Result<(), LoadError> {
        let is_full = self.spill.open_bytes() >= self.worker.memory_bytes / 100 * SPILL_PERCENT;
        let is_late = self.last_cut.elapsed() >= self.worker.site.config.rebuild.cut;
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
        let cut = Cut { pieces, names, tangled: Vec::new(), progressed, slot: self.worker.slot };
        self.give(Task::Cut { cut, done }).await?;
        written.await.map_err(|_| LoadError::Failed("the writer has ended".into()))?;
        for way in self.ways.values_mut() {
            way.claim.next_offset = way.at;
            way.claim.streak = way.guard.streak;
            way.records = 0;
        }
        self.uncut = (0, 0);
        Ok(())
    }

    fn progressed(&self) -> Vec<Progressed> {
        let moved = self.ways.iter().filter(|(_, way)| way.at > way.claim.next_offset);
        let progressed = |(of, way): (&StreamPartition, &Way)| Progressed {
            advance: Advance {
                of: *of,
                owner_epoch: way.claim.owner_epoch,
                from: way.claim.next_offset,
                to: way.at,
                streak: way.guard.streak,
            },
            records: way.records,
        };
        moved.map(progressed).collect()
    }
}

impl Way {
    /// Fails with the limit if too many consecutive records were rejected for one reason.
    fn pass(&mut self, content: &Content, offset: i64) -> Result<(), (Reason, i64)> {
        let outcome = match content {
            Content::Rejected(rejection) => Outcome::DeadLetter(rejection.reason),
            _ => Outcome::Applied,
        };
        let passes = self.guard.pass(outcome, || self.allowed.contains(&offset));
        match outcome {
            Outcome::DeadLetter(reason) if !passes => Err((reason, self.guard.refusals_max)),
            _ => Ok(()),
        }
    }
}

impl LoadWorker {
    fn flood(&self, of: StreamPartition, offset: i64, (reason, refusals_max): (Reason, i64)) -> LoadError {
        let (topic, partition) = (self.site.topics.name(of.stream), of.partition);
        LoadError::Refused(vec![format!(
            "{refusals_max} consecutive records were rejected as {reason}, up to topic {topic}, partition {partition}, \
             offset {offset}. Fix the cause (a schema? this binary?), or let them pass with `foldback dead-letters \
             allow {topic} {partition} {offset}`; then `foldback rebuild` resumes"
        )])
    }
}

/// Limits a worker's rate.
struct Throttle {
    started: Instant,
    records: u64,
    per_second: u64,
}

impl Throttle {
    fn new(per_second: u64) -> Throttle {
        Throttle { started: Instant::now(), records: 0, per_second }
    }

    async fn wait(&mut self, records: u64, stop: &CancellationToken) {
        self.records += records;
        if self.per_second == 0 {
            return;
        }
        let due = Duration::from_secs_f64(self.records as f64 / self.per_second as f64);
        let ahead = due.saturating_sub(self.started.elapsed());
        tokio::select! {
            () = tokio::time::sleep(ahead) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Partitions, sorted by how much is left of each.
pub fn left(build: &Build, at: &BTreeMap<StreamPartition, i64>) -> Vec<(StreamPartition, u64)> {
    let left = |found: &Found| {
        let from = at.get(&found.of).copied().unwrap_or(found.log_start);
        u64::try_from(build.targets.of(found.of).unwrap_or(from) - from).unwrap_or(0)
    };
    build.found.values().map(|found| (found.of, left(found))).collect()
}
