//! State shared by a reader and its rebalance callback: the assigned partitions and the batch being built.

use std::collections::BTreeMap;
use std::time::Instant;

use hashbrown::HashMap;
use tokio::sync::mpsc::UnboundedSender;

use super::delivery::{Batch, Delivery, Span};
use super::partition::{AssignedPartition, Phase};
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::{LogPosition, RecordMark};

/// State that the reader's thread shares with librdkafka's rebalance callback, behind one mutex.
pub struct State<T> {
    pub partitions: BTreeMap<StreamPartition, AssignedPartition>,
    batch: Batch<T>,
    /// Index into the batch's spans.
    spans: HashMap<StreamPartition, usize>,
    /// When the batch's first record arrived.
    started: Option<Instant>,
    next_assignment: u64,
    /// Partitions of which the statistics say that they are fetched, and how often in a row.
    pub fetched: HashMap<StreamPartition, u32>,
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
            fetched: HashMap::new(),
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
        matches!(phase, Some(Phase::Active { position, .. }) if offset >= position.next_offset)
    }

    /// Whether a record is the one by which its partition proves its log; does nothing if it has to prove nothing.
    pub fn prove(&mut self, partition: StreamPartition, found: RecordMark) {
        if let Some(AssignedPartition { phase: Phase::Proving { record, outcome, .. }, .. }) =
            self.partitions.get_mut(&partition)
            && found.offset >= record.offset
        {
            outcome.get_or_insert(found == *record);
        }
    }

    /// Takes a record that is wanted. `record`: just after it.
    pub fn take(&mut self, partition: StreamPartition, record: LogPosition, bytes: usize, item: T) {
        self.started.get_or_insert_with(Instant::now);
        self.pass(partition, record);
        self.batch.items.push(item);
        self.batch.bytes += bytes;
    }

    /// Moves a partition that is being read to a position; everything before it counts as passed.
    pub fn pass(&mut self, partition: StreamPartition, to: LogPosition) {
        let Some(assigned) = self.partitions.get_mut(&partition) else { return };
        let Phase::Active { position, .. } = assigned.phase else { return };
        let from = position.next_offset;
        if to.next_offset <= from {
            return;
        }
        let LogPosition { next_offset, leader_epoch, .. } = to;
        let last_record = to.last_record.or(position.last_record);
        assigned.phase = Phase::Active { position: LogPosition { last_record, ..to }, stale: None };
        let index = *self.spans.entry(partition).or_insert_with(|| {
            let assignment = assigned.assignment;
            self.batch.spans.push(Span { partition, assignment, from, to: from, leader_epoch, last_record });
            self.batch.spans.len() - 1
        });
        let span = &mut self.batch.spans[index];
        (span.to, span.leader_epoch, span.last_record) = (next_offset, leader_epoch, last_record);
    }

    /// Takes over the consumer's position, which passes offsets without records; `None`: it has none yet.
    pub fn position(&mut self, partition: StreamPartition, position: Option<LogPosition>) {
        let Some(assigned) = self.partitions.get_mut(&partition) else { return };
        let Phase::Active { stale, .. } = &mut assigned.phase else { return };
        if stale.is_some() && *stale == position.map(|position| position.next_offset) {
            return;
        }
        *stale = None;
        if let Some(position) = position {
            self.pass(partition, position);
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
