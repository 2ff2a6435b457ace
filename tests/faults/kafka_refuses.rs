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
use crate::support::views::{folded, metric, migrated, readyz, readyz_says};
use crate::support::{OwnKafka, PATIENCE, Stack, eventually};

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

#[tokio::test(flavor = "multi_thread")]
async fn every_command_names_the_advertised_address_that_it_cannot_reach() {
    let stack = migrated().await;
    let bootstrap = advertising(&stack.servers.kafka, 1).await;
    let (host, _) = stack.servers.kafka.rsplit_once(':').unwrap();
    let names_it = |said: &str| [format!("{host}:1/"), format!("{host}:1: ")].iter().any(|name| said.contains(name));
    let commands =
        [(&["doctor"][..], 1), (&["publish", "--count", "1"], 1), (&["rebuild", "--plan"], 1), (&["status"], 0)];
    let brokers = [("FOLDBACK__KAFKA__BROKERS", bootstrap.as_str())];
    let outputs = commands.map(|(command, _)| stack.foldback_with(command, &brokers));
    for ((command, code), output) in commands.into_iter().zip(futures::future::join_all(outputs).await) {
        let output = output.exits(code);
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(names_it(&said) && said.contains("advertised.listeners"), "{command:?}: {said}");
        assert!(said.contains(&bootstrap) || command == ["status"], "{command:?}: {said}");
    }
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
    // One partition in each of two topics.
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(stack.run_with(&[("FOLDBACK__WORKERS__COUNT", "1")]).await);
    }
    let spare = eventually(PATIENCE, || async {
        let mut spares = Vec::new();
        for (index, running) in all.iter().enumerate() {
            let (status, body) = readyz(running).await;
            match (status, body.to_string().contains("\"standby\"")) {
                (200, true) => spares.push(index),
                (200, false) => {}
                _ => return Err(body.to_string()),
            }
        }
        if let [spare] = spares[..] { Ok(spare) } else { Err(format!("{spares:?} are spare")) }
    })
    .await;
    let spare = all.remove(spare);
    let events = lives(5, 4);
    Log::of(&stack).write(&events, 1).await;
    folded(&stack, events.len()).await;
    all.remove(0).terminate().await;
    readyz_says(&spare, PATIENCE, 200, "\"degraded\":[]").await;
    let more = lives(5, 4);
    Log::of(&stack).write(&more, 1).await;
    folded(&stack, events.len() + more.len()).await;
    spare.terminate().await;
    all.remove(0).terminate().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_taken_away_and_a_broker_that_stops_are_told_until_they_are_back() {
    let mut kafka = OwnKafka::with_acls().await;
    let stack = Stack::on(kafka.servers(), 1).await;
    stack.foldback(&["migrate"]).await.exits(0);
    let running = stack.run_with(&[("FOLDBACK__WORKERS__COUNT", "1")]).await;
    running.ready(PATIENCE).await;
    let (log, events) = (Log::of(&stack), lives(10, 4));
    log.write(&events[..10], 1).await;
    folded(&stack, 10).await;

    let (topic, group) = (["--topic", stack.orders_topic.as_str()], ["--group", stack.group.as_str()]);
    kafka.forbid("add", "Read", topic);
    readyz_says(&running, TOLD_WITHIN, 503, "Topic authorization failed").await;
    readyz_says(&running, TOLD_WITHIN, 503, "READ and DESCRIBE").await;
    kafka.forbid("remove", "Read", topic);
    log.write(&events[10..20], 1).await;
    folded(&stack, 20).await;
    running.ready(PATIENCE).await;

    // A member goes on until its session ends, 45 seconds later: one that joins is refused at once.
    running.terminate().await;
    kafka.forbid("add", "Read", group);
    let running = stack.run_with(&[("FOLDBACK__WORKERS__COUNT", "1")]).await;
    readyz_says(&running, TOLD_WITHIN, 503, "Group authorization failed").await;
    kafka.forbid("remove", "Read", group);
    running.ready(PATIENCE).await;

    kafka.stop();
    readyz_says(&running, TOLD_WITHIN, 503, "no Kafka broker answers").await;
    let series = format!("foldback_lag_records{{topic=\"{}\"", stack.orders_topic);
    assert_eq!(metric(&running, &series).await, Some(0.0), "the last known end stays");
    kafka.start_again().await;
    log.write(&events[20..], 1).await;
    folded(&stack, 40).await;
    running.ready(PATIENCE).await;
    running.terminate().await;
}
