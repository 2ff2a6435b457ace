//! A batch on its way to Postgres.

use std::collections::HashMap;

use super::owned::OwnedPartitions;
use crate::domain::log::bounds::Bounds;
use crate::domain::log::partition::StreamPartition;
use crate::log::Span;
use crate::projection::streak::FloodGuard;
use crate::projection::{Item, Outcome};
use crate::store::tables::checkpoints::Advance;

/// The part of a batch that is still ours to write.
pub struct WriteBatch {
    pub items: Vec<Item>,
    pub spans: Vec<Span>,
}

/// A partition in which too many consecutive records were rejected for one reason.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    pub partition: StreamPartition,
    pub offset: i64,
    pub outcome: Outcome,
}

impl WriteBatch {
    /// Cuts off what is at or after its partition's end. Nothing remains of a partition without an end.
    pub fn cut_at(&mut self, ends: &Bounds) {
        let end_of = |partition| ends.of(partition).unwrap_or(i64::MIN);
        self.items.retain(|item| item.record.position.offset < end_of(partition_of(item)));
        for span in &mut self.spans {
            let end = end_of(span.partition);
            if end < span.to {
                // What stands before the end is not known.
                (span.to, span.leader_epoch, span.last_record) = (end, None, None);
            }
        }
        self.spans.retain(|span| span.from < span.to);
    }

    /// Drops the spans of assignments that are void, with their records.
    pub fn keep_valid(&mut self, owned: &OwnedPartitions) {
        let all = self.spans.len();
        self.spans.retain(|span| owned.of(span).is_some());
        if self.spans.len() == all {
            return;
        }
        let spans = &self.spans;
        self.items.retain(|item| spans.iter().any(|span| span.partition == partition_of(item)));
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// How the batch moves its partitions, or a flood that it must not commit.
    pub fn advances(
        &self,
        owned: &OwnedPartitions,
        outcomes: &[Outcome],
        refusals_max: i64,
    ) -> Result<Vec<Advance>, Flood> {
        let mut guards: HashMap<StreamPartition, FloodGuard> = HashMap::new();
        for span in &self.spans {
            let streak = owned.of(span).and_then(|owned| owned.claim.streak);
            guards.insert(span.partition, FloodGuard { streak, refusals_max });
        }
        for (item, outcome) in self.items.iter().zip(outcomes) {
            let (partition, offset) = (partition_of(item), item.record.position.offset);
            let allowed =
                || self.owned_partition(partition, owned).is_some_and(|owned| owned.allowed.contains(&offset));
            let passes = guards.get_mut(&partition).is_none_or(|guard| guard.pass(*outcome, allowed));
            if !passes {
                return Err(Flood { partition, offset, outcome: *outcome });
            }
        }
        let advance = |span: &Span| {
            let owner = owned.of(span)?;
            let streak = guards.get(&span.partition).and_then(|guard| guard.streak);
            let owner_epoch = owner.claim.owner_epoch;
            let Span { partition, from, to, leader_epoch, last_record, .. } = *span;
            Some(Advance { partition, owner_epoch, from, to, leader_epoch, last_record, streak })
        };
        Ok(self.spans.iter().filter_map(advance).collect())
    }

    fn owned_partition<'l>(
        &self,
        partition: StreamPartition,
        owned: &'l OwnedPartitions,
    ) -> Option<&'l super::owned::OwnedPartition> {
        self.spans.iter().find(|span| span.partition == partition).and_then(|span| owned.of(span))
    }

    /// Removes a partition, and returns its span if it was there.
    pub fn remove(&mut self, partition: StreamPartition) -> Option<Span> {
        let at = self.spans.iter().position(|span| span.partition == partition)?;
        self.items.retain(|item| partition_of(item) != partition);
        Some(self.spans.swap_remove(at))
    }
}

pub fn partition_of(item: &Item) -> StreamPartition {
    StreamPartition { stream: item.record.stream, index: item.record.position.partition }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::position::Position;
    use crate::domain::log::record::{RawRecord, Stream};
    use crate::domain::log::rejection::{Reason, Rejection};
    use crate::projection::Content;

    fn orders_partition(partition: i32) -> StreamPartition {
        StreamPartition { stream: Stream::Orders, index: partition }
    }

    fn item(partition: i32, offset: i64) -> Item {
        let position = Position { partition, offset };
        let record = RawRecord {
            stream: Stream::Orders,
            position,
            key: None,
            value: None,
            headers: Vec::new(),
            recorded_at: None,
        };
        Item { record, content: Content::Rejected(Rejection::new(Reason::Malformed, "empty")) }
    }

    fn span(partition: i32, from: i64, to: i64) -> Span {
        Span { partition: orders_partition(partition), assignment: 1, from, to, leader_epoch: None, last_record: None }
    }

    #[test]
    fn nothing_at_or_behind_an_end_stays() {
        let mut batch = WriteBatch {
            items: vec![item(0, 5), item(1, 7), item(0, 9), item(2, 0), item(1, 8), item(3, 1), item(0, 10)],
            spans: vec![span(0, 5, 12), span(1, 7, 9), span(2, 0, 1), span(3, 1, 2)],
        };
        // Partition 1 goes on beyond this batch, 2 has no end of its own, 3 is at its end already.
        batch.cut_at(&Bounds([(orders_partition(0), 10), (orders_partition(1), 20), (orders_partition(3), 1)].into()));
        assert_eq!(batch.spans, [span(0, 5, 10), span(1, 7, 9)]);
        let left: Vec<_> = batch.items.iter().map(|item| item.record.position).collect();
        let expected = [(0, 5), (1, 7), (0, 9), (1, 8)].map(|(partition, offset)| Position { partition, offset });
        assert_eq!(left, expected);
    }

    #[test]
    fn an_end_among_markers_cuts_the_span_alone() {
        let mut batch = WriteBatch { items: vec![item(0, 5)], spans: vec![span(0, 5, 12)] };
        batch.cut_at(&Bounds([(orders_partition(0), 8)].into()));
        assert_eq!((batch.items.len(), batch.spans.as_slice()), (1, [span(0, 5, 8)].as_slice()));
    }
}
