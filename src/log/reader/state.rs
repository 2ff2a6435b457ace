//! State shared by a reader and its rebalance callback: the assigned partitions and the batch being built.

use std::collections::BTreeMap;
use std::time::Instant;

use hashbrown::HashMap;
use tokio::sync::mpsc::UnboundedSender;

use super::delivery::{Batch, Delivery, Span};
use super::partition::{AssignedPartition, Phase};
use crate::domain::log::partition::StreamPartition;

/// State that the reader's thread shares with librdkafka's rebalance callback, behind one mutex.
pub struct State<T> {
    pub partitions: BTreeMap<StreamPartition, AssignedPartition>,
    batch: Batch<T>,
    /// Index into the batch's spans.
    spans: HashMap<StreamPartition, usize>,
    /// When the batch's first record arrived.
    started: Option<Instant>,
    next_assignment: u64,
    deliveries: UnboundedSender<Delivery<T>>,
}

impl<T> State<T> {
    pub fn new(deliveries: UnboundedSender<Delivery<T>>) -> State<T> {
        State {
            partitions: BTreeMap::new(),
            batch: Batch::default(),
            spans: HashMap::new(),
            started: None,
            next_assignment: 1,
            deliveries,
        }
    }

    pub fn next_assignment(&mut self) -> u64 {
        self.next_assignment += 1;
        self.next_assignment
    }

    pub fn batch(&self) -> &Batch<T> {
        &self.batch
    }

    pub fn started(&self) -> Option<Instant> {
        self.started
    }

    /// Whether a record at this offset is wanted: the partition is being read, and it wasn't taken yet.
    pub fn wants(&self, partition: StreamPartition, offset: i64) -> bool {
        let phase = self.partitions.get(&partition).map(|assigned| assigned.phase);
        matches!(phase, Some(Phase::Active { next_offset, .. }) if offset >= next_offset)
    }

    /// Takes a record that is wanted.
    pub fn take(&mut self, partition: StreamPartition, offset: i64, bytes: usize, item: T) {
        self.started.get_or_insert_with(Instant::now);
        self.pass(partition, offset + 1);
        self.batch.items.push(item);
        self.batch.bytes += bytes;
    }

    /// Moves a partition that is being read to `next_offset`; everything before it counts as passed.
    pub fn pass(&mut self, partition: StreamPartition, next_offset: i64) {
        let Some(assigned) = self.partitions.get_mut(&partition) else { return };
        let Phase::Active { next_offset: from, .. } = assigned.phase else { return };
        if next_offset <= from {
            return;
        }
        assigned.phase = Phase::Active { next_offset, stale: None };
        match self.spans.get(&partition) {
            Some(index) => self.batch.spans[*index].to = next_offset,
            None => {
                self.spans.insert(partition, self.batch.spans.len());
                self.batch.spans.push(Span { partition, assignment: assigned.assignment, from, to: next_offset });
            }
        }
    }

    /// Takes over the consumer's position, which passes offsets without records; `None`: it has none yet.
    pub fn position(&mut self, partition: StreamPartition, position: Option<i64>) {
        let Some(assigned) = self.partitions.get_mut(&partition) else { return };
        let Phase::Active { stale, .. } = &mut assigned.phase else { return };
        if stale.is_some() && *stale == position {
            return;
        }
        *stale = None;
        if let Some(next_offset) = position {
            self.pass(partition, next_offset);
        }
    }

    /// Sends the batch being built, unless it is empty. Returns its bytes.
    pub fn flush(&mut self) -> usize {
        if self.batch.spans.is_empty() {
            return 0;
        }
        let batch = std::mem::take(&mut self.batch);
        let bytes = batch.bytes;
        self.spans.clear();
        self.started = None;
        self.send(Delivery::Batch(batch));
        bytes
    }

    pub fn send(&self, delivery: Delivery<T>) {
        // The writer ends only after the reader. If it is gone anyway, nothing can be written, and the next owner of
        // the partitions reads every record again.
        let _ = self.deliveries.send(delivery);
    }
}
