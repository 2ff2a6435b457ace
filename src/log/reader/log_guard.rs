//! Stops a partition whose log is not the one that was folded, or can't be read on: nothing is skipped in silence.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use tracing::{debug, error};

use super::context::lock;
use super::delivery::RecordDecoder;
use super::partition::Phase;
use super::stopped::{Stopped, Why};
use super::{RETRY_PAUSE, Reader};
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::LogPosition;
use crate::log::epochs::end_in;
use crate::log::events::{Place, Trouble};
use crate::log::survey::topic_state::TopicState;
use crate::observe::health::{self, Severity};

/// The longest pause before what can't be read is tried again.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(30);
/// Statistics come once a second; the first after a fetch began may be of the time before.
const STATISTICS_MIN: u32 = 2;

/// Whether a partition can be read from its position.
pub enum Verdict {
    Read,
    Stop(Why, String),
}

impl<S: RecordDecoder> Reader<S> {
    /// Stops the partition in which an error happened, alone. Errors of a whole topic, or of the client, stop nothing
    /// here: librdkafka cures them, or says that it can't.
    pub(super) fn stop_at(&mut self, Trouble { error, place, reason }: Trouble) {
        let Some((partition, place)) = place.and_then(|place| self.assigned(place)) else {
            return self.complain(&error);
        };
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                self.stop_outside(partition, end_in(&reason));
            }
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed,
            ) => self.complain_of_topic(partition, error, &reason),
            _ => self.stop_unreadable(partition, place.offset, &reason),
        }
    }

    fn assigned(&self, place: Place) -> Option<(StreamPartition, Place)> {
        let stream = self.settings.topics.stream(&place.topic)?;
        Some((StreamPartition { stream, index: place.partition }, place))
    }

    /// librdkafka refuses the position. Claiming the partition again, and asking for the log's bounds, shows why.
    fn stop_outside(&mut self, partition: StreamPartition, lost_from: Option<i64>) {
        // After a batch with a wrong checksum, librdkafka goes astray in what follows, which is dropped anyway.
        if self.reading(partition).is_none() && self.proving(partition).is_none() {
            return;
        }
        let before = self.log_guard.stopped.get(&partition).copied();
        let known = before.and_then(|stopped| match stopped.why {
            Why::NotInLog { lost_from } => lost_from,
            _ => None,
        });
        let why = Why::NotInLog { lost_from: known.or(lost_from) };
        let is_told = before.is_some_and(|before| before.is_told && before.why.is_same_kind(why));
        self.log_guard.stopped.insert(partition, Stopped { why, is_told, tries: 0 });
        self.claim_again(partition, RETRY_PAUSE);
    }

    /// Nothing after it may be taken before it has been read: it is tried again, less and less often.
    fn stop_unreadable(&mut self, partition: StreamPartition, offset: Option<i64>, reason: &str) {
        if let Some((assignment, position)) = self.proving(partition) {
            // Before the position: it proves nothing, and harms nothing.
            self.log_guard.proven.insert(partition, assignment);
            self.stop_fetching(partition);
            return self.change(partition, assignment, Phase::Granted { position, not_before: Instant::now() });
        }
        let Some((assignment, position)) = self.reading(partition) else { return };
        // A broker's batch may begin before the position.
        let offset = offset.unwrap_or(position.next_offset).max(position.next_offset);
        self.report(partition, Why::Unreadable { offset }, &unreadable(offset, reason));
        let tries = self.log_guard.stopped.get_mut(&partition).map_or(1, |stopped| {
            stopped.tries += 1;
            stopped.tries
        });
        let pause = RETRY_PAUSE.saturating_mul(1 << tries.min(5)).min(RETRY_PAUSE_MAX);
        self.lose(partition, assignment, pause);
    }

    /// Assignment and position of a partition that is being read. Others may have errors left from a fetch that was stopped.
    fn reading(&self, partition: StreamPartition) -> Option<(u64, LogPosition)> {
        let assigned = lock(&self.state).partitions.get(&partition).copied()?;
        match assigned.phase {
            Phase::Active { position, .. } => Some((assigned.assignment, position)),
            _ => None,
        }
    }

    fn proving(&self, partition: StreamPartition) -> Option<(u64, LogPosition)> {
        let assigned = lock(&self.state).partitions.get(&partition).copied()?;
        match assigned.phase {
            Phase::Proving { position, .. } => Some((assigned.assignment, position)),
            _ => None,
        }
    }

    /// Whether the log, within these bounds, has the position.
    pub(super) fn judge(
        &mut self,
        partition: StreamPartition,
        position: LogPosition,
        (start, end): (i64, i64),
    ) -> Verdict {
        let (topic, next_offset) = (self.settings.topics.name(partition.stream).to_owned(), position.next_offset);
        if !(start..=end).contains(&next_offset) {
            let why = Why::NotInLog { lost_from: (end < next_offset).then_some(end) };
            return Verdict::Stop(why, lost_log(&topic, (start, end), next_offset));
        }
        match self.log_guard.stopped.get(&partition).map(|stopped| stopped.why) {
            // Without an epoch and a record, nobody can tell whether the log was restored or has grown again.
            Some(why @ Why::NotInLog { lost_from })
                if position.leader_epoch.is_none() && position.last_record.is_none() =>
            {
                Verdict::Stop(
                    why,
                    grown_again(&topic, lost_from, next_offset, "; once it is restored, restart foldback"),
                )
            }
            // Asked again.
            Some(why @ Why::NotInLog { lost_from }) => {
                self.report(partition, why, &grown_again(&topic, lost_from, next_offset, ""));
                Verdict::Read
            }
            _ => Verdict::Read,
        }
    }

    /// The log has the last record that was folded, or another one at its offset.
    pub(super) fn proved(
        &mut self,
        partition: StreamPartition,
        assignment: u64,
        position: LogPosition,
        outcome: Option<bool>,
        ready: &mut Vec<(StreamPartition, u64, LogPosition)>,
    ) {
        if outcome == Some(false) {
            let why = Why::NotInLog { lost_from: None };
            let topic = self.settings.topics.name(partition.stream).to_owned();
            self.report(partition, why, &grown_again(&topic, None, position.next_offset, ""));
            return self.claim_again(partition, RETRY_PAUSE);
        }
        self.log_guard.proven.insert(partition, assignment);
        ready.push((partition, assignment, position));
    }

    /// If a topic is recreated while it is read, librdkafka silently continues once it has grown beyond the position; if
    /// it is compacted, records vanish before they are read. So its partitions are claimed again, which is refused.
    pub(super) fn guard_topics(&mut self) {
        let Some(states) = self.topic_watch.look(self.consumer.client(), &self.settings.topics) else { return };
        for partition in self.claimed() {
            let topic = self.settings.topics.name(partition.stream);
            let state = states.get(topic);
            let is_other = state.and_then(|state| state.id.as_ref()) != self.claimed_topic_ids.get(&partition);
            if is_other || state.is_some_and(TopicState::is_compacted) {
                self.claim_again(partition, Duration::ZERO);
            }
        }
    }

    fn claimed(&self) -> Vec<StreamPartition> {
        let is_claimed = |phase| !matches!(phase, Phase::Unclaimed { .. } | Phase::Claiming);
        let state = lock(&self.state);
        state.partitions.iter().filter(|(_, it)| is_claimed(it.phase)).map(|(partition, _)| *partition).collect()
    }

    /// Reports that a partition is stopped; to the log once, however often it is tried again.
    pub(super) fn report(&mut self, partition: StreamPartition, why: Why, what: &str) {
        let before = self.log_guard.stopped.get(&partition).filter(|stopped| stopped.why.is_same_kind(why)).copied();
        let (topic, index) = (self.settings.topics.name(partition.stream), partition.index);
        let detail = format!("topic {topic}, partition {index}: {what}");
        // The condition writes a line itself when it begins.
        let is_raised = self.readiness.conditions().contains_key(&health::log_guard(topic, index));
        match before.is_some_and(|before| before.is_told) || !is_raised {
            true => debug!(topic, partition = index, "{detail}"),
            false => error!(topic, partition = index, "{detail}"),
        }
        self.readiness.raise(&health::log_guard(topic, index), Severity::Unready, detail);
        let tries = before.map_or(0, |stopped| stopped.tries);
        self.log_guard.stopped.insert(partition, Stopped { why, is_told: true, tries });
    }

    /// A partition that begins to be read has nothing against it any more, unless only reading shows that.
    pub(super) fn release_unless_unproven(&mut self, partition: StreamPartition) {
        let is_unproven = |stopped: &Stopped| matches!(stopped.why, Why::NotInLog { .. } | Why::Unreadable { .. });
        if !self.log_guard.stopped.get(&partition).is_some_and(is_unproven) {
            self.release(partition);
        }
    }

    /// Takes back what was said of partitions that have gone on since. Who revoked a partition has taken it back already,
    /// and its next owner may have more to say.
    pub(super) fn release_proven(&mut self) {
        if self.log_guard.stopped.is_empty() {
            return;
        }
        let proven: Vec<StreamPartition> = {
            let state = lock(&self.state);
            self.log_guard.stopped.retain(|partition, _| state.partitions.contains_key(partition));
            let is_proven = |(partition, stopped): (&StreamPartition, &Stopped)| {
                let phase = state.partitions.get(partition).map(|assigned| assigned.phase);
                let Some(Phase::Active { position, .. }) = phase else { return false };
                match stopped.why {
                    Why::Unreadable { offset } => position.next_offset > offset,
                    _ => state.fetched.get(partition).is_some_and(|times| *times >= STATISTICS_MIN),
                }
            };
            self.log_guard.stopped.iter().filter(|entry| is_proven(*entry)).map(|(partition, _)| *partition).collect()
        };
        for partition in proven {
            debug!(topic = self.settings.topics.name(partition.stream), partition = partition.index, "stopped no more");
            self.release(partition);
        }
    }

    fn release(&mut self, partition: StreamPartition) {
        self.log_guard.stopped.remove(&partition);
        let topic = self.settings.topics.name(partition.stream);
        self.readiness.clear(&health::log_guard(topic, partition.index));
    }
}

pub(super) fn compacted(topic: &str, state: &TopicState) -> String {
    format!(
        "the topic is compacted (cleanup.policy={}): the log loses older records of the same key, and nothing is read from \
         it. Set cleanup.policy=delete; if records were lost, restore topic {topic} from a copy",
        state.cleanup_policy.as_deref().unwrap_or_default()
    )
}

fn lost_log(topic: &str, (start, end): (i64, i64), next_offset: i64) -> String {
    let (lost, cure) = match end < next_offset {
        true => (
            format!("offsets {end} to {} of what was folded were lost", next_offset - 1),
            format!("Restore topic {topic}, or fold the log as it is now with `foldback rebuild --new-log {topic}`"),
        ),
        // A rebuild refuses a log that lacks its beginning.
        false => (
            format!("offsets {next_offset} to {} were deleted before they were folded", start - 1),
            format!(
                "Restore topic {topic} from a copy, fold it with `foldback rebuild --new-log {topic}`, and set retention.ms=-1"
            ),
        ),
    };
    format!(
        "the log has offsets {start} to {end}, but the views are folded up to {next_offset}: {lost}; this partition stops \
         here. {cure}"
    )
}

fn grown_again(topic: &str, lost_from: Option<i64>, next_offset: i64, more: &str) -> String {
    let lost = match lost_from {
        Some(from) => format!("offsets {from} to {}", next_offset - 1),
        None => format!("some of the offsets before {next_offset}"),
    };
    format!(
        "the log was truncated and has grown again: {lost}, which the views were folded from, were lost, and other records \
         stand there now; this partition stops here. Restore topic {topic}, or fold the log as it is now with `foldback \
         rebuild --new-log {topic}`{more}"
    )
}

fn unreadable(offset: i64, reason: &str) -> String {
    format!(
        "what stands in the log at offset {offset} can't be read ({reason}); this partition stops before it, and tries it \
         again. Restore the log there, such as from another replica of the partition"
    )
}
