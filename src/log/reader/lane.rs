//! What goes to one writer. A reader deals its partitions to several of them, each topic for itself: a member of the group
//! for each writer would get what the group's assignor makes of both topics together, such as all partitions of one.

use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use hashbrown::HashMap;
use tokio::sync::mpsc::UnboundedSender;

use super::delivery::{Batch, Delivery, Span};
use super::partition::AssignedPartition;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::{LogPosition, RecordMark};

/// A writer's batch that is being built, and the way to it.
pub struct Lane<T> {
    batch: Batch<T>,
    /// Index into the batch's spans.
    spans: HashMap<StreamPartition, usize>,
    /// When the batch's first record arrived.
    started: Option<Instant>,
    deliveries: UnboundedSender<Delivery<T>>,
}

impl<T> Lane<T> {
    pub fn new(deliveries: UnboundedSender<Delivery<T>>) -> Lane<T> {
        Lane { batch: Batch::default(), spans: HashMap::new(), started: None, deliveries }
    }

    pub fn batch(&self) -> &Batch<T> {
        &self.batch
    }

    pub fn started(&self) -> Option<Instant> {
        self.started
    }

    pub fn push(&mut self, item: T, bytes: usize) {
        self.started.get_or_insert_with(Instant::now);
        self.batch.items.push(item);
        self.batch.bytes += bytes;
    }

    /// Extends what the batch covers of a partition that stood at `from`.
    pub fn cover(
        &mut self,
        (partition, assigned): (StreamPartition, AssignedPartition),
        from: i64,
        to: LogPosition,
        last_record: Option<RecordMark>,
    ) {
        let LogPosition { next_offset, leader_epoch, .. } = to;
        let index = *self.spans.entry(partition).or_insert_with(|| {
            let assignment = assigned.assignment;
            self.batch.spans.push(Span { partition, assignment, from, to: from, leader_epoch, last_record });
            self.batch.spans.len() - 1
        });
        let span = &mut self.batch.spans[index];
        (span.to, span.leader_epoch, span.last_record) = (next_offset, leader_epoch, last_record);
    }

    /// Sends the batch being built, unless it is empty.
    pub fn flush(&mut self) {
        if self.batch.spans.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        self.spans.clear();
        self.started = None;
        self.send(Delivery::Batch(batch));
    }

    /// Sends the batch being built, and tells the writer that these partitions go, which answers once all before is written.
    pub fn release(&mut self, partitions: Vec<StreamPartition>) -> Receiver<()> {
        let (done, answer) = mpsc::channel();
        self.flush();
        self.send(Delivery::Release { partitions, done });
        answer
    }

    pub fn send(&self, delivery: Delivery<T>) {
        // The writer ends only after the reader. If it is gone anyway, nothing can be written, and the next owner of
        // the partitions reads every record again.
        let _ = self.deliveries.send(delivery);
    }
}
