//! Where a fold ends: for each partition, the first offset that is no longer part of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::partition::StreamPartition;
use super::record::Topics;

/// Exclusive ends by partition. Nothing is folded of a partition that is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds(pub BTreeMap<StreamPartition, i64>);

#[derive(Serialize, Deserialize)]
struct Entry {
    topic: String,
    partition: i32,
    offset: i64,
}

impl Bounds {
    pub fn of(&self, partition: StreamPartition) -> Option<i64> {
        self.0.get(&partition).copied()
    }

    pub fn partitions(&self) -> Vec<StreamPartition> {
        self.0.keys().copied().collect()
    }

    /// `[{"topic", "partition", "offset"}, …]`
    pub fn to_json(&self, topics: &Topics) -> Value {
        let entry = |(partition, offset): (&StreamPartition, &i64)| serde_json::json!({"topic": topics.name(partition.stream), "partition": partition.index, "offset": offset});
        Value::Array(self.0.iter().map(entry).collect())
    }

    /// Reads what `to_json` wrote; `None` if it is something else, or of other topics.
    pub fn from_json(json: &Value, topics: &Topics) -> Option<Bounds> {
        let entries: Vec<Entry> = serde_json::from_value(json.clone()).ok()?;
        let bound = |entry: Entry| {
            let stream = topics.stream(&entry.topic)?;
            Some((StreamPartition { stream, index: entry.partition }, entry.offset))
        };
        entries.into_iter().map(bound).collect::<Option<_>>().map(Bounds)
    }
}
