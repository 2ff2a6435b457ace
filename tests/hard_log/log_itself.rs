//! That the hard log is as hard as it says, and stands in Kafka as its maker believes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use crate::hard_log::fold::log;
use crate::hard_log::generator::{PARTITIONS, hard_log};
use crate::hard_log::meaning::{Meaning, Stored, Topic};
use crate::hard_log::reference::Reference;
use crate::hard_log::registry::SchemaIds;
use crate::support::Servers;

/// As if each partition began at 0 and nothing had been aborted.
fn stored_in_memory(seed: u64) -> Vec<Stored> {
    let mut next: BTreeMap<(bool, i32), i64> = BTreeMap::new();
    let mut stored = Vec::new();
    for draft in hard_log(seed, &SchemaIds::made_up()) {
        if matches!(draft.meaning, Meaning::Aborted(_)) {
            continue;
        }
        let offset = next.entry((draft.topic == Topic::Orders, draft.partition)).or_default();
        let topic_name = if draft.topic == Topic::Orders { "orders" } else { "runs" }.to_owned();
        stored.push(Stored { draft, topic_name, offset: *offset });
        *offset += 1;
    }
    stored
}

#[test]
fn is_the_same_for_the_same_seed() {
    let values = |seed| hard_log(seed, &SchemaIds::made_up()).into_iter().map(|d| (d.key, d.value)).collect::<Vec<_>>();
    assert!(values(7) == values(7), "the same seed gave another log");
    assert!(values(7) != values(8), "another seed gave the same log");
}

#[test]
fn holds_what_it_promises() {
    let log = stored_in_memory(1);
    assert!(log.len() >= 10_000, "only {} records", log.len());
    for topic in [Topic::Orders, Topic::Runs] {
        let used: BTreeSet<i32> = log.iter().filter(|r| r.draft.topic == topic).map(|r| r.draft.partition).collect();
        assert_eq!(used.len(), PARTITIONS as usize);
    }
    let reference = Reference::of(&log);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for row in reference.views["dead_letters"].values() {
        *reasons.entry(row["reason"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    println!("{} records, dead letters: {reasons:?}", log.len());
    for (name, view) in &reference.views {
        println!("{name}: {} rows", view.len());
    }
    for reason in [
        "malformed",
        "schema_unknown",
        "schema_incompatible",
        "invalid",
        "key_mismatch",
        "sequence_conflict",
        "too_large",
    ] {
        assert!(reasons.get(reason).is_some_and(|count| *count >= 2), "too few {reason}: {reasons:?}");
    }
    holds_every_value(&reference, "provider_orders", "guardrail_status", &["idle", "pass", "warn", "fail"]);
    holds_every_value(&reference, "replays", "status", &["scheduled", "executed", "failed", "cancelled"]);
    holds_every_value(&reference, "automation_runs", "status", &["unknown", "success", "partial", "failed"]);
    assert!(reference.views["backlog"].contains_key(""), "no scheduled replay of an unknown provider");
}

fn holds_every_value(reference: &Reference, view: &str, column: &str, values: &[&str]) {
    let found: BTreeSet<&str> = reference.views[view].values().map(|row| row[column].as_str().unwrap()).collect();
    assert_eq!(found, values.iter().copied().collect(), "{column} of {view}");
}

/// Positions decide conflicts: what the maker believes of them is read back from Kafka.
#[tokio::test(flavor = "multi_thread")]
async fn stands_in_kafka_as_its_maker_believes() {
    let log = log().await;
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", Servers::from_env().kafka)
        .set("group.id", "reads-the-hard-log")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    for (topic, partition, _) in &log.ends {
        assignment.add_partition_offset(topic, *partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let expected: BTreeMap<_, _> =
        log.stored.iter().map(|r| ((r.topic_name.as_str(), r.draft.partition, r.offset), r)).collect();
    let mut seen = 0;
    while let Some(message) = consumer.poll(Duration::from_secs(5)) {
        let message = message.unwrap();
        let record = expected[&(message.topic(), message.partition(), message.offset())];
        assert_eq!(message.key(), record.draft.key.as_deref());
        assert_eq!(message.payload(), record.draft.value.as_deref());
        assert_eq!(message.timestamp().to_millis(), Some(record.draft.timestamp_millis));
        seen += 1;
        if seen == expected.len() {
            break;
        }
    }
    assert_eq!(seen, expected.len());
    // markers at the end: the last stable offset lies behind the last record
    for (topic, partition, end) in &log.ends {
        let last = log.stored.iter().filter(|r| r.topic_name == *topic && r.draft.partition == *partition);
        assert!(last.map(|r| r.offset).max().unwrap() < end - 1, "no marker ends {topic} {partition}");
    }
}
