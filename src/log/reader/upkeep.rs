//! A reader's housekeeping between records: claims, positions, group offsets.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tracing::{debug, info};

use super::context::lock;
use super::delivery::{Delivery, RecordDecoder};
use super::partition::{AssignedPartition, Phase};
use super::{RETRY_PAUSE, Reader, UPKEEP_EVERY};
use crate::domain::log::partition::StreamPartition;
use crate::observe::health::{self, Severity};

/// How often group offsets are committed, for lag tools alone.
const GROUP_COMMIT_EVERY: Duration = Duration::from_secs(1);
/// How often to check whether the topics are still those that were claimed.
const TOPIC_GUARD_EVERY: Duration = Duration::from_secs(2);
/// Maximum time that one round of upkeep keeps the thread from polling.
const TOPIC_GUARD_TIMEOUT: Duration = Duration::from_millis(200);
/// Maximum time that one request to a broker keeps the thread from polling.
const BROKER_TIMEOUT: Duration = Duration::from_secs(2);

/// A pass over the partitions asks no more of the brokers after this long; the next pass goes on.
const PASS_MAX: Duration = Duration::from_secs(1);

impl<S: RecordDecoder> Reader<S> {
    pub(super) fn upkeep(&mut self) {
        let partitions: Vec<(StreamPartition, AssignedPartition)> =
            lock(&self.state).partitions.iter().map(|(partition, assigned)| (*partition, *assigned)).collect();
        let now = Instant::now();
        let mut ready = Vec::new();
        for (partition, assigned) in partitions {
            let assignment = assigned.assignment;
            let answered = match assigned.phase {
                Phase::Unclaimed { not_before } if now >= not_before => self.claim(partition, assignment),
                // A partition that began to be fetched while the others are paused would need a pause of its own.
                Phase::Granted { next_offset, not_before } if now >= not_before && !self.full => {
                    self.ready(partition, assignment, next_offset, &mut ready)
                }
                Phase::Waiting { next_offset, token } if !self.full && self.decoder.is_ready(token) => {
                    self.ready(partition, assignment, next_offset, &mut ready)
                }
                _ => true,
            };
            // Brokers that don't answer for one partition would block the thread for each of the others too, and slow ones
            // would do so for all together: the group expels a consumer that doesn't poll.
            if !answered || now.elapsed() > PASS_MAX {
                break;
            }
        }
        // Last, because a broker answers nothing else while a fetch waits for records on the same connection.
        for (partition, assignment, next_offset) in ready {
            self.activate(partition, assignment, next_offset);
        }
        self.pass_positions();
        if now >= self.next_topic_guard {
            self.next_topic_guard = now + TOPIC_GUARD_EVERY;
            self.guard_topics();
        }
        if now >= self.next_group_commit {
            self.next_group_commit = now + GROUP_COMMIT_EVERY;
            self.commit_group_offsets();
        }
    }

    /// Asks the writer to claim a partition, and tells it where the log starts. `false` if the brokers don't answer.
    fn claim(&mut self, partition: StreamPartition, assignment: u64) -> bool {
        match self.first_offset_and_topic_id(partition) {
            Ok((log_start, topic_id)) => {
                if let Some(topic_id) = topic_id.clone() {
                    self.claimed_topic_ids.insert(partition, topic_id);
                }
                self.change(partition, assignment, Phase::Claiming);
                lock(&self.state).send(Delivery::Claim { partition, assignment, log_start, topic_id });
                true
            }
            Err(error) => {
                self.report(partition, &format!("cannot get its first offset and topic id ({error}); retrying"));
                self.change(partition, assignment, Phase::Unclaimed { not_before: Instant::now() + RETRY_PAUSE });
                false
            }
        }
    }

    fn first_offset_and_topic_id(&mut self, partition: StreamPartition) -> Result<(i64, Option<String>), KafkaError> {
        let (log_start, _) = self.watermarks(partition)?;
        let topic_id =
            self.topic_ids.of(self.consumer.client(), &self.settings.topics, partition.stream, BROKER_TIMEOUT)?;
        Ok((log_start, topic_id))
    }

    /// If a topic is recreated while it is read, librdkafka silently continues once it has grown beyond the position.
    /// So its partitions are claimed again, which is refused.
    fn guard_topics(&mut self) {
        for partition in self.active() {
            let (client, topics) = (self.consumer.client(), &self.settings.topics);
            // Brokers that don't answer are reported elsewhere, and nothing is read from them.
            let Ok(found) = self.topic_ids.of(client, topics, partition.stream, TOPIC_GUARD_TIMEOUT) else { return };
            if let (Some(found), Some(claimed)) = (found, self.claimed_topic_ids.get(&partition))
                && found != *claimed
            {
                self.claim_again(partition, Duration::ZERO);
            }
        }
    }

    /// Adds a partition if the log still has its claimed position. `false` if the brokers don't answer.
    fn ready(
        &self,
        partition: StreamPartition,
        assignment: u64,
        next_offset: i64,
        ready: &mut Vec<(StreamPartition, u64, i64)>,
    ) -> bool {
        let (answered, problem) = match self.watermarks(partition) {
            Ok((log_start, end)) if (log_start..=end).contains(&next_offset) => {
                ready.push((partition, assignment, next_offset));
                return true;
            }
            Ok((log_start, end)) => (true, lost_log(log_start, end, next_offset)),
            Err(error) => (false, format!("cannot get its offsets ({error}); retrying")),
        };
        self.report(partition, &problem);
        self.change(partition, assignment, Phase::Granted { next_offset, not_before: Instant::now() + RETRY_PAUSE });
        answered
    }

    /// Starts reading at the claimed position.
    fn activate(&self, partition: StreamPartition, assignment: u64, next_offset: i64) {
        let topic = self.settings.topics.name(partition.stream);
        if let Err(error) = self.fetch_from(partition, next_offset) {
            debug!(topic, partition = partition.index, %error, "not fetched yet; retrying");
            self.change(
                partition,
                assignment,
                Phase::Granted { next_offset, not_before: Instant::now() + UPKEEP_EVERY },
            );
            return;
        }
        let stale = self.position(partition);
        self.change(partition, assignment, Phase::Active { next_offset, stale });
        self.readiness.clear(&health::log_guard(topic, partition.index));
        info!(topic, partition = partition.index, next_offset, "reading");
    }

    /// Assigns with an offset instead of seeking: a seek gets lost if the partition's fetch is about to start.
    /// librdkafka keeps a pause over the end of an assignment: one that was taken away while the queue was full would
    /// stay paused in the next.
    fn fetch_from(&self, partition: StreamPartition, next_offset: i64) -> KafkaResult<()> {
        self.stop_fetching(partition);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(
            self.settings.topics.name(partition.stream),
            partition.index,
            Offset::Offset(next_offset),
        )?;
        self.consumer.incremental_assign(&list)?;
        self.consumer.resume(&self.list(&[partition]))
    }

    /// The consumer's position: after the last record or transaction marker that it returned.
    fn position(&self, partition: StreamPartition) -> Option<i64> {
        let positions = self.consumer.position().ok()?;
        match positions.find_partition(self.settings.topics.name(partition.stream), partition.index)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    fn report(&self, partition: StreamPartition, what: &str) {
        let (topic, partition) = (self.settings.topics.name(partition.stream), partition.index);
        let detail = format!("topic {topic}, partition {partition}: {what}");
        self.readiness.raise(&health::log_guard(topic, partition), Severity::Unready, detail);
    }

    fn watermarks(&self, partition: StreamPartition) -> Result<(i64, i64), KafkaError> {
        self.consumer.fetch_watermarks(self.settings.topics.name(partition.stream), partition.index, BROKER_TIMEOUT)
    }

    /// Passes offsets without records: transaction markers and aborted records.
    fn pass_positions(&self) {
        let Ok(positions) = self.consumer.position() else { return };
        let mut state = lock(&self.state);
        for element in positions.elements() {
            let Some(stream) = self.settings.topics.stream(element.topic()) else { continue };
            let position = match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            state.position(StreamPartition { stream, index: element.partition() }, position);
        }
        if state.batch().items.is_empty() && self.in_flight.load(Ordering::Relaxed) == 0 {
            state.flush();
        }
    }

    pub(super) fn commit_group_offsets(&mut self) {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in self.group_offsets.drain() {
            let topic = self.settings.topics.name(partition.stream);
            // Fails only for a negative offset, which never occurs.
            let _ = list.add_partition_offset(topic, partition.index, Offset::Offset(offset));
        }
        if list.count() > 0
            && let Err(error) = self.consumer.commit(&list, CommitMode::Async)
        {
            debug!(%error, "group offsets were not committed; they are for lag tools alone");
        }
    }
}

fn lost_log(log_start: i64, end: i64, next_offset: i64) -> String {
    format!(
        "the log has offsets {log_start} to {end}, but the views are folded up to {next_offset}: the topic was \
         truncated or recreated; this partition stops here. Restore the topic, or rebuild the views"
    )
}
