//! Partitions that stand still, since too many records in a row were refused for one reason.

use tracing::error;

use super::WriterTask;
use crate::domain::partition::StreamPartition;
use crate::log::Control;
use crate::observe::health::{self, Severity};
use crate::projection::Outcome;
use crate::runtime::batch::{Flood, WriteBatch};

impl WriterTask {
    /// Gives a partition up for a while: too many of its records in a row were refused for one reason.
    pub(super) fn stop_flood(&mut self, flood: Flood, batch: &mut WriteBatch) {
        let topic = self.settings.topics.name(flood.of.stream);
        let Some(span) = batch.remove(flood.of) else { return };
        let Outcome::DeadLetter(reason) = flood.outcome else { return };
        let (partition, offset) = (flood.of.partition, flood.offset);
        let detail = format!(
            "{} consecutive records were rejected as {reason}, up to topic {topic}, partition {partition}, offset \
             {offset}; the partition stops there. Fix the cause (a schema? this binary?), or let them pass with \
             `foldback dead-letters allow {topic} {partition} {offset}`",
            self.settings.refusals_in_a_row_max
        );
        if self.flooded.insert(flood.of, offset).is_none() {
            error!(topic, partition, offset, "{detail}");
        }
        self.settings.metrics.partitions.stopped(topic, partition, Some(reason));
        self.settings.readiness.raise(&health::flood_guard(topic, partition), Severity::Unready, detail);
        self.leases.drop_lease(span.lease);
        self.tell(Control::Lost { of: span.of, lease: span.lease, pause: self.settings.retry.max });
    }

    /// A partition that is read on from behind the record before which it stood stands no more: a shorter batch may
    /// have moved it there and left it before the same record, or another generation may be past it.
    pub(super) fn unflood(&mut self, of: StreamPartition, next_offset: i64) {
        if self.flooded.get(&of).is_some_and(|offset| next_offset > *offset) {
            self.flooded.remove(&of);
            let topic = self.settings.topics.name(of.stream);
            self.settings.metrics.partitions.stopped(topic, of.partition, None);
            self.settings.readiness.clear(&health::flood_guard(topic, of.partition));
        }
    }
}
