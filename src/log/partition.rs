//! One assigned partition, from assignment to revocation.

use std::time::Instant;

/// What a partition is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// To be claimed, not before then.
    Unclaimed { not_before: Instant },
    /// Asked for; nothing is read until the answer.
    Claiming,
    /// Claimed; to be fetched from its position, not before then.
    Granted { next_offset: i64, not_before: Instant },
    /// Being read. `next_offset` is behind the last record taken. The consumer's position counts unless it is still
    /// `stale`: that of an earlier fetch of the partition.
    Active { next_offset: i64, stale: Option<i64> },
    /// A record at `next_offset` can't be read until something (`token`) is there.
    Waiting { next_offset: i64, token: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    pub lease: u64,
    pub phase: Phase,
}

impl Partition {
    pub fn unclaimed(lease: u64, not_before: Instant) -> Partition {
        Partition { lease, phase: Phase::Unclaimed { not_before } }
    }
}
