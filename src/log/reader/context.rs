//! Rebalances, statistics and logs of a consumer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use tracing::{debug, error, info, warn};

use super::delivery::Delivery;
use super::partition::AssignedPartition;
use super::state::State;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::Topics;
use crate::observe::health::{self, Readiness, Severity};

/// Callbacks of a reader's consumer: rebalances, statistics and errors. librdkafka calls them while it polls.
pub struct ReaderContext<T> {
    pub topics: Topics,
    pub state: Arc<Mutex<State<T>>>,
    pub drain_timeout: Duration,
    /// Last stable offset of each partition, from the latest statistics (once a second).
    pub ends: Arc<Mutex<HashMap<StreamPartition, i64>>>,
    pub readiness: Readiness,
}

/// A poisoned lock means that another thread panicked, which ends the process anyway.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> ReaderContext<T> {
    fn partitions(&self, list: &TopicPartitionList) -> Vec<StreamPartition> {
        let partition = |element: rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
            let stream = self.topics.stream(element.topic())?;
            Some(StreamPartition { stream, index: element.partition() })
        };
        list.elements().into_iter().filter_map(partition).collect()
    }

    pub fn assigned(&self, partitions: &[StreamPartition]) {
        let mut state = lock(&self.state);
        for partition in partitions {
            info!(topic = self.topics.name(partition.stream), partition = partition.index, "partition assigned");
            let assignment = state.next_assignment();
            state.partitions.insert(*partition, AssignedPartition::unclaimed(assignment, Instant::now()));
        }
    }

    fn look_for_brokers(&self, statistics: &Statistics) {
        if statistics.brokers.values().any(|broker| broker.state == "UP") {
            return self.readiness.clear(health::KAFKA);
        }
        let detail = "no Kafka broker answers; waiting for one. Check kafka.brokers and that the brokers are up";
        self.readiness.raise(health::KAFKA, Severity::Unready, detail);
    }

    /// A partition is fetched once its position is confirmed to be in the log: the state has no other sign than this text.
    fn look_at_fetches(&self, statistics: &Statistics) {
        let mut state = lock(&self.state);
        let mut fetched = HashMap::new();
        for (topic, statistics) in &statistics.topics {
            let Some(stream) = self.topics.stream(topic) else { continue };
            let active = statistics.partitions.values().filter(|partition| partition.fetch_state == "active");
            for index in active.map(|partition| partition.partition) {
                let partition = StreamPartition { stream, index };
                fetched.insert(partition, state.fetched.get(&partition).copied().unwrap_or(0) + 1);
            }
        }
        state.fetched = fetched.into_iter().collect();
    }

    /// Stops taking records, and waits within a bound until those taken are written.
    pub fn revoked(&self, partitions: Vec<StreamPartition>) {
        let (done, answer) = mpsc::channel();
        {
            let mut state = lock(&self.state);
            state.flush();
            for partition in &partitions {
                info!(topic = self.topics.name(partition.stream), partition = partition.index, "partition revoked");
                state.partitions.remove(partition);
            }
            state.send(Delivery::Release { partitions, done });
        }
        if answer.recv_timeout(self.drain_timeout).is_err() {
            warn!(
                drain_timeout_ms = self.drain_timeout.as_millis(),
                "released partitions with batches in flight; the next owner fences them and reads their records again"
            );
        }
    }
}

impl<T: Send + 'static> ClientContext for ReaderContext<T> {
    fn stats(&self, statistics: Statistics) {
        self.look_for_brokers(&statistics);
        self.look_at_fetches(&statistics);
        let mut ends = lock(&self.ends);
        ends.clear();
        for (topic, statistics) in &statistics.topics {
            let Some(stream) = self.topics.stream(topic) else { continue };
            for (partition, statistics) in &statistics.partitions {
                let end = statistics.ls_offset;
                if *partition >= 0 && end >= 0 {
                    ends.insert(StreamPartition { stream, index: *partition }, end);
                }
            }
        }
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // Group offsets are only for lag tools, and can't be committed during a rebalance.
        let harmless = facility == "COMMITFAIL";
        match level {
            RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info | RDKafkaLogLevel::Notice => {
                debug!(facility, "librdkafka: {message}");
            }
            _ if harmless => debug!(facility, "librdkafka: {message}"),
            _ => warn!(facility, "librdkafka: {message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        error!(%error, "Kafka: {reason}");
    }
}

impl<T: Send + 'static> ConsumerContext for ReaderContext<T> {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let done = if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            // Nothing is fetched yet: Postgres has the position, once the partition is claimed.
            let agreed = consumer.incremental_assign(&TopicPartitionList::new());
            self.assigned(&self.partitions(list));
            self.readiness.clear(health::ASSIGNMENT);
            agreed
        } else {
            self.revoked(self.partitions(list));
            stop_fetching(consumer, list)
        };
        if let Err(error) = done {
            error!(%error, "Kafka: a rebalance failed; the group retries");
        }
    }
}

/// Stops fetching those partitions of the list that are being fetched.
pub fn stop_fetching<C: ConsumerContext>(consumer: &BaseConsumer<C>, list: &TopicPartitionList) -> KafkaResult<()> {
    let fetched = consumer.assignment()?;
    let mut ending = TopicPartitionList::new();
    for element in list.elements() {
        if fetched.find_partition(element.topic(), element.partition()).is_some() {
            ending.add_partition(element.topic(), element.partition());
        }
    }
    consumer.incremental_unassign(&ending)
}
