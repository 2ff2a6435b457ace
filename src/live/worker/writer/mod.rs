//! The task that writes what a reader has read: one connection, one batch at a time.
//!
//! - `claims`: which partitions of which generation are ours
//! - `flood`: partitions that the flood guard has stopped
//! - `lost_commits`: what Postgres has forgotten
//! - `recovery`: what to do after an attempt that failed

mod claims;
mod flood;
mod lost_commits;
mod recovery;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::WorkerSettings;
use super::batch::{Flood, WriteBatch};
use super::displaced::DisplacedEvents;
use super::fold::fold_batch;
use super::owned::OwnedPartitions;
use super::report::report_commit;
use super::state_cache::StateCache;
use crate::domain::change::ChangeSet;
use crate::domain::log::partition::StreamPartition;
use crate::live::backoff::Backoff;
use crate::log::fetch::FetchError;
use crate::log::{Batch, Control, Delivery, ReaderEnded, ReaderHandle};
use crate::projection::Item;
use crate::store::commit::{Commit, WriteTarget, Writer};
use crate::store::tables::checkpoints::{Advance, LogStart};
use crate::store::{Generation, StoreError};

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
    /// The condition that was raised when the last attempt failed.
    away: Option<&'static str>,
    /// How often in a row the same batch was tried again at once.
    tries_at_once: u32,
    /// Cancelled when there is no time left to wait for anything.
    give_up: CancellationToken,
    writer: Option<Writer>,
    /// The generation in which the assignments were claimed.
    served: Option<Generation>,
    cache: StateCache,
    displaced: DisplacedEvents,
    owned: OwnedPartitions,
    /// Partitions that the flood guard has stopped, and the offset of the record that each stopped at.
    flooded: HashMap<StreamPartition, i64>,
    backoff: Backoff,
}

impl WriterTask {
    pub fn new(settings: Arc<WorkerSettings>, reader: ReaderHandle, give_up: CancellationToken) -> WriterTask {
        WriterTask {
            cache: StateCache::new(settings.cache_orders_max, settings.cache_bytes_max),
            displaced: DisplacedEvents::new(settings.reader.clone()),
            backoff: Backoff::new(settings.retry.initial, settings.retry.max),
            settings,
            reader,
            away: None,
            tries_at_once: 0,
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
                    self.look_for_lost_commits().await;
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
                let (access, target) = (&self.settings.access, self.settings.target);
                let writer = access.answered(Writer::connect(access, target)).await?;
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
                Ok(()) => {
                    self.tries_at_once = 0;
                    return self.recovered();
                }
                Err(WriteError::Ending) => return self.writer = None,
                Err(error) => self.recover(error, &mut batch).await,
            }
        }
    }

    async fn try_write(&mut self, batch: &WriteBatch) -> Result<(), WriteError> {
        let (settings, started) = (self.settings.clone(), Instant::now());
        self.writer().await?;
        let Some(writer) = self.writer.as_mut() else { return Ok(()) };
        let fold = fold_batch(&mut writer.conn, writer.generation, &mut self.cache, &batch.items);
        let mut folded = settings.access.answered(fold).await?;
        let advances =
            batch.advances(&self.owned, &folded.outcomes, settings.refusals_in_a_row_max).map_err(WriteError::Flood)?;
        self.displaced.reject(&mut folded.changes).await.map_err(|_| WriteError::Ending)??;
        let commit = Commit {
            changes: &folded.changes,
            advances: &advances,
            topics: &settings.topics,
            slot: self.owned.slot(),
            redriven: &[],
        };
        settings.access.answered(writer.commit(&commit)).await?;
        self.committed(batch, &folded.changes, &advances);
        // What is folded besides, such as for a verification in this process, is not what readers get.
        if settings.target == WriteTarget::Live {
            settings.refusals.committed(&folded.changes.dead_letters, &settings.topics);
            report_commit(&batch.items, &folded, started, &settings.topics);
        }
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

    fn tell(&self, control: Control) {
        // A reader that has ended needs to be told nothing.
        let _ = self.reader.controls.send(control);
    }
}

/// The live generation, whenever it has been looked up; never returns if nobody does.
async fn told(live: &mut Option<watch::Receiver<Generation>>) -> Generation {
    if let Some(live) = live
        && live.changed().await.is_ok()
    {
        return *live.borrow_and_update();
    }
    std::future::pending().await
}
