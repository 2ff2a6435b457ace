//! A reader's housekeeping between records: claims, positions, group offsets.

use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tracing::{debug, info, warn};

use super::context::lock;
use super::delivery::{Delivery, RecordDecoder};
use super::log_guard::{Verdict, compacted};
use super::partition::{AssignedPartition, Phase};
use super::stopped::Why;
use super::{RETRY_PAUSE, Reader, UPKEEP_EVERY};
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::LogPosition;
use crate::log::bootstrap::bootstrap_again;
use crate::log::epochs::{ConsumerPosition, positions, seek};
use crate::log::survey::topic_state::TopicState;

/// How often group offsets are committed, for lag tools alone.
const GROUP_COMMIT_EVERY: Duration = Duration::from_secs(1);
/// How long to wait for the record by which a partition proves its log. Without an answer it is read anyway.
const PROOF_MAX: Duration = Duration::from_secs(10);
/// Maximum time that one request to a broker keeps the thread from polling.
const BROKER_TIMEOUT: Duration = Duration::from_secs(2);

/// A pass over the partitions asks no more of the brokers after this long; the next pass goes on.
const PASS_MAX: Duration = Duration::from_secs(1);

impl<S: RecordDecoder> Reader<S> {
    pub(super) fn upkeep(&mut self) {
        if lock(&self.consumer.context().health).knows_nobody() {
            let added = bootstrap_again(self.consumer.client(), &self.settings.kafka.brokers);
            warn!(
                added,
                "the Kafka client has lost all brokers, as a broker names none while it starts: told it again"
            );
        }
        let partitions: Vec<(StreamPartition, AssignedPartition)> =
            lock(&self.state).partitions.iter().map(|(partition, assigned)| (*partition, *assigned)).collect();
        let now = Instant::now();
        let mut ready = Vec::new();
        for (partition, assigned) in partitions {
            let (assignment, paused) = (assigned.assignment, self.budgets[assigned.lane].paused);
            let answered = match assigned.phase {
                Phase::Unclaimed { not_before } if now >= not_before => self.claim(partition, assignment),
                // A partition that began to be fetched while the others are paused would need a pause of its own.
                Phase::Granted { position, not_before } if now >= not_before && !paused => {
                    self.ready(partition, assignment, position, &mut ready)
                }
                Phase::Proving { position, until, outcome, .. } if (outcome.is_some() || now >= until) && !paused => {
                    self.proved(partition, assignment, position, outcome, &mut ready);
                    true
                }
                Phase::Waiting { position, token } if !paused && self.decoder.is_ready(token) => {
                    self.ready(partition, assignment, position, &mut ready)
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
        for (partition, assignment, position) in ready {
            self.activate(partition, assignment, position);
        }
        self.deal_again(now);
        self.pass_positions();
        self.guard_topics();
        self.release_proven();
        if now >= self.next_group_commit {
            self.next_group_commit = now + GROUP_COMMIT_EVERY;
            self.commit_group_offsets();
        }
    }

    /// Asks the writer to claim a partition, and tells it where the log starts. `false` if the brokers don't answer.
    fn claim(&mut self, partition: StreamPartition, assignment: u64) -> bool {
        let again = Phase::Unclaimed { not_before: Instant::now() + RETRY_PAUSE };
        match self.start_and_topic(partition) {
            Ok((_, topic)) if topic.is_compacted() => {
                let what = compacted(self.settings.topics.name(partition.stream), &topic);
                self.report(partition, Why::Compacted, &what);
                self.change(partition, assignment, again);
                true
            }
            // It may be gone: what comes in its place must not be taken for it.
            Ok((_, TopicState { id: None, .. })) if self.claimed_topic_ids.contains_key(&partition) => {
                self.report(partition, Why::Unanswered, "the cluster doesn't report the topic's id any more; retrying");
                self.change(partition, assignment, again);
                true
            }
            Ok((log_start, TopicState { id: topic_id, .. })) => {
                if let Some(topic_id) = topic_id.clone() {
                    self.claimed_topic_ids.insert(partition, topic_id);
                }
                self.change(partition, assignment, Phase::Claiming);
                if let Some(lane) = lock(&self.state).lane_of(partition) {
                    lane.send(Delivery::Claim { partition, assignment, log_start, topic_id });
                }
                true
            }
            Err(error) => {
                let what = format!("cannot get its first offset and topic id ({error}); retrying");
                self.report(partition, Why::Unanswered, &what);
                self.change(partition, assignment, again);
                false
            }
        }
    }

    fn start_and_topic(&mut self, partition: StreamPartition) -> Result<(i64, TopicState), KafkaError> {
        let (log_start, _) = self.watermarks(partition)?;
        let topics = &self.settings.topics;
        let states = self.topic_watch.ask(self.consumer.client(), topics, BROKER_TIMEOUT)?;
        Ok((log_start, states.get(topics.name(partition.stream)).cloned().unwrap_or_default()))
    }

    /// Adds a partition if the log still has its claimed position. `false` if the brokers don't answer.
    fn ready(
        &mut self,
        partition: StreamPartition,
        assignment: u64,
        position: LogPosition,
        ready: &mut Vec<(StreamPartition, u64, LogPosition)>,
    ) -> bool {
        let bounds = self.watermarks(partition);
        let answered = bounds.is_ok();
        let (why, problem) = match bounds {
            Ok((start, end)) => match self.judge(partition, position, (start, end)) {
                Verdict::Read => {
                    // What was deleted since proves nothing.
                    let last_record = position.last_record.filter(|record| record.offset >= start);
                    ready.push((partition, assignment, LogPosition { last_record, ..position }));
                    return true;
                }
                Verdict::Stop(why, problem) => (why, problem),
            },
            Err(error) => (Why::Unanswered, format!("cannot get its offsets ({error}); retrying")),
        };
        self.report(partition, why, &problem);
        self.change(partition, assignment, Phase::Granted { position, not_before: Instant::now() + RETRY_PAUSE });
        answered
    }

    /// Starts reading at the claimed position.
    fn activate(&mut self, partition: StreamPartition, assignment: u64, position: LogPosition) {
        let topic = self.settings.topics.name(partition.stream);
        // From that record on; librdkafka asks for the epoch first, which tells more.
        let proof = position.last_record.filter(|_| self.log_guard.proven.get(&partition) != Some(&assignment));
        let from = proof.map_or(position, |record| LogPosition { next_offset: record.offset, ..position });
        if let Err(error) = self.fetch_from(partition, from) {
            debug!(topic, partition = partition.index, %error, "not fetched yet; retrying");
            self.change(partition, assignment, Phase::Granted { position, not_before: Instant::now() + UPKEEP_EVERY });
            return;
        }
        if let Some(record) = proof {
            let until = Instant::now() + PROOF_MAX;
            return self.change(partition, assignment, Phase::Proving { position, record, until, outcome: None });
        }
        let stale = self.position(partition);
        lock(&self.state).fetched.remove(&partition);
        self.change(partition, assignment, Phase::Active { position, stale });
        info!(topic, partition = partition.index, next_offset = position.next_offset, "reading");
        self.release_unless_unproven(partition);
    }

    /// Assigns with an offset instead of seeking: a seek gets lost if the partition's fetch is about to start. With a known
    /// epoch it seeks as well, since only then librdkafka makes sure that the log is still the one that was folded.
    /// librdkafka keeps a pause over the end of an assignment: one that was taken away while the queue was full would
    /// stay paused in the next.
    fn fetch_from(&self, partition: StreamPartition, position: LogPosition) -> KafkaResult<()> {
        self.stop_fetching(partition);
        let (topic, next_offset) = (self.settings.topics.name(partition.stream), position.next_offset);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition.index, Offset::Offset(next_offset))?;
        self.consumer.incremental_assign(&list)?;
        self.consumer.resume(&self.list(&[partition]))?;
        match position.leader_epoch.filter(|_| next_offset > 0) {
            Some(leader_epoch) => seek(&self.consumer, topic, partition.index, (next_offset, leader_epoch)),
            None => Ok(()),
        }
    }

    /// The consumer's position: after the last record or transaction marker that it returned.
    fn position(&self, partition: StreamPartition) -> Option<i64> {
        let positions = self.consumer.position().ok()?;
        match positions.find_partition(self.settings.topics.name(partition.stream), partition.index)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    fn watermarks(&self, partition: StreamPartition) -> Result<(i64, i64), KafkaError> {
        self.consumer.fetch_watermarks(self.settings.topics.name(partition.stream), partition.index, BROKER_TIMEOUT)
    }

    /// Passes offsets without records: transaction markers and aborted records.
    fn pass_positions(&self) {
        let Ok(positions) = positions(&self.consumer) else { return };
        let mut state = lock(&self.state);
        for ConsumerPosition { topic, partition, offset, leader_epoch } in positions {
            let Some(stream) = self.settings.topics.stream(&topic) else { continue };
            let position = offset.map(|next_offset| LogPosition { next_offset, leader_epoch, last_record: None });
            state.position(StreamPartition { stream, index: partition }, position);
        }
        for (lane, budget) in state.lanes.iter_mut().zip(&self.budgets) {
            if lane.batch().items.is_empty() && budget.bytes() == 0 {
                lane.flush();
            }
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
