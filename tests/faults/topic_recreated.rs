//! A topic that is deleted and recreated keeps its name, and is another log: nothing of it may be folded onto the views
//! of the old one, however long it has become.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use uuid::Uuid;

use crate::support::events::{Event, lives, placed};
use crate::support::log::Log;
use crate::support::views::{folded, history, migrated, number, readyz_says};
use crate::support::{PATIENCE, Stack, eventually};

const PARTITIONS: i32 = 4;
/// A claim that was refused is tried again each second.
const SETTINGS: [(&str, &str); 1] = [("FOLDBACK__RETRY__MAX_MS", "1000")];

pub async fn make_anew(stack: &Stack) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &stack.servers.kafka).create().unwrap();
    for gone in admin.delete_topics(&[&stack.orders_topic], &AdminOptions::new()).await.unwrap() {
        gone.unwrap();
    }
    // The name is free a moment after the topic is gone.
    eventually(PATIENCE, || async {
        let topic =
            NewTopic::new(&stack.orders_topic, PARTITIONS, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        let made = admin.create_topics(&[topic], &AdminOptions::new()).await.unwrap();
        made.into_iter().next().unwrap()
    })
    .await;
}

async fn stands_still(stack: &Stack, events: i64, sum: i64) {
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(history(stack).await, events, "nothing of the new topic is folded");
    let sql = "select coalesce(sum(next_offset), 0)::bigint from foldback.checkpoints where topic like '%-orders'";
    assert_eq!(number(stack, sql).await, sum, "no checkpoint moves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_while_foldback_is_stopped_is_not_folded() {
    let stack = migrated().await;
    Log::of(&stack).write(&lives(10, 4), PARTITIONS).await;
    let running = stack.run_with(&SETTINGS).await;
    folded(&stack, 40).await;
    running.terminate().await;

    make_anew(&stack).await;
    // Every partition grows beyond where the old one was.
    let new = |at: i32| (0..60).map(move |_| (at, Event::new(Uuid::now_v7(), 1, placed("p1"))));
    Log::of(&stack).write_to((0..PARTITIONS).flat_map(new).collect()).await;
    let running = stack.run_with(&SETTINGS).await;
    for partition in 0..PARTITIONS {
        readyz_says(&running, PATIENCE, 503, &format!("log_guard:{}/{partition}", stack.orders_topic)).await;
    }
    readyz_says(&running, PATIENCE, 503, "deleted and recreated").await;
    stands_still(&stack, 40, 40).await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_under_a_running_foldback_is_not_folded() {
    let stack = migrated().await;
    Log::of(&stack).write(&lives(50, 4), PARTITIONS).await;
    let running = stack.run_with(&SETTINGS).await;
    folded(&stack, 200).await;
    make_anew(&stack).await;
    Log::of(&stack).write_to(vec![(0, Event::new(Uuid::now_v7(), 1, placed("p1")))]).await;
    for partition in 0..PARTITIONS {
        readyz_says(&running, PATIENCE, 503, &format!("log_guard:{}/{partition}", stack.orders_topic)).await;
    }
    readyz_says(&running, PATIENCE, 503, "deleted and recreated").await;
    stands_still(&stack, 200, 200).await;
    // Once it is known, the new topic may grow as it likes.
    let new = |at: i32| (0..200).map(move |_| (at, Event::new(Uuid::now_v7(), 1, placed("p1"))));
    Log::of(&stack).write_to((0..PARTITIONS).flat_map(new).collect()).await;
    stands_still(&stack, 200, 200).await;
    running.terminate().await;
}
