//! A process is one member of its group, and deals its partitions to its writers, each topic for itself.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foldback::config::Secret;
use foldback::domain::log::partition::StreamPartition;
use foldback::domain::log::positions::LogPosition;
use foldback::domain::log::record::{RawRecord, Stream};
use foldback::log::{Control, Delivery, PartitionSource, Reader, ReaderHandle};
use foldback::observe::Readiness;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use crate::log_survey::{Whole, settings};
use crate::support::{PATIENCE, Servers, Stack, eventually};

const PARTITIONS: i32 = 8;
/// By which members learn that the group rebalances.
const HEARTBEAT: (&str, &str) = ("heartbeat.interval.ms", "200");

/// What each of two writers has.
type Owned = Arc<Mutex<[BTreeSet<StreamPartition>; 2]>>;

#[tokio::test(flavor = "multi_thread")]
async fn each_topic_is_dealt_evenly_whoever_joins_and_leaves() {
    let stack = Stack::on(Servers::from_env(), PARTITIONS).await;
    let (senders, queues): (Vec<_>, Vec<_>) = (0..2).map(|_| tokio::sync::mpsc::unbounded_channel()).unzip();
    let mut settings = settings(&stack, PartitionSource::Group);
    settings.kafka.properties.insert(HEARTBEAT.0.into(), Secret::new(HEARTBEAT.1));
    let handles = Reader::start_for(settings, Readiness::default(), Whole, senders).unwrap();
    let controls = handles[0].controls.clone();
    let owned = Owned::default();
    let writers: Vec<JoinHandle<()>> = handles
        .into_iter()
        .zip(queues)
        .enumerate()
        .map(|(lane, (handle, queue))| tokio::spawn(write(lane, handle, queue, owned.clone())))
        .collect();
    dealt(&owned, 16).await;
    let another = Another::join(&stack);
    dealt(&owned, 8).await;
    another.leave().await;
    dealt(&owned, 16).await;
    controls.send(Control::Stop).unwrap();
    for writer in writers {
        writer.await.unwrap();
    }
}

/// A writer that claims whatever it is told to, and has nothing to write.
async fn write(lane: usize, handle: ReaderHandle, mut queue: UnboundedReceiver<Delivery<RawRecord>>, owned: Owned) {
    while let Some(delivery) = queue.recv().await {
        match delivery {
            Delivery::Claim { partition, assignment, log_start, .. } => {
                owned.lock().unwrap()[lane].insert(partition);
                let position = LogPosition { next_offset: log_start, leader_epoch: None, last_record: None };
                handle.controls.send(Control::Granted { partition, assignment, position }).unwrap();
            }
            Delivery::Release { partitions, done } => {
                owned.lock().unwrap()[lane].retain(|partition| !partitions.contains(partition));
                done.send(()).unwrap();
            }
            Delivery::Batch(_) => {}
            Delivery::End => return,
        }
    }
}

/// Until the writers have so many partitions, and neither has two more of a topic than the other.
async fn dealt(owned: &Owned, count: usize) {
    eventually(PATIENCE, || async {
        let owned = owned.lock().unwrap().clone();
        let of_topic = |lane: usize, stream| owned[lane].iter().filter(|partition| partition.stream == stream).count();
        let is_even = |stream| of_topic(0, stream).abs_diff(of_topic(1, stream)) <= 1;
        let all = owned[0].len() + owned[1].len();
        let is_dealt = all == count && [Stream::Orders, Stream::Runs].into_iter().all(is_even);
        if is_dealt { Ok(()) } else { Err(owned) }
    })
    .await;
}

/// Another process of the group.
struct Another {
    leaves: Arc<AtomicBool>,
    polling: JoinHandle<()>,
}

impl Another {
    fn join(stack: &Stack) -> Self {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &stack.servers.kafka)
            .set("group.id", &stack.group)
            .set(HEARTBEAT.0, HEARTBEAT.1)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .create()
            .unwrap();
        consumer.subscribe(&[&stack.orders_topic, &stack.runs_topic]).unwrap();
        let leaves = Arc::<AtomicBool>::default();
        let told = leaves.clone();
        let polling = tokio::task::spawn_blocking(move || {
            while !told.load(Ordering::Relaxed) {
                let _ = consumer.poll(Duration::from_millis(50));
            }
        });
        Self { leaves, polling }
    }

    async fn leave(self) {
        self.leaves.store(true, Ordering::Relaxed);
        self.polling.await.unwrap();
    }
}
