//! How much of what is read may wait for its writer: beyond that, the writer's partitions are paused.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use tracing::{debug, warn};

use super::Reader;
use super::budget::{Budget, FULL_PAUSE};
use super::context::lock;
use super::delivery::RecordDecoder;
use super::partition::Phase;
use super::settings::PartitionSource;
use crate::domain::log::partition::StreamPartition;

/// For how long to wait for room before a lane's partitions are paused.
const FULL_PATIENCE: Duration = Duration::from_millis(100);

impl<S: RecordDecoder> Reader<S> {
    /// Whether to stop polling because too much is in flight, which keeps what librdkafka has fetched; a pause would
    /// throw it away. Only for fixed partitions: the group would expel a consumer that doesn't poll.
    pub(super) fn is_held_up(&self) -> bool {
        self.settings.source != PartitionSource::Group && self.budgets.iter().any(|budget| self.is_spent(budget))
    }

    fn is_spent(&self, budget: &Budget) -> bool {
        budget.bytes() >= self.settings.queue_bytes_max
    }

    /// Pauses a lane's partitions while too much of it is in flight, and resumes them when there is room again.
    pub(super) fn relieve(&mut self) {
        for lane in 0..self.budgets.len() {
            let budget = &self.budgets[lane];
            if budget.paused && budget.bytes() < self.settings.queue_bytes_max / 2 {
                self.budgets[lane].paused = false;
                self.resume(&self.active(lane));
            } else if !budget.paused && !self.frees_up(budget) {
                self.budgets[lane].paused = true;
                self.pause(&self.active(lane));
            }
        }
    }

    /// Waits a little for room. Pausing throws away what librdkafka has fetched: a short wait is cheaper.
    fn frees_up(&self, budget: &Budget) -> bool {
        let mut waited = Duration::ZERO;
        while self.is_spent(budget) && waited < FULL_PATIENCE {
            std::thread::sleep(FULL_PAUSE);
            waited += FULL_PAUSE;
        }
        !self.is_spent(budget)
    }

    fn active(&self, lane: usize) -> Vec<StreamPartition> {
        let state = lock(&self.state);
        let active = state
            .partitions
            .iter()
            .filter(|(_, assigned)| assigned.lane == lane && matches!(assigned.phase, Phase::Active { .. }));
        active.map(|(partition, _)| *partition).collect()
    }

    fn pause(&self, partitions: &[StreamPartition]) {
        if let Err(error) = self.consumer.pause(&self.list(partitions)) {
            debug!(%error, "pause failed; the queue may grow beyond its bound for a while");
        }
    }

    pub(super) fn resume(&self, partitions: &[StreamPartition]) {
        if let Err(error) = self.consumer.resume(&self.list(partitions)) {
            warn!(%error, "Kafka: partitions could not be resumed");
        }
    }
}
