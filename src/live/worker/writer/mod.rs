//! The task that writes what a reader has read: one connection, one batch at a time.
//!
//! - `claims`: which partitions of which generation are ours
//! - `flood`: partitions that the flood guard has stopped

mod claims;
mod flood;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use super::WorkerSettings;
use super::batch::{Flood, WriteBatch};
use super::bisect::refuse_what_postgres_refuses;
use super::fold::fold_batch;
use super::owned::OwnedPartitions;
use super::report::report_commit;
use super::state_cache::StateCache;
use crate::domain::change::ChangeSet;
use crate::domain::log::dead_letter::DeadLetter;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::Stream;
use crate::domain::log::rejection::{Reason, Rejection};
use crate::live::backoff::Backoff;
use crate::log::fetch::{FetchError, fetch_record};
use crate::log::{Batch, Control, Delivery, ReaderEnded, ReaderHandle};
use crate::observe::health::{self, Severity};
use crate::projection::Item;
use crate::store::commit::{Commit, Writer};
use crate::store::tables::checkpoints::{Advance, LogStart};
use crate::store::{Generation, StoreError};

const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Why an attempt to write a batch failed.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a displaced event could not be read from the log again: {0}")]
    Fetch(#[from] FetchError),
    #[error("too many consecutive records were rejected")]
    Flood(Flood),
    #[error("the process is shutting down")]
    Ending,
}

/// Writes what one reader delivers: owns a connection, claims partitions, and commits one batch at a time.
pub struct WriterTask {
    settings: Arc<WorkerSettings>,
    reader: ReaderHandle,
    /// Whether the last request to Postgres failed.
    away: bool,
    /// Cancelled when there is no time left to wait for anything.
    give_up: CancellationToken,
    writer: Option<Writer>,
    /// The generation in which the assignments were claimed.
    served: Option<Generation>,
    cache: StateCache,
    owned: OwnedPartitions,
    /// Partitions that the flood guard has stopped, and the offset of the record that each stopped at.
    flooded: HashMap<StreamPartition, i64>,
    backoff: Backoff,
}

impl WriterTask {
    pub fn new(settings: Arc<WorkerSettings>, reader: ReaderHandle, give_up: CancellationToken) -> WriterTask {
        WriterTask {
            cache: StateCache::new(settings.cache_orders_max, settings.cache_bytes_max),
            backoff: Backoff::new(settings.retry.initial, settings.retry.max),
            settings,
            reader,
            away: false,
            give_up,
            writer: None,
            served: None,
            owned: OwnedPartitions::default(),
            flooded: HashMap::new(),
        }
    }

    /// Writes until the reader has ended; an error unless it was told to.
    pub async fn run(mut self, mut deliveries: UnboundedReceiver<Delivery<Item>>) -> Result<(), ReaderEnded> {
        let mut live = self.settings.live.clone();
        loop {
            let delivery = tokio::select! {
                delivery = deliveries.recv() => delivery,
                generation = told(&mut live) => {
                    self.follow(generation);
                    continue;
                }
            };
            match delivery {
                Some(Delivery::Batch(batch)) => self.take(batch).await,
                Some(Delivery::Claim { partition, assignment, log_start, topic_id }) => {
                    self.claim(assignment, &LogStart { partition, log_start, topic_id }).await;
                }
                Some(Delivery::Release { partitions, done }) => {
                    self.release(&partitions);
                    // Nobody is waiting any more if the time limit has passed.
                    let _ = done.send(());
                }
                Some(Delivery::End) => return Ok(()),
                None => return Err(self.reader.why_ended()),
            }
        }
    }

    /// The connection; reconnects if it was lost.
    async fn writer(&mut self) -> Result<&mut Writer, StoreError> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => {
                let writer = Writer::connect(&self.settings.access, self.settings.target).await?;
                let before = self.served.replace(writer.generation);
                // Leases of another generation say nothing about this one's checkpoints.
                if let Some(before) = before.filter(|before| *before != writer.generation) {
                    return Err(StoreError::NotLive(before.0));
                }
                writer
            }
        };
        Ok(self.writer.insert(writer))
    }

    async fn take(&mut self, batch: Batch<Item>) {
        let bytes = batch.bytes;
        let mut batch = WriteBatch { items: batch.items, spans: batch.spans };
        if let Some(ends) = &self.settings.ends {
            batch.cut_at(ends);
        }
        self.write(batch).await;
        self.reader.in_flight.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Writes a batch, however long it takes, unless its partitions are lost or the process has to end.
    async fn write(&mut self, mut batch: WriteBatch) {
        loop {
            batch.keep_valid(&self.owned);
            if self.give_up.is_cancelled() {
                return;
            }
            if batch.is_empty() {
                return self.nothing_waits();
            }
            let give_up = self.give_up.clone();
            let written = tokio::select! {
                written = self.try_write(&batch) => written,
                () = give_up.cancelled() => Err(WriteError::Ending),
            };
            match written {
                Ok(()) => return self.recovered(),
                Err(WriteError::Ending) => return self.writer = None,
                Err(error) => self.recover(error, &mut batch).await,
            }
        }
    }

    async fn try_write(&mut self, batch: &WriteBatch) -> Result<(), WriteError> {
        let settings = self.settings.clone();
        let started = Instant::now();
        self.writer().await?;
        let Some(writer) = self.writer.as_mut() else { return Ok(()) };
        let mut folded = fold_batch(&mut writer.conn, writer.generation, &mut self.cache, &batch.items).await?;
        let advances =
            batch.advances(&self.owned, &folded.outcomes, settings.refusals_in_a_row_max).map_err(WriteError::Flood)?;
        fetch_displaced(&settings, &mut folded.changes).await?;
        let commit =
            Commit { changes: &folded.changes, advances: &advances, topics: &settings.topics, slot: batch.slot() };
        writer.commit(&commit).await?;
        self.committed(batch, &folded.changes, &advances);
        report_commit(&batch.items, &folded, started, &settings.topics);
        Ok(())
    }

    fn committed(&mut self, batch: &WriteBatch, changes: &ChangeSet, advances: &[Advance]) {
        for order in &changes.orders {
            self.cache.put(order.clone());
        }
        for (span, advance) in batch.spans.iter().zip(advances) {
            self.owned.advance(span, advance);
        }
        for advance in advances {
            self.unflood(advance.partition, advance.to);
            self.settings.progress.at(advance.partition, advance.to);
        }
        self.tell(Control::Committed(advances.iter().map(|advance| (advance.partition, advance.to)).collect()));
    }

    async fn recover(&mut self, error: WriteError, batch: &mut WriteBatch) {
        self.cache.clear();
        match error {
            WriteError::Flood(flood) => self.stop_flood(flood, batch),
            WriteError::Store(StoreError::Stale { table: "checkpoints", .. }) => {
                info!(
                    "another instance claimed a partition, or the response to its last commit was lost: claiming again"
                );
                for span in &batch.spans {
                    self.settings.progress.fenced(span.partition);
                }
                self.lose(batch);
            }
            WriteError::Store(StoreError::Stale { table, .. }) => {
                debug!(table, "another instance has written the rows meanwhile: refolding");
            }
            WriteError::Store(StoreError::Contention(error)) => {
                debug!(%error, "another transaction conflicted: retrying");
            }
            WriteError::Store(StoreError::NotLive(generation)) => {
                info!(generation, "another generation has become live: continuing from its checkpoints");
                self.leave_generation();
            }
            WriteError::Store(error @ (StoreError::Projection { .. } | StoreError::NotBuilding(_))) => {
                info!("{error}");
                self.leave_generation();
            }
            WriteError::Store(StoreError::Data(error)) => {
                info!(%error, "Postgres rejects a value: bisecting to find its record");
                match self.refuse(batch).await {
                    Ok(()) => {}
                    Err(error @ StoreError::Data(_)) => self.wait_after(&error.into()).await,
                    Err(error) => Box::pin(self.recover(error.into(), batch)).await,
                }
            }
            error => self.wait_after(&error).await,
        }
    }

    async fn refuse(&mut self, batch: &mut WriteBatch) -> Result<(), StoreError> {
        let settings = self.settings.clone();
        let writer = self.writer().await?;
        refuse_what_postgres_refuses(writer, &settings.topics, batch).await
    }

    /// Waits with backoff, and reconnects afterwards, since the connection's state is unknown.
    async fn wait_after(&mut self, error: &WriteError) {
        self.writer = None;
        let pause = self.backoff.pause();
        let detail = format!("{error}; retrying until it works");
        if self.away {
            debug!(pause_ms = pause.as_millis(), "{detail}");
        } else {
            error!("{detail}");
        }
        self.away = true;
        self.settings.readiness.raise(health::POSTGRES, Severity::Unready, detail);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.give_up.cancelled() => {}
        }
    }

    /// What Postgres was waited for with is another owner's to write, or is claimed again.
    fn nothing_waits(&mut self) {
        if std::mem::take(&mut self.away) {
            self.settings.readiness.clear(health::POSTGRES);
        }
    }

    fn recovered(&mut self) {
        self.backoff.reset();
        if std::mem::take(&mut self.away) {
            info!("writing works again");
            self.settings.readiness.clear(health::POSTGRES);
        }
    }

    fn tell(&self, control: Control) {
        // A reader that has ended needs to be told nothing.
        let _ = self.reader.controls.send(control);
    }
}

/// The next change of the live generation; never returns if nobody reports changes.
async fn told(live: &mut Option<watch::Receiver<Generation>>) -> Generation {
    if let Some(live) = live
        && live.changed().await.is_ok()
    {
        return *live.borrow_and_update();
    }
    std::future::pending().await
}

/// Makes dead letters of displaced events, with their raw bytes read from the log again.
async fn fetch_displaced(settings: &Arc<WorkerSettings>, changes: &mut ChangeSet) -> Result<(), WriteError> {
    for displaced in std::mem::take(&mut changes.displaced) {
        let reader = settings.reader.clone();
        let partition = StreamPartition { stream: Stream::Orders, index: displaced.position.partition };
        let offset = displaced.position.offset;
        let fetched =
            tokio::task::spawn_blocking(move || fetch_record(&reader, partition, offset, FETCH_TIMEOUT)).await;
        let record = fetched.map_err(|_| WriteError::Ending)??;
        let rejection = Rejection::new(Reason::SequenceConflict, displaced.detail);
        changes.dead_letters.push(DeadLetter { record, rejection, conflict: Some(displaced.conflict) });
    }
    Ok(())
}
