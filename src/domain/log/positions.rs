//! Positions in the log: of each partition an offset, or how many offsets.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::partition::StreamPartition;
use super::record::Topics;

/// By partition of one of the two streams.
pub type Positions = BTreeMap<StreamPartition, i64>;

/// By topic and partition, as they are stored and shown.
pub type TopicPositions = BTreeMap<(String, i32), i64>;

/// `[{"topic", "partition", "nextOffset"}, …]`
pub fn positions_json(positions: &TopicPositions) -> Value {
    let position = |((topic, partition), offset): (&(String, i32), &i64)| json!({"topic": topic, "partition": partition, "nextOffset": offset});
    positions.iter().map(position).collect()
}

/// How far a partition is folded, and in which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPosition {
    pub next_offset: i64,
    /// The leader epoch of the last record, or transaction marker, before it; `None` if it isn't known.
    pub leader_epoch: Option<i32>,
    /// The last record before it; `None` if it isn't known.
    pub last_record: Option<RecordMark>,
}

/// A record that was folded. What stands at its offset now tells whether the log still is the one that had it: a cluster
/// that was restored from a snapshot may give out a leader epoch twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordMark {
    pub offset: i64,
    /// Its timestamp.
    pub millis: i64,
}

/// The same by stream; those of topics that are neither are left out.
pub fn by_stream(positions: TopicPositions, topics: &Topics) -> Positions {
    let position = |((topic, partition), offset): ((String, i32), i64)| {
        Some((StreamPartition { stream: topics.stream(&topic)?, index: partition }, offset))
    };
    positions.into_iter().filter_map(position).collect()
}
