//! Which partitions of which generation are ours to write.

use std::time::Duration;

use tracing::{debug, error, info};

use super::WriterTask;
use crate::domain::log::partition::StreamPartition;
use crate::live::worker::batch::WriteBatch;
use crate::live::worker::owned::OwnedPartition;
use crate::log::Control;
use crate::observe::health::{self, Severity};
use crate::store::decisions::allowances;
use crate::store::tables::checkpoints::{self, LogStart};
use crate::store::tables::folded_topics::FoldedTopics;
use crate::store::{Generation, StoreError};

/// How soon to claim a partition again if this worker must not fold its generation.
const CLAIM_PAUSE: Duration = Duration::from_secs(1);

impl WriterTask {
    pub(super) async fn claim(&mut self, number: u64, found: &LogStart) {
        let partition = found.partition;
        let give_up = self.give_up.clone();
        loop {
            let claimed = tokio::select! {
                claimed = self.try_claim(found) => claimed,
                () = give_up.cancelled() => return self.writer = None,
            };
            match claimed {
                Ok(owned) => {
                    let position = owned.claim.position();
                    self.unflood(partition, position.next_offset);
                    // The reader may have dropped an older assignment by itself.
                    self.owned.drop_partitions(&[partition]);
                    self.owned.grant(number, owned);
                    self.settings.progress.at(partition, position.next_offset);
                    return self.tell(Control::Granted { partition, assignment: number, position });
                }
                Err(error) if self.give_up.is_cancelled() => {
                    debug!(%error, "not claimed: stopping");
                    return;
                }
                Err(StoreError::NotLive(_)) => self.leave_generation(),
                Err(error @ (StoreError::Projection { .. } | StoreError::NotBuilding(_))) => {
                    debug!(%error, "not claimed");
                    return self.tell(Control::Lost { partition, assignment: number, pause: CLAIM_PAUSE });
                }
                Err(error @ (StoreError::TopicRecreated { .. } | StoreError::OtherTopics { .. })) => {
                    self.recovered();
                    return self.stop_at_other_log(partition, number, &error);
                }
                Err(error) => self.wait_after(&error.into()).await,
            }
        }
    }

    /// The topic is not the one that was folded: stops the partition, and claims it again later, in case the topic is
    /// restored or another generation goes live. Told to the log once.
    fn stop_at_other_log(&self, partition: StreamPartition, assignment: u64, error: &StoreError) {
        let (topic, index) = (self.settings.topics.name(partition.stream), partition.index);
        let detail = format!("partition {index} of topic {topic} is stopped: {error}");
        let (name, readiness) = (health::log_guard(topic, index), &self.settings.readiness);
        if readiness.conditions().get(&name).is_some_and(|condition| condition.detail != detail) {
            error!(topic, partition = index, "{detail}");
        }
        readiness.raise(&name, Severity::Unready, detail);
        self.tell(Control::Lost { partition, assignment, pause: self.settings.retry.max });
    }

    async fn try_claim(&mut self, found: &LogStart) -> Result<OwnedPartition, StoreError> {
        let (partition, settings) = (found.partition, self.settings.clone());
        let topic = settings.topics.name(partition.stream);
        let writer = self.writer().await?;
        let claiming = async {
            let (conn, generation) = (&mut writer.conn, writer.generation);
            FoldedTopics::of(conn, generation).await?.check(generation, &settings.topics)?;
            let claim = checkpoints::claim(conn, generation, &settings.topics, found).await?;
            let allowed = allowances::allowances(conn, generation, topic, partition.index, claim.next_offset).await?;
            Ok::<_, StoreError>(OwnedPartition { claim, allowed })
        };
        let owned = settings.access.answered(claiming).await?;
        self.recovered();
        Ok(owned)
    }

    pub(super) fn release(&mut self, partitions: &[StreamPartition]) {
        self.owned.drop_partitions(partitions);
        for partition in partitions {
            let topic = self.settings.topics.name(partition.stream);
            self.settings.metrics.partitions.stopped(topic, partition.index, None);
            self.settings.readiness.clear(&health::flood_guard(topic, partition.index));
            self.settings.readiness.clear(&health::log_guard(topic, partition.index));
            self.flooded.remove(partition);
        }
    }

    /// Switches to the live generation if it is not the one of our assignments. A commit notices that by itself; this is for
    /// partitions without new records.
    pub(super) fn follow(&mut self, live: Generation) {
        if let Some(served) = self.served.filter(|served| *served != live) {
            info!(from = served.0, to = live.0, "another generation is live: continuing from its checkpoints");
            self.leave_generation();
        }
    }

    pub(super) fn lose(&mut self, batch: &WriteBatch) {
        for span in &batch.spans {
            self.owned.remove(span.assignment);
            self.tell(Control::Lost {
                partition: span.partition,
                assignment: span.assignment,
                pause: self.settings.retry.initial,
            });
        }
    }

    /// Drops everything known about the generation, including its assignments; its partitions are claimed again in the live
    /// one.
    pub(super) fn leave_generation(&mut self) {
        self.writer = None;
        self.served = None;
        self.cache.clear();
        self.lose_all();
    }

    fn lose_all(&mut self) {
        for (assignment, partition) in self.owned.drain() {
            self.tell(Control::Lost { partition, assignment, pause: Duration::ZERO });
        }
    }
}
