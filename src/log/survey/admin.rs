//! Describes topics, for `doctor` and the survey.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;

use crate::config::kafka::Kafka;

use crate::log::client::{client_config, let_go};

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

/// Describes these topics. `timeout` applies to each of two requests.
pub async fn describe(kafka: &Kafka, topics: &[&str], timeout: Duration) -> Result<Cluster, KafkaError> {
    let admin: AdminClient<DefaultClientContext> = client_config(kafka).create()?;
    let names: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
    let asked = tokio::task::spawn_blocking(move || metadata(&admin, &names, timeout).map(|cluster| (admin, cluster)));
    let (admin, mut cluster) = asked.await.map_err(|_| KafkaError::Canceled)??;
    let there: Vec<&mut TopicFacts> = cluster.topics.iter_mut().filter(|topic| topic.partitions > 0).collect();
    let told = settings(&admin, there, timeout).await;
    let_go(admin);
    told.map(|()| cluster)
}

/// Lists all topics: a request for one by name could create it, if the cluster creates topics on demand.
fn metadata(
    admin: &AdminClient<DefaultClientContext>,
    names: &[String],
    timeout: Duration,
) -> Result<Cluster, KafkaError> {
    let metadata = admin.inner().fetch_metadata(None, timeout)?;
    let facts = |name: &String| {
        let partitions = metadata.topics().iter().find(|topic| topic.name() == name).map(|topic| topic.partitions());
        let partitions = partitions.unwrap_or_default();
        let replicas = partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
        TopicFacts { name: name.clone(), partitions: partitions.len(), replicas, ..TopicFacts::default() }
    };
    Ok(Cluster { brokers: metadata.brokers().len(), topics: names.iter().map(facts).collect() })
}

async fn settings(
    admin: &AdminClient<DefaultClientContext>,
    topics: Vec<&mut TopicFacts>,
    timeout: Duration,
) -> Result<(), KafkaError> {
    for topic in topics {
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
    Ok(())
}

fn setting(resource: &ConfigResource, name: &str) -> Option<String> {
    resource.get(name).and_then(|entry| entry.value.clone())
}
