//! The topics themselves.

use rdkafka::admin::{AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::chaos::faults::wire::Server;
use crate::chaos::trial::Trial;
use crate::hard_log::generator::PARTITIONS;
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
    let lasts = trial.between(500, 2_000);
    trial.lasts(lasts).await;
}

pub async fn lose(trial: &mut Trial) {
    trial.losses += 1;
    if trial.losses > LOSSES_MAX {
        let lasts = trial.between(1_000, 3_000);
        return trial.lasts(lasts).await;
    }
    match trial.chance(0.5) {
        true => recreate(trial).await,
        false => delete_records(trial).await,
    }
    let lasts = trial.between(1_000, 3_000);
    trial.lasts(lasts).await;
}

async fn recreate(trial: &mut Trial) {
    let topic = trial.stack.orders_topic.clone();
    let admin = admin(&trial.stack.servers.kafka);
    let publisher = trial.publisher.clone();
    let mut log = publisher.pause().await;
    admin.delete_topics(&[&topic], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
    // The name is free a moment after the topic is gone.
    eventually(PATIENCE, || async {
        let new = NewTopic::new(&topic, PARTITIONS, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        admin.create_topics(&[new], &AdminOptions::new()).await.unwrap().remove(0)
    })
    .await;
    log.stored.retain(|record| record.topic_name != topic);
    log.deleted_before.clear();
}

/// Some of what is not folded yet.
async fn delete_records(trial: &mut Trial) {
    trial.parts.wire(Server::Postgres).freeze();
    let lasts = trial.between(2_000, 3_000);
    trial.lasts(lasts).await;
    let (topic, partition) = (trial.stack.orders_topic.clone(), trial.partition(PARTITIONS));
    let publisher = trial.publisher.clone();
    let mut log = publisher.pause().await;
    let ends = trial.ends.read().await.expect("the broker answers");
    let end = ends[&(topic.clone(), partition)];
    let start = end - i64::try_from(trial.below(3)).unwrap();
    if start > 0 {
        let mut before = TopicPartitionList::new();
        before.add_partition_offset(&topic, partition, Offset::Offset(start)).unwrap();
        admin(&trial.stack.servers.kafka).delete_records(&before, &AdminOptions::new()).await.unwrap();
        log.deleted_before.push((topic, partition, start));
    }
    drop(log);
    trial.parts.wire(Server::Postgres).mend().await;
}
