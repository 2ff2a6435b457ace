//! The broker and its log on the disk.

use crate::chaos::faults::wire::Server;
use crate::chaos::publisher::Log;
use crate::chaos::trial::Trial;
use crate::hard_log::generator::PARTITIONS;
use crate::support::OwnKafka;

const OWN: &str = "the class has a broker of its own";

fn kafka(trial: &mut Trial) -> &mut OwnKafka {
    trial.parts.kafka.as_mut().expect(OWN)
}

pub async fn restart(trial: &mut Trial) {
    away(trial, OwnKafka::stop).await;
}

pub async fn kill(trial: &mut Trial) {
    away(trial, OwnKafka::kill).await;
}

async fn away(trial: &mut Trial, end: fn(&mut OwnKafka)) {
    end(kafka(trial));
    trial.pause(0, 3_000).await;
    kafka(trial).start_again().await;
}

/// Of what is not folded yet, since nobody reads what is.
pub async fn damage(trial: &mut Trial) {
    trial.parts.wire(Server::Postgres).freeze();
    trial.pause(1_000, 2_000).await;
    let (topic, partition) = (trial.stack.orders_topic.clone(), trial.partition(PARTITIONS));
    let publisher = trial.publisher.clone();
    let paused = publisher.pause().await;
    kafka(trial).stop();
    let last = kafka(trial).batch_offsets(&topic, partition).last().copied();
    if let Some(last) = last {
        kafka(trial).flip_a_bit(&topic, partition, last);
    }
    kafka(trial).start_again().await;
    trial.parts.wire(Server::Postgres).mend().await;
    trial.pause(2_000, 5_000).await;
    if last.is_some() {
        kafka(trial).stop();
        kafka(trial).restore(&topic, partition);
        kafka(trial).start_again().await;
    }
    drop(paused);
}

/// What stood at these offsets is gone for good, and other records come to stand there.
pub async fn truncate(trial: &mut Trial) {
    let (topic, partition) = (trial.stack.orders_topic.clone(), trial.partition(PARTITIONS));
    let back = usize::try_from(trial.below(6)).unwrap();
    let publisher = trial.publisher.clone();
    let mut log = publisher.pause().await;
    kafka(trial).stop();
    let places = kafka(trial).stable_offsets(&topic, partition);
    if let Some(cut) = places.iter().rev().nth(back).copied() {
        kafka(trial).truncate(&topic, partition, cut);
        let Log { stored, aborted, .. } = &mut *log;
        for records in [stored, aborted] {
            records.retain(|record| {
                record.topic_name != topic || record.draft.partition != partition || record.offset < cut
            });
        }
    }
    kafka(trial).start_again().await;
    drop(log);
    trial.pause(1_000, 4_000).await;
}
