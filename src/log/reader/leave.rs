//! How a reader leaves its group.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;

use super::context::lock;
use super::delivery::RecordDecoder;
use super::settings::PartitionSource;
use super::{POLL_MAX, Reader};

/// How long a rebalance may take in which this member takes part when it is told to stop.
const JOIN_MAX: Duration = Duration::from_secs(4);

impl<S: RecordDecoder> Reader<S> {
    /// Prepares for dropping the consumer, which leaves the group, and so revokes and drains the partitions. Those that the
    /// caller assigned have to be drained here.
    pub(super) fn let_go(&self) {
        let since = Instant::now();
        *lock(&self.consumer.context().stopping) = Some(since);
        match &self.settings.source {
            PartitionSource::Group => self.finish_joining(since),
            PartitionSource::Fixed(partitions) => self.consumer.context().revoked(partitions.clone()),
        }
    }

    /// librdkafka doesn't leave the group while it is joining it: the member would stay in it, with its partitions, until its
    /// session times out. What is read meanwhile is dropped, and read by the next owner.
    fn finish_joining(&self, since: Instant) {
        while self.is_joining() && since.elapsed() < JOIN_MAX {
            let _ = self.next_event(POLL_MAX);
        }
    }

    fn is_joining(&self) -> bool {
        let health = lock(&self.consumer.context().health);
        health.member().is_some_and(|membership| membership.is_joining())
    }
}
