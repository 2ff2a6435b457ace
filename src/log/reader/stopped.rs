//! Which partitions the log guard has stopped, and why.

use std::collections::HashMap;

use crate::domain::log::partition::StreamPartition;

/// Partitions that are stopped, or were until they have proved that they go on.
#[derive(Debug, Default)]
pub struct LogGuard {
    pub stopped: HashMap<StreamPartition, Stopped>,
    /// Assignments of which it is known, or was asked in vain, whether the log has their last record.
    pub proven: HashMap<StreamPartition, u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    pub why: Why,
    /// To the log.
    pub is_told: bool,
    /// How often it was tried in vain since it was stopped.
    pub tries: u32,
}

/// Why a partition is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The brokers don't say what is needed to begin.
    Unanswered,
    Compacted,
    /// The log does not have the position, or has other records before it. `lost_from`: the first offset that was lost,
    /// if it is known.
    NotInLog {
        lost_from: Option<i64>,
    },
    /// The client can't hand out what stands at this offset.
    Unreadable {
        offset: i64,
    },
}

impl Why {
    pub fn is_same_kind(self, other: Why) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}
