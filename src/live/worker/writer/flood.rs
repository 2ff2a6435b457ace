//! Partitions that the flood guard has stopped: too many consecutive records were rejected for one reason.

use super::WriterTask;
use crate::domain::log::partition::StreamPartition;
use crate::live::worker::batch::{Flood, WriteBatch};
use crate::log::Control;
use crate::observe::health::{self, Severity};
use crate::projection::Outcome;

impl WriterTask {
    /// Releases a partition for a while, because too many of its consecutive records were rejected for one reason.
    pub(super) fn stop_flood(&mut self, flood: Flood, batch: &mut WriteBatch) {
        let topic = self.settings.topics.name(flood.partition.stream);
        let Some(span) = batch.remove(flood.partition) else { return };
        let Outcome::DeadLetter(reason) = flood.outcome else { return };
        let (partition, offset) = (flood.partition.index, flood.offset);
        let detail = format!(
            "{} consecutive records were rejected as {reason}, up to topic {topic}, partition {partition}, offset \
             {offset}; the partition stops there. Fix the cause (a schema? this binary?), or let them pass with \
             `foldback dead-letters allow {topic} {partition} {offset}`",
            self.settings.refusals_in_a_row_max
        );
        self.flooded.insert(flood.partition, offset);
        self.settings.metrics.partitions.stopped(topic, partition, Some(reason));
        self.settings.readiness.raise(&health::flood_guard(topic, partition), Severity::Unready, detail);
        self.owned.remove(span.assignment);
        self.tell(Control::Lost {
            partition: span.partition,
            assignment: span.assignment,
            pause: self.settings.retry.max,
        });
    }

    /// Clears the flood guard once a partition continues after the record that stopped it. A shorter batch may have
    /// moved it up to that same record, or another generation may be past it.
    pub(super) fn unflood(&mut self, partition: StreamPartition, next_offset: i64) {
        if self.flooded.get(&partition).is_some_and(|offset| next_offset > *offset) {
            self.flooded.remove(&partition);
            let topic = self.settings.topics.name(partition.stream);
            self.settings.metrics.partitions.stopped(topic, partition.index, None);
            self.settings.readiness.clear(&health::flood_guard(topic, partition.index));
        }
    }
}
