//! Describes topics, for `doctor` and the survey.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::error::KafkaError;

use crate::config::kafka::Kafka;

use crate::log::client::{client_config, let_go};
use crate::log::client_log::{AskingContext, Told};
use crate::log::survey::describe::hear;

/// Number of brokers, and facts about the requested topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    pub brokers: usize,
    pub topics: Vec<TopicFacts>,
}

/// A topic's shape and settings, as the cluster describes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicFacts {
    pub name: String,
    /// 0: the topic does not exist.
    pub partitions: usize,
    pub replicas: usize,
    /// As the broker writes them; `None` if it doesn't report them.
    pub retention_ms: Option<String>,
    pub retention_bytes: Option<String>,
    pub cleanup_policy: Option<String>,
    pub timestamp_type: Option<String>,
}

/// Why the brokers did not answer, as far as the client's connections tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DescribeError(pub Told);

/// Describes these topics. `timeout` applies to each of two requests.
pub async fn describe(kafka: &Kafka, topics: &[&str], timeout: Duration) -> Result<Cluster, DescribeError> {
    let context = AskingContext::default();
    let described = try_describe(kafka, topics, timeout, &context).await;
    described.map_err(|error| DescribeError(context.told(&error)))
}

async fn try_describe(
    kafka: &Kafka,
    topics: &[&str],
    timeout: Duration,
    context: &AskingContext,
) -> Result<Cluster, KafkaError> {
    let admin: AdminClient<AskingContext> = client_config(kafka).create_with_context(context.clone())?;
    let names: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
    let asked = tokio::task::spawn_blocking(move || (metadata(&admin, &names, timeout), admin));
    let (cluster, admin) = asked.await.map_err(|_| KafkaError::Canceled)?;
    let described = match cluster {
        Ok(cluster) => with_settings(&admin, cluster, timeout).await,
        Err(error) => Err(error),
    };
    hear(admin.inner(), context);
    let_go(admin);
    described
}

/// Lists all topics: a request for one by name could create it, if the cluster creates topics on demand.
fn metadata(admin: &AdminClient<AskingContext>, names: &[String], timeout: Duration) -> Result<Cluster, KafkaError> {
    let metadata = admin.inner().fetch_metadata(None, timeout)?;
    let facts = |name: &String| {
        let partitions = metadata.topics().iter().find(|topic| topic.name() == name).map(|topic| topic.partitions());
        let partitions = partitions.unwrap_or_default();
        let replicas = partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
        TopicFacts { name: name.clone(), partitions: partitions.len(), replicas, ..TopicFacts::default() }
    };
    Ok(Cluster { brokers: metadata.brokers().len(), topics: names.iter().map(facts).collect() })
}

async fn with_settings(
    admin: &AdminClient<AskingContext>,
    mut cluster: Cluster,
    timeout: Duration,
) -> Result<Cluster, KafkaError> {
    for topic in cluster.topics.iter_mut().filter(|topic| topic.partitions > 0) {
        let options = AdminOptions::new().request_timeout(Some(timeout));
        let asked = [ResourceSpecifier::Topic(&topic.name)];
        let answers = admin.describe_configs(&asked, &options).await?;
        // A user who may read a topic need not be allowed to describe its settings: then they stay unknown.
        if let Some(Ok(resource)) = answers.into_iter().next() {
            topic.retention_ms = setting(&resource, "retention.ms");
            topic.retention_bytes = setting(&resource, "retention.bytes");
            topic.cleanup_policy = setting(&resource, "cleanup.policy");
            topic.timestamp_type = setting(&resource, "message.timestamp.type");
        }
    }
    Ok(cluster)
}

fn setting(resource: &ConfigResource, name: &str) -> Option<String> {
    resource.get(name).and_then(|entry| entry.value.clone())
}
