//! The partitions that a writer has claimed.

use std::collections::{HashMap, HashSet};

use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::Stream;
use crate::log::Span;
use crate::store::tables::checkpoints::{Advance, Claim};

/// A claim, and the records at which its streak of rejections may pass.
#[derive(Debug, Clone)]
pub struct OwnedPartition {
    pub claim: Claim,
    pub allowed: HashSet<i64>,
}

/// By assignment number; what was read under another assignment is void.
#[derive(Debug, Default)]
pub struct OwnedPartitions(HashMap<u64, OwnedPartition>);

impl OwnedPartitions {
    pub fn grant(&mut self, number: u64, owned: OwnedPartition) {
        self.0.insert(number, owned);
    }

    /// The partition of a span, if the span continues where the last commit ended.
    pub fn of(&self, span: &Span) -> Option<&OwnedPartition> {
        self.0.get(&span.assignment).filter(|owned| owned.claim.next_offset == span.from)
    }

    /// The rows of the counts that the writer adds to: no other has the same smallest partition at the same time, and it
    /// stays the same for as long as nothing is assigned or revoked.
    pub fn slot(&self) -> i32 {
        let partitions = self.0.values().map(|owned| owned.claim.partition);
        let orders = partitions.filter(|partition| partition.stream == Stream::Orders);
        orders.map(|partition| partition.index).min().unwrap_or(0)
    }

    pub fn remove(&mut self, number: u64) {
        self.0.remove(&number);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn claims(&self) -> Vec<Claim> {
        self.0.values().map(|owned| owned.claim).collect()
    }

    /// Returns the number of its assignment.
    pub fn remove_partition(&mut self, partition: StreamPartition) -> Option<u64> {
        let found = self.0.iter().find(|(_, owned)| owned.claim.partition == partition);
        let number = *found?.0;
        self.0.remove(&number);
        Some(number)
    }

    pub fn drop_partitions(&mut self, partitions: &[StreamPartition]) {
        self.0.retain(|_, owned| !partitions.contains(&owned.claim.partition));
    }

    /// Removes and returns all partitions, with their assignment numbers.
    pub fn drain(&mut self) -> Vec<(u64, StreamPartition)> {
        self.0.drain().map(|(number, owned)| (number, owned.claim.partition)).collect()
    }

    pub fn advance(&mut self, span: &Span, advance: &Advance) {
        if let Some(owned) = self.0.get_mut(&span.assignment) {
            owned.claim.next_offset = advance.to;
            owned.claim.leader_epoch = advance.leader_epoch;
            owned.claim.last_record = advance.last_record;
            owned.claim.streak = advance.streak;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(partitions: &[(Stream, i32)]) -> OwnedPartitions {
        let claim = |(stream, index)| Claim {
            partition: StreamPartition { stream, index },
            owner_epoch: 1,
            next_offset: 0,
            leader_epoch: None,
            last_record: None,
            streak: None,
        };
        let owned = |partition| OwnedPartition { claim: claim(partition), allowed: HashSet::new() };
        OwnedPartitions((0..).zip(partitions.iter().map(|partition| owned(*partition))).collect())
    }

    #[test]
    fn the_slot_is_the_smallest_orders_partition_of_all_that_is_owned() {
        assert_eq!(owned(&[(Stream::Orders, 7), (Stream::Orders, 3), (Stream::Runs, 1)]).slot(), 3);
        assert_eq!(owned(&[(Stream::Runs, 4)]).slot(), 0, "runs are not counted");
    }
}
