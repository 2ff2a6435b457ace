//! Kafka can be reached, and does not let foldback read: /readyz says why, in Kafka's words and with what to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::events::lives;
use crate::support::log::Log;
use crate::support::views::{folded, migrated, readyz_says};
use crate::support::{PATIENCE, Stack, eventually};

/// In which a reason must be told.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_used_with_another_assignor_is_told_and_joined_later() {
    let stack = migrated().await;
    let stranger = Stranger::joins(&stack);
    let running = stack.run_with(&[("FOLDBACK__WORKERS__COUNT", "2")]).await;
    for word in ["Inconsistent group protocol", "partition.assignment.strategy", &stack.group] {
        readyz_says(&running, TOLD_WITHIN, 503, word).await;
    }
    stranger.leave();
    running.ready(PATIENCE).await;
    let events = lives(10, 4);
    Log::of(&stack).write(&events, 4).await;
    folded(&stack, events.len()).await;
    running.terminate().await;
}

/// A consumer in foldback's group that isn't foldback.
struct Stranger {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Stranger {
    /// Returns once it has partitions.
    fn joins(stack: &Stack) -> Stranger {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &stack.servers.kafka).set("group.id", &stack.group);
        config.set("partition.assignment.strategy", "range");
        let consumer: BaseConsumer = config.create().unwrap();
        consumer.subscribe(&[&stack.orders_topic]).unwrap();
        while consumer.assignment().unwrap().count() == 0 {
            let _ = consumer.poll(Duration::from_millis(100));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                let _ = consumer.poll(Duration::from_millis(100));
            }
        });
        Stranger { stop, thread }
    }

    fn leave(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_advertised_address_that_cannot_be_reached_is_named() {
    let stack = migrated().await;
    let bootstrap = advertising(&stack.servers.kafka, 1).await;
    let running = stack.run_with(&[("FOLDBACK__KAFKA__BROKERS", &bootstrap)]).await;
    let (host, _) = stack.servers.kafka.rsplit_once(':').unwrap();
    readyz_says(&running, TOLD_WITHIN, 503, &format!("{host}:1")).await;
    readyz_says(&running, TOLD_WITHIN, 503, "advertised.listeners").await;
    let repeated = running.log().lines().filter(|line| line.contains("brokers are down")).count();
    assert!(repeated <= 2, "said {repeated} times:\n{}", running.log());
    running.terminate().await;
}

/// A broker whose cluster says another port of it than the one it listens on: the bytes of a real one, with the port in
/// the metadata replaced. Returns its address.
async fn advertising(kafka: &str, port: u32) -> String {
    let (host, real) = kafka.rsplit_once(':').unwrap();
    let real = [host.as_bytes(), &real.parse::<u32>().unwrap().to_be_bytes()].concat();
    let told = [host.as_bytes(), &port.to_be_bytes()].concat();
    let (target, listener) = (kafka.to_owned(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (target, real, told) = (target.clone(), real.clone(), told.clone());
            tokio::spawn(async move {
                let mut server = TcpStream::connect(target).await?;
                let (mut from_client, mut to_client) = client.split();
                let (mut from_server, mut to_server) = server.split();
                let there = tokio::io::copy(&mut from_client, &mut to_server);
                let back = async {
                    let mut bytes = vec![0; 1 << 20];
                    loop {
                        match from_server.read(&mut bytes).await? {
                            0 => return Ok(0),
                            count => to_client.write_all(&replaced(&bytes[..count], &real, &told)).await?,
                        }
                    }
                };
                tokio::try_join!(there, back)
            });
        }
    });
    address
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(from.len()).position(|window| window == from) {
        at += found;
        bytes[at..at + to.len()].copy_from_slice(to);
        at += to.len();
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_more_than_there_are_partitions_is_ready_and_takes_over() {
    let stack = Stack::with_partitions(1).await;
    stack.foldback(&["migrate"]).await.exits(0);
    let settings = [("FOLDBACK__WORKERS__COUNT", "2")];
    let first = stack.run_with(&settings).await;
    first.ready(PATIENCE).await;
    let spare = stack.run_with(&settings).await;
    readyz_says(&spare, PATIENCE, 200, "\"standby\"").await;
    let events = lives(5, 4);
    Log::of(&stack).write(&events, 1).await;
    folded(&stack, events.len()).await;
    first.terminate().await;
    readyz_says(&spare, PATIENCE, 200, "\"degraded\":[]").await;
    let more = lives(5, 4);
    Log::of(&stack).write(&more, 1).await;
    folded(&stack, events.len() + more.len()).await;
    spare.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_of_a_rebalance_leaves_the_group() {
    let stack = migrated().await;
    let settings = [("FOLDBACK__WORKERS__COUNT", "2")];
    let first = stack.run_with(&settings).await;
    first.ready(PATIENCE).await;
    let second = stack.run_with(&settings).await;
    // It has asked to join by now, and the first learns of that at its next heartbeat, within three seconds.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    tokio::join!(second.terminate(), first.terminate());
    let admin: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &stack.servers.kafka).create().unwrap();
    // Sessions end after 45 seconds.
    eventually(Duration::from_secs(15), || async {
        let groups = admin.fetch_group_list(Some(&stack.group), Duration::from_secs(5)).unwrap();
        let members: usize = groups.groups().iter().map(|group| group.members().len()).sum();
        if members == 0 { Ok(()) } else { Err(format!("{members} members are still there")) }
    })
    .await;
}
