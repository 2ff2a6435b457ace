//! One assigned partition, from assignment to revocation.

use std::time::Instant;

use crate::domain::log::positions::{LogPosition, RecordMark};

/// Phase of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// To be claimed, but not before `not_before`.
    Unclaimed { not_before: Instant },
    /// A claim has been requested; nothing is read until it is answered.
    Claiming,
    /// Claimed; to be fetched from its position, but not before `not_before`.
    Granted { position: LogPosition, not_before: Instant },
    /// Fetched from the last record before its position on, to see that the log still has it: until the `outcome`, or
    /// without one.
    Proving { position: LogPosition, record: RecordMark, until: Instant, outcome: Option<bool> },
    /// Being read. `position` is just after the last record taken. The consumer's position counts unless it is still
    /// `stale`, that is, left over from an earlier fetch of the partition.
    Active { position: LogPosition, stale: Option<i64> },
    /// The record at `position` can't be decoded until something (`token`) arrives.
    Waiting { position: LogPosition, token: u32 },
}

/// State of one assigned partition in the reader. `assignment` numbers this assignment, so that answers to an earlier one
/// are ignored; it does not expire, as a lease would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssignedPartition {
    pub assignment: u64,
    /// To whose writer its records go.
    pub lane: usize,
    pub phase: Phase,
}
