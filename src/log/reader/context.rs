//! Rebalances, statistics and logs of a consumer.

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use tracing::{error, info, warn};

use super::client_health::ClientHealth;
use super::state::State;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::Topics;
use crate::log::client_log::{CONNECTION_FAILED, log_error, log_line, without_thread};
use crate::observe::health::{self, Readiness, Severity};

/// Callbacks of a reader's consumer: rebalances, statistics and errors. librdkafka calls them while it polls.
pub struct ReaderContext<T> {
    pub topics: Topics,
    pub state: Arc<Mutex<State<T>>>,
    pub drain_timeout: Duration,
    /// When the reader was told to stop: all waits for work in flight together end `drain_timeout` later.
    pub stopping: Mutex<Option<Instant>>,
    pub health: Arc<Mutex<ClientHealth>>,
    /// This reader's own handle.
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
            state.deal(*partition);
        }
        state.rebalanced = Instant::now();
    }

    /// Tells what keeps the client from working, if anything does.
    fn tell(&self, health: &ClientHealth) {
        match health.problem(Instant::now()) {
            Some(problem) => self.readiness.raise(health::KAFKA, Severity::Unready, problem),
            None => self.readiness.clear(health::KAFKA),
        }
    }

    /// Leaving the group may take several revocations. The process ends some time after it was told to, whatever they
    /// wait for, and members that haven't left by then keep their partitions until their session times out.
    fn drain_left(&self) -> Duration {
        let stopping = *lock(&self.stopping);
        stopping.map_or(self.drain_timeout, |since| self.drain_timeout.saturating_sub(since.elapsed()))
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
        if partitions.is_empty() {
            return;
        }
        let answers = self.release(partitions);
        let until = Instant::now() + self.drain_left();
        let is_written =
            |answer: &Receiver<()>| answer.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok();
        if !answers.iter().all(is_written) {
            warn!(
                drain_timeout_ms = self.drain_timeout.as_millis(),
                "released partitions with batches in flight; the next owner fences them and reads their records again"
            );
        }
    }
}

impl<T> ReaderContext<T> {
    /// Tells each partition's writer that it goes, after all that was taken of it. Each answers once that is written.
    fn release(&self, partitions: Vec<StreamPartition>) -> Vec<Receiver<()>> {
        let mut state = lock(&self.state);
        let mut by_lane: BTreeMap<usize, Vec<StreamPartition>> = BTreeMap::new();
        for partition in partitions {
            info!(topic = self.topics.name(partition.stream), partition = partition.index, "partition revoked");
            if let Some(assigned) = state.partitions.remove(&partition) {
                by_lane.entry(assigned.lane).or_default().push(partition);
            }
        }
        state.rebalanced = Instant::now();
        by_lane.into_iter().map(|(lane, partitions)| state.lanes[lane].release(partitions)).collect()
    }
}

impl<T: Send + 'static> ClientContext for ReaderContext<T> {
    fn stats(&self, statistics: Statistics) {
        self.look_at_fetches(&statistics);
        let assigned: Vec<StreamPartition> = lock(&self.state).partitions.keys().copied().collect();
        let assigned = assigned.iter().map(|partition| (self.topics.name(partition.stream), partition.index));
        let mut health = lock(&self.health);
        health.statistics(&statistics, &assigned.collect::<Vec<_>>(), Instant::now());
        self.tell(&health);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == CONNECTION_FAILED {
            lock(&self.health).connection_failed(without_thread(message));
        }
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
        if let Some(code) = error.rdkafka_error_code() {
            let mut health = lock(&self.health);
            health.error(code, reason, Instant::now());
            self.tell(&health);
        }
    }
}

impl<T: Send + 'static> ConsumerContext for ReaderContext<T> {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let done = if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            // Nothing is fetched yet: Postgres has the position, once the partition is claimed.
            let agreed = consumer.incremental_assign(&TopicPartitionList::new());
            let partitions = self.partitions(list);
            let topics: Vec<&str> = partitions.iter().map(|partition| self.topics.name(partition.stream)).collect();
            lock(&self.health).assigned(&topics);
            self.assigned(&partitions);
            agreed
        } else {
            self.revoked(self.partitions(list));
            stop_fetching(consumer, list, true)
        };
        if let Err(error) = done {
            error!(%error, "Kafka: a rebalance failed; the group retries");
        }
    }
}

/// Stops fetching those partitions of the list that are being fetched. `is_answer`: a rebalance waits for this call, even
/// if there are none.
pub fn stop_fetching<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    list: &TopicPartitionList,
    is_answer: bool,
) -> KafkaResult<()> {
    let fetched = consumer.assignment()?;
    let mut ending = TopicPartitionList::new();
    for element in list.elements() {
        if fetched.find_partition(element.topic(), element.partition()).is_some() {
            ending.add_partition(element.topic(), element.partition());
        }
    }
    // While a rebalance waits to be polled, librdkafka takes any such call for the answer to it.
    if ending.count() == 0 && !is_answer {
        return Ok(());
    }
    consumer.incremental_unassign(&ending)
}
