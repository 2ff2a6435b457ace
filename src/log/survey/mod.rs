//! Surveys the log: the topics, and where each partition starts and ends.

pub mod admin;
pub mod continuity;
mod describe;
mod ends;
pub mod ends_client;
pub mod list_offsets;
pub mod offsets;
pub mod probe;
pub mod topic_state;

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use tokio::join;

use super::client::let_go;
use super::reader::consumer::consumer_config;
use crate::config::kafka::Kafka;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::{Stream, Topics};
use admin::TopicFacts;
pub use ends::PartitionSurvey;
use ends::bounds;
use topic_state::{TopicStates, topic_states};

/// A topic's identity, cleanup policy and partitions at the time of the survey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSurvey {
    pub topic: String,
    pub stream: Stream,
    /// In base64; `None` if the cluster doesn't report it.
    pub topic_id: Option<String>,
    /// As the broker writes it; `None` if it doesn't report it.
    pub cleanup_policy: Option<String>,
    /// Sorted by number, from 0.
    pub partitions: Vec<PartitionSurvey>,
}

/// Why the survey failed.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    #[error("Kafka at {brokers} does not answer ({error}); check kafka.brokers and that the brokers are up")]
    Unreachable { brokers: String, error: String },
    #[error("Kafka at {brokers} has no topic {topic}; create it, or set kafka.{key}")]
    NoTopic { brokers: String, topic: String, key: &'static str },
    #[error(
        "topic {topic}, partition {partition}: cannot get its offsets ({error}); check that the partition has a leader \
         and that this user may read the topic"
    )]
    Partition { topic: String, partition: i32, error: KafkaError },
    #[error("the process is shutting down")]
    Ending,
}

/// Surveys both topics. `timeout` applies to each of four requests: the list of topics, their settings, their ids, and
/// the offsets of all their partitions.
pub async fn survey(kafka: &Kafka, topics: &Topics, timeout: Duration) -> Result<Vec<TopicSurvey>, SurveyError> {
    let names = [topics.orders.as_str(), topics.runs.as_str()];
    let describing = async { admin::describe(kafka, &names, timeout).await.map_err(|error| unreachable(kafka, error)) };
    // Both clients take their time to connect, so in parallel. Only the first one's error names its cause.
    let (described, identified) = join!(describing, identify(kafka, topics, timeout));
    let (cluster, (consumer, states)) = (described?, identified?);
    let (kafka, topics) = (kafka.clone(), topics.clone());
    blocking(move || survey_topics(&kafka, &topics, (consumer, states), &cluster.topics, timeout)).await
}

/// A consumer for the requests, and the topics' ids.
async fn identify(
    kafka: &Kafka,
    topics: &Topics,
    timeout: Duration,
) -> Result<(BaseConsumer, TopicStates), SurveyError> {
    let (kafka, topics) = (kafka.clone(), topics.clone());
    blocking(move || {
        let consumer = asking_consumer(&kafka)?;
        let names = [topics.orders.as_str(), topics.runs.as_str()];
        let states = topic_states(consumer.client(), &names, timeout).map_err(|error| unreachable(&kafka, error))?;
        Ok((consumer, states))
    })
    .await
}

/// Runs blocking work off the runtime's own threads.
pub(super) async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, SurveyError> + Send + 'static,
) -> Result<T, SurveyError> {
    tokio::task::spawn_blocking(ask).await.map_err(|_| SurveyError::Ending)?
}

pub(super) fn unreachable(kafka: &Kafka, error: impl ToString) -> SurveyError {
    SurveyError::Unreachable { brokers: kafka.brokers.clone(), error: error.to_string() }
}

/// A consumer for metadata requests only.
pub(super) fn asking_consumer(kafka: &Kafka) -> Result<BaseConsumer, SurveyError> {
    consumer_config(kafka, None).create().map_err(|error| unreachable(kafka, error))
}

fn survey_topics(
    kafka: &Kafka,
    topics: &Topics,
    (consumer, mut states): (BaseConsumer, TopicStates),
    facts: &[TopicFacts],
    timeout: Duration,
) -> Result<Vec<TopicSurvey>, SurveyError> {
    let deadline = Instant::now() + timeout;
    let mut surveys = Vec::new();
    for facts in facts {
        let Some(stream) = topics.stream(&facts.name) else { continue };
        if facts.partitions == 0 {
            return Err(no_topic(kafka, stream, &facts.name));
        }
        let partitions: Vec<_> = (0..).take(facts.partitions).map(|index| StreamPartition { stream, index }).collect();
        surveys.push(TopicSurvey {
            topic: facts.name.clone(),
            stream,
            topic_id: states.remove(&facts.name).and_then(|state| state.id),
            cleanup_policy: facts.cleanup_policy.clone(),
            partitions: all_bounds(&consumer, topics, &partitions, deadline)?,
        });
    }
    let_go(consumer);
    Ok(surveys)
}

/// Where these partitions start and end.
pub(super) fn all_bounds(
    consumer: &BaseConsumer,
    topics: &Topics,
    partitions: &[StreamPartition],
    deadline: Instant,
) -> Result<Vec<PartitionSurvey>, SurveyError> {
    bounds(consumer, topics, partitions, deadline)
        .map_err(|(partition, error)| partition_error(topics.name(partition.stream), partition.index, error))
}

pub(super) fn partition_error(topic: &str, partition: i32, error: KafkaError) -> SurveyError {
    SurveyError::Partition { topic: topic.to_owned(), partition, error }
}

fn no_topic(kafka: &Kafka, stream: Stream, topic: &str) -> SurveyError {
    let key = match stream {
        Stream::Orders => "orders_topic",
        Stream::Runs => "runs_topic",
    };
    SurveyError::NoTopic { brokers: kafka.brokers.clone(), topic: topic.to_owned(), key }
}
