//! Which partitions of which generation are ours to write.

use std::time::Duration;

use tracing::{debug, error, info};

use super::WriterTask;
use crate::domain::log::partition::StreamPartition;
use crate::live::worker::assignment::Lease;
use crate::live::worker::batch::WriteBatch;
use crate::log::Control;
use crate::observe::health::{self, Severity};
use crate::store::decisions::allowances;
use crate::store::tables::checkpoints::{self, Found};
use crate::store::{Generation, StoreError};

/// How soon to claim a partition again if this worker must not fold its generation.
const CLAIM_PAUSE: Duration = Duration::from_secs(1);

impl WriterTask {
    pub(super) async fn claim(&mut self, number: u64, found: &Found) {
        let of = found.of;
        loop {
            match self.try_claim(found).await {
                Ok(lease) => {
                    let next_offset = lease.claim.next_offset;
                    self.unflood(of, next_offset);
                    // The reader may have dropped an older lease by itself.
                    self.leases.drop_partitions(&[of]);
                    self.leases.grant(number, lease);
                    return self.tell(Control::Granted { of, lease: number, next_offset });
                }
                Err(error) if self.give_up.is_cancelled() => {
                    debug!(%error, "not claimed: stopping");
                    return;
                }
                Err(StoreError::NotLive(_)) => self.leave_generation(),
                Err(error @ (StoreError::Projection { .. } | StoreError::NotBuilding(_))) => {
                    debug!(%error, "not claimed");
                    return self.tell(Control::Lost { of, lease: number, pause: CLAIM_PAUSE });
                }
                Err(error @ StoreError::TopicRecreated { .. }) => {
                    self.recovered();
                    return self.stop_recreated(of, number, &error);
                }
                Err(error) => self.wait_after(&error.into()).await,
            }
        }
    }

    /// The topic was recreated: stops the partition, and claims it again later, in case the topic is restored.
    fn stop_recreated(&self, of: StreamPartition, lease: u64, error: &StoreError) {
        let (topic, partition) = (self.settings.topics.name(of.stream), of.partition);
        let detail = format!("partition {partition} is stopped: {error}");
        error!(topic, partition, "{detail}");
        self.settings.readiness.raise(&health::log_guard(topic, partition), Severity::Unready, detail);
        self.tell(Control::Lost { of, lease, pause: self.settings.retry.max });
    }

    async fn try_claim(&mut self, found: &Found) -> Result<Lease, StoreError> {
        let (of, settings) = (found.of, self.settings.clone());
        let topic = settings.topics.name(of.stream);
        let writer = self.writer().await?;
        let claim = checkpoints::claim(&mut writer.conn, writer.generation, &settings.topics, found).await?;
        let allowed = allowances::allowances(&mut writer.conn, topic, of.partition, claim.next_offset).await?;
        self.recovered();
        Ok(Lease { claim, allowed })
    }

    pub(super) fn release(&mut self, partitions: &[StreamPartition]) {
        self.leases.drop_partitions(partitions);
        for of in partitions {
            let topic = self.settings.topics.name(of.stream);
            self.settings.metrics.partitions.let_go(topic, of.partition);
            self.settings.readiness.clear(&health::flood_guard(topic, of.partition));
            self.settings.readiness.clear(&health::log_guard(topic, of.partition));
            self.flooded.remove(of);
        }
    }

    /// Switches to the live generation if it is not the one of our leases. A commit notices that by itself; this is for
    /// partitions without new records.
    pub(super) fn follow(&mut self, live: Generation) {
        if let Some(served) = self.served.filter(|served| *served != live) {
            info!(from = served.0, to = live.0, "another generation is live: continuing from its checkpoints");
            self.leave_generation();
        }
    }

    pub(super) fn lose(&mut self, batch: &WriteBatch) {
        for span in &batch.spans {
            self.leases.drop_lease(span.lease);
            self.tell(Control::Lost { of: span.of, lease: span.lease, pause: self.settings.retry.initial });
        }
    }

    /// Drops everything known about the generation, including its leases; its partitions are claimed again in the live
    /// one.
    pub(super) fn leave_generation(&mut self) {
        self.writer = None;
        self.served = None;
        self.cache.clear();
        self.lose_all();
    }

    fn lose_all(&mut self) {
        for (lease, of) in self.leases.drain() {
            self.tell(Control::Lost { of, lease, pause: Duration::ZERO });
        }
    }
}
