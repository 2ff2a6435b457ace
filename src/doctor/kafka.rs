//! Kafka: reachable, both topics exist, and keep all records forever.

use crate::config::Config;
use crate::log::Told;
use crate::log::survey::admin::{DescribeError, TopicFacts, describe};

use super::{Finding, PART_TIMEOUT};

const PART: &str = "kafka";

pub async fn examine(config: &Config) -> Vec<Finding> {
    let kafka = &config.kafka;
    // Two requests, so that both fit.
    match describe(kafka, &[&kafka.orders_topic, &kafka.runs_topic], PART_TIMEOUT / 2).await {
        Ok(cluster) => {
            let seen = format!("{} of {} brokers listed", kafka.brokers, cluster.brokers);
            let reachable = Finding::ok(PART, "reachable", seen);
            let topics = cluster.topics.iter().flat_map(|facts| topic(facts, cluster.brokers));
            std::iter::once(reachable).chain(topics).collect()
        }
        Err(DescribeError(Told { what, remedy })) => vec![Finding::fail(
            PART,
            "reachable",
            format!("{}: {what}", kafka.brokers),
            remedy.unwrap_or("check kafka.brokers, TLS and SASL in kafka.properties, and that the brokers are up"),
        )],
    }
}

fn topic(facts: &TopicFacts, brokers: usize) -> Vec<Finding> {
    let name = &facts.name;
    if facts.partitions == 0 {
        let remedy =
            format!("create the topic {name} with retention.ms=-1 and cleanup.policy=delete, or check its name");
        return vec![Finding::fail(PART, format!("topic {name}"), "does not exist", remedy)];
    }
    vec![there(facts, brokers), kept(facts), not_compacted(facts), timestamps(facts)]
}

fn there(facts: &TopicFacts, brokers: usize) -> Finding {
    let check = format!("topic {}", facts.name);
    let seen = format!("{} partitions, {} replicas", facts.partitions, facts.replicas);
    if facts.replicas == 1 && brokers > 1 {
        return Finding::warn(PART, check, seen, "raise its replication factor: the log is the only source of truth");
    }
    Finding::ok(PART, check, seen)
}

fn kept(facts: &TopicFacts) -> Finding {
    let check = format!("{} retention", facts.name);
    let remedy = format!("set retention.ms=-1 and retention.bytes=-1 on {}: a rebuild needs every record", facts.name);
    match (facts.retention_ms.as_deref(), facts.retention_bytes.as_deref().unwrap_or("-1")) {
        (Some("-1"), "-1") => Finding::ok(PART, check, "kept forever"),
        (Some(ms), bytes) => Finding::fail(PART, check, format!("retention.ms={ms}, retention.bytes={bytes}"), remedy),
        (None, _) => Finding::warn(PART, check, "this user is not allowed to see it", remedy),
    }
}

fn not_compacted(facts: &TopicFacts) -> Finding {
    let check = format!("{} cleanup", facts.name);
    let remedy = format!("set cleanup.policy=delete on {}: compaction removes events", facts.name);
    match facts.cleanup_policy.as_deref() {
        Some("delete") => Finding::ok(PART, check, "cleanup.policy=delete"),
        Some(policy) => Finding::fail(PART, check, format!("cleanup.policy={policy}"), remedy),
        None => Finding::warn(PART, check, "this user is not allowed to see it", remedy),
    }
}

/// Either kind is fine; latency is measured from it, so it is worth knowing.
fn timestamps(facts: &TopicFacts) -> Finding {
    let kind = facts.timestamp_type.as_deref().unwrap_or("unknown");
    Finding::ok(PART, format!("{} timestamps", facts.name), format!("message.timestamp.type={kind}"))
}
