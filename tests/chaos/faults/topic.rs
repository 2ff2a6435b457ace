//! The topics themselves.

use rdkafka::admin::{AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::chaos::faults::{instances, operator};
use crate::chaos::log_ends::Checkpoints;
use crate::chaos::trial::Trial;
use crate::hard_log::generator::PARTITIONS;
use crate::hard_log::produce::{Topics, produce};
use crate::support::{PATIENCE, admin, eventually};

const PARTITIONS_MAX: i32 = 8;
/// How often a topic is lost in a trial: each time an operator has to fold it anew.
const LOSSES_MAX: usize = 2;

pub async fn add_partitions(trial: &mut Trial) {
    let count = trial.partitions + 1;
    if count > PARTITIONS_MAX {
        return;
    }
    trial.partitions = count;
    let admin = admin(&trial.stack.servers.kafka);
    let wanted = usize::try_from(count).unwrap();
    for topic in [&trial.stack.orders_topic, &trial.stack.runs_topic] {
        let added = admin.create_partitions(&[NewPartitions::new(topic, wanted)], &AdminOptions::new()).await.unwrap();
        added.into_iter().for_each(|topic| drop(topic.unwrap()));
    }
    trial.publisher.widen(count);
    trial.pause(500, 2_000).await;
}

pub async fn lose(trial: &mut Trial) {
    // An empty topic is no log that anybody would fold anew: something must come after it.
    if trial.losses == LOSSES_MAX || trial.publisher.share().await > 0.7 {
        return instances::kill(trial).await;
    }
    trial.losses += 1;
    match trial.chance(0.5) {
        true => recreate(trial).await,
        false => delete_records(trial).await,
    }
    trial.pause(1_000, 3_000).await;
}

async fn recreate(trial: &mut Trial) {
    trial.note("the topic is recreated");
    let topic = trial.stack.orders_topic.clone();
    let publisher = trial.publisher.clone();
    let mut log = publisher.pause().await;
    make_anew(trial, &topic).await;
    log.stored.retain(|record| record.topic_name != topic);
}

async fn make_anew(trial: &Trial, topic: &str) {
    let admin = admin(&trial.stack.servers.kafka);
    admin.delete_topics(&[topic], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
    // The name is free a moment after the topic is gone.
    eventually(PATIENCE, || async {
        let new = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        admin.create_topics(&[new], &AdminOptions::new()).await.unwrap().remove(0)
    })
    .await;
}

/// Some of what nobody has read yet; then the topic is restored from a copy.
async fn delete_records(trial: &mut Trial) {
    trial.fleet.kill_all();
    trial.pause(2_000, 3_000).await;
    let (topic, partition) = (trial.stack.orders_topic.clone(), trial.partition(PARTITIONS));
    let publisher = trial.publisher.clone();
    let mut log = publisher.pause().await;
    let at = Checkpoints::of(&trial.stack.postgres_url).read().await.expect("Postgres answers");
    let end = trial.ends.read().await.expect("the broker answers")[&(topic.clone(), partition)];
    let is_behind = at.get(&(topic.clone(), partition)).is_none_or(|at| *at < end - 1);
    trial.note(&format!(
        "records before {} of partition {partition} are deleted; not all were read: {is_behind}",
        end - 1
    ));
    if is_behind {
        let mut before = TopicPartitionList::new();
        before.add_partition_offset(&topic, partition, Offset::Offset(end - 1)).unwrap();
        admin(&trial.stack.servers.kafka).delete_records(&before, &AdminOptions::new()).await.unwrap();
    }
    trial.fleet.tend();
    if is_behind {
        // Or that it is another topic, where it was recreated before and nobody has folded it since.
        let words = ["were deleted before they were folded", "was deleted and recreated"];
        eventually(PATIENCE, || operator::is_told(trial, &words)).await;
        make_anew(trial, &topic).await;
        let (copy, other): (Vec<_>, Vec<_>) = log.stored.drain(..).partition(|record| record.topic_name == topic);
        let topics = Topics { orders: topic, runs: trial.stack.runs_topic.clone() };
        let drafts = copy.into_iter().map(|record| record.draft).collect();
        log.stored = other;
        log.stored.extend(produce(&trial.stack.servers.kafka, &topics, drafts).await);
    }
}
