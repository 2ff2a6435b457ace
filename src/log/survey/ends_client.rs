//! Asks for the ends of partitions again and again, with one client.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::list_offsets::{LogEnds, log_ends};
use crate::config::kafka::Kafka;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::Topics;
use crate::log::client::let_go;
use crate::log::client_log::AskingContext;
use crate::log::reader::consumer::consumer_config;

/// Events of the client's own that are taken off its queue between two requests; nobody else does.
const EVENTS_MAX: usize = 100;

/// A client for questions about ends and group offsets. Its methods block.
pub struct EndsClient {
    /// `None` only while it is being dropped.
    consumer: Option<BaseConsumer<AskingContext>>,
    context: AskingContext,
    topics: Topics,
    /// Whether to ask for each partition on its own, since the last request for all of them failed: librdkafka holds up a
    /// request until the leaders of all its partitions are known.
    apart: bool,
}

/// What the brokers answered.
#[derive(Debug, Default)]
pub struct EndsAnswer {
    pub ends: BTreeMap<StreamPartition, LogEnds>,
    /// Why some partitions, or all of them, have no end in it.
    pub failed: Option<KafkaError>,
}

impl EndsClient {
    /// The settings must have passed `check_settings`: the error could show a secret.
    pub fn new(kafka: &Kafka) -> KafkaResult<EndsClient> {
        let context = AskingContext::default();
        let consumer = consumer_config(kafka, None).create_with_context(context.clone())?;
        Ok(EndsClient { consumer: Some(consumer), context, topics: kafka.topics(), apart: false })
    }

    /// An error of one of the answers, with what is known of its cause.
    pub fn told(&self, error: &KafkaError) -> String {
        self.consumer.as_ref().map(drain);
        self.context.told(error).to_string()
    }

    /// The ends of these partitions, as far as brokers answer within `timeout`.
    pub fn ends(&mut self, partitions: &[StreamPartition], timeout: Duration) -> EndsAnswer {
        let Some(consumer) = &self.consumer else { return EndsAnswer::default() };
        drain(consumer);
        let lists: Vec<_> = if self.apart {
            partitions.iter().map(|partition| self.list(&[*partition])).collect()
        } else {
            vec![self.list(partitions)]
        };
        let (found, failed) = log_ends(consumer.client(), &lists, timeout);
        let mut answer = EndsAnswer { failed, ..EndsAnswer::default() };
        self.apart = answer.failed.is_some();
        for ((topic, index), ends) in found {
            let Some(stream) = self.topics.stream(&topic) else { continue };
            match ends {
                Ok(ends) => {
                    answer.ends.insert(StreamPartition { stream, index }, ends);
                }
                Err(error) => answer.failed = Some(error),
            }
        }
        answer
    }

    /// The offsets that the consumer group has committed: close to the checkpoints, for while those can't be read.
    /// Partitions without one are left out.
    pub fn group_offsets(
        &self,
        partitions: &[StreamPartition],
        timeout: Duration,
    ) -> KafkaResult<BTreeMap<StreamPartition, i64>> {
        let Some(consumer) = &self.consumer else { return Ok(BTreeMap::new()) };
        let committed = consumer.committed_offsets(self.list(partitions), timeout)?;
        let offset = |of: rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
            let stream = self.topics.stream(of.topic())?;
            let offset = of.offset().to_raw().filter(|offset| *offset >= 0)?;
            Some((StreamPartition { stream, index: of.partition() }, offset))
        };
        Ok(committed.elements().into_iter().filter_map(offset).collect())
    }

    /// The number of partitions of each topic that exists.
    pub fn partition_counts(&self, timeout: Duration) -> KafkaResult<HashMap<String, i32>> {
        let Some(consumer) = &self.consumer else { return Ok(HashMap::new()) };
        let metadata = consumer.fetch_metadata(None, timeout)?;
        let count = |partitions: usize| i32::try_from(partitions).unwrap_or(i32::MAX);
        Ok(metadata.topics().iter().map(|topic| (topic.name().to_owned(), count(topic.partitions().len()))).collect())
    }

    fn list(&self, partitions: &[StreamPartition]) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            // Fails only for offsets that Kafka doesn't have.
            let _ = list.add_partition_offset(self.topics.name(partition.stream), partition.index, Offset::End);
        }
        list
    }
}

impl Drop for EndsClient {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            let_go(consumer);
        }
    }
}

/// The client's errors were logged, and what they mean for the partitions is told by the answers.
fn drain(consumer: &BaseConsumer<AskingContext>) {
    for _ in 0..EVENTS_MAX {
        if consumer.poll(Duration::ZERO).is_none() {
            return;
        }
    }
}
