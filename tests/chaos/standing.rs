//! What stands in the log after all that was done to its broker.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::trial::Trial;
use crate::hard_log::meaning::{Draft, Stored};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

type Partition = (String, i32);

/// What the publisher was told to stand in the log, unless the broker's files say otherwise. One that is killed, or whose
/// connection is lost, may abort what it has confirmed, and show what it has aborted. And it takes what a publisher repeats
/// for new: it knows its publishers by the time of their last records, which here are years old.
pub async fn standing(trial: &mut Trial) -> Vec<Stored> {
    let (mut stored, aborted) = (trial.publisher.stored().await, trial.publisher.aborted().await);
    let Some(kafka) = &trial.parts.kafka else { return stored };
    let mut held: BTreeMap<Partition, BTreeSet<i64>> = BTreeMap::new();
    let mut is_held = |record: &Stored| {
        let partition = (record.topic_name.clone(), record.draft.partition);
        let offsets = held.entry(partition).or_insert_with_key(|(topic, index)| kafka.committed_offsets(topic, *index));
        offsets.remove(&record.offset)
    };
    let confirmed = stored.len();
    stored.retain(&mut is_held);
    let lost = confirmed - stored.len();
    stored.extend(aborted.into_iter().filter(is_held));
    let shown = stored.len() + lost - confirmed;
    held.retain(|_, offsets| !offsets.is_empty());
    let brokers = trial.stack.servers.kafka.clone();
    let known: Vec<Stored> = stored.clone();
    let copies = tokio::task::spawn_blocking(move || copies(&brokers, &held, &known)).await.unwrap();
    if lost + shown + copies.len() > 0 {
        trial.note(&format!(
            "{lost} records were confirmed, and are not in the log; {shown} were aborted, and are there; {} are there twice",
            copies.len()
        ));
    }
    stored.extend(copies);
    stored
}

/// The records at these offsets, which must be those of others of their partition.
fn copies(brokers: &str, held: &BTreeMap<Partition, BTreeSet<i64>>, known: &[Stored]) -> Vec<Stored> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "not-used").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut copies = Vec::new();
    for (partition, offset) in held.iter().flat_map(|(at, offsets)| offsets.iter().map(move |offset| (at, *offset))) {
        let (topic, index) = partition;
        let mut at = TopicPartitionList::new();
        at.add_partition_offset(topic, *index, Offset::Offset(offset)).unwrap();
        consumer.assign(&at).unwrap();
        // Connections of the broker that was killed before fail first.
        let mut polled = std::iter::repeat_with(|| consumer.poll(ANSWER_TIMEOUT).expect("the broker answers"));
        let record = polled.find_map(Result::ok).expect("it never ends");
        let others = known.iter().filter(|other| other.topic_name == *topic && other.draft.partition == *index);
        let original =
            others.map(|other| &other.draft).find(|draft| record.offset() == offset && is_of(&record, draft));
        let draft = original.unwrap_or_else(|| panic!("nobody has published what stands at {partition:?}, {offset}"));
        copies.push(Stored { draft: draft.clone(), topic_name: topic.clone(), offset });
    }
    copies
}

fn is_of(record: &BorrowedMessage<'_>, draft: &Draft) -> bool {
    record.key() == draft.key.as_deref()
        && record.payload() == draft.value.as_deref()
        && record.timestamp().to_millis() == Some(draft.timestamp_millis)
}
