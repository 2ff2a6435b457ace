//! Topics that are deleted, compacted, cut off at their beginning, or others than those that were folded.

use std::time::Duration;

use rdkafka::admin::{AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use uuid::Uuid;

use crate::support::events::{Event, placed};
use crate::support::log::Log;
use crate::support::views::{folded, history, migrated, number, readyz_says};
use crate::support::{PATIENCE, Stack, admin, eventually};

const SETTINGS: [(&str, &str); 1] = [("FOLDBACK__RETRY__MAX_MS", "500")];
/// How long a change under a running foldback may go unnoticed.
const NOTICED: Duration = Duration::from_secs(30);

async fn write(stack: &Stack, partition: i32, records: usize) {
    let events = (0..records).map(|_| (partition, Event::new(Uuid::now_v7(), 1, placed("p1")))).collect();
    Log::of(stack).write_to(events).await;
}

async fn cleanup_policy(stack: &Stack, policy: &str) {
    let config = AlterConfig::new(ResourceSpecifier::Topic(&stack.orders_topic))
        .set("cleanup.policy", policy)
        .set("retention.ms", "-1");
    for altered in admin(&stack.servers.kafka).alter_configs(&[config], &AdminOptions::new()).await.unwrap() {
        altered.unwrap();
    }
}

async fn delete_topic(stack: &Stack) {
    let deleted =
        admin(&stack.servers.kafka).delete_topics(&[&stack.orders_topic], &AdminOptions::new()).await.unwrap();
    deleted.into_iter().for_each(|topic| {
        topic.unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_compacted_is_not_read() {
    let stack = migrated().await;
    write(&stack, 0, 10).await;
    let running = stack.run_with(&SETTINGS).await;
    folded(&stack, 10).await;
    cleanup_policy(&stack, "compact").await;
    for partition in 0..4 {
        readyz_says(&running, NOTICED, 503, &format!("log_guard:{}/{partition}", stack.orders_topic)).await;
    }
    readyz_says(&running, PATIENCE, 503, "cleanup.policy=compact").await;
    write(&stack, 1, 5).await;
    running.terminate().await;

    let running = stack.run_with(&SETTINGS).await;
    readyz_says(&running, PATIENCE, 503, "cleanup.policy=compact").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(history(&stack).await, 10, "nothing is folded that may lack records");
    cleanup_policy(&stack, "delete").await;
    folded(&stack, 15).await;
    readyz_says(&running, PATIENCE, 200, "").await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_were_deleted_before_they_were_folded_stop_their_partition() {
    let stack = migrated().await;
    write(&stack, 0, 10).await;
    let running = stack.run_with(&SETTINGS).await;
    folded(&stack, 10).await;
    running.terminate().await;
    write(&stack, 0, 10).await;
    write(&stack, 1, 1).await;
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&stack.orders_topic, 0, Offset::Offset(15)).unwrap();
    admin(&stack.servers.kafka).delete_records(&before, &AdminOptions::new()).await.unwrap();
    let running = stack.run_with(&SETTINGS).await;
    readyz_says(&running, PATIENCE, 503, "offsets 10 to 14 were deleted before they were folded").await;
    eventually(PATIENCE, || async {
        let there = history(&stack).await;
        if there == 11 { Ok(()) } else { Err(there) }
    })
    .await;
    stack.foldback(&["rebuild", "--yes"]).await.exits(4);
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_deleted_under_a_running_foldback_is_noticed() {
    let stack = migrated().await;
    write(&stack, 0, 10).await;
    let running = stack.run_with(&SETTINGS).await;
    folded(&stack, 10).await;
    readyz_says(&running, PATIENCE, 200, "").await;
    delete_topic(&stack).await;
    readyz_says(&running, NOTICED, 503, "topic").await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_another_name_is_refused_unless_it_is_said_to_be_new() {
    let stack = migrated().await;
    write(&stack, 0, 10).await;
    let running = stack.run_with(&SETTINGS).await;
    folded(&stack, 10).await;
    running.terminate().await;

    let other = Stack::new().await;
    write(&other, 1, 3).await;
    let topic = other.orders_topic.as_str();
    let swapped = [
        ("FOLDBACK__KAFKA__ORDERS_TOPIC", stack.runs_topic.as_str()),
        ("FOLDBACK__KAFKA__RUNS_TOPIC", stack.orders_topic.as_str()),
    ];
    let env = [("FOLDBACK__KAFKA__ORDERS_TOPIC", topic)];
    for (settings, verb) in [
        (&env[..], &["run"][..]),
        (&swapped, &["run"]),
        (&env, &["rebuild", "--yes"]),
        (&swapped, &["rebuild", "--yes"]),
        (&env, &["verify"]),
    ] {
        let refused = stack.foldback_with(verb, settings).await.exits(4);
        assert!(refused.stderr.contains(&stack.orders_topic), "{verb:?}: {}", refused.stderr);
    }
    let args = ["rebuild", "--yes", "--new-log", topic, "--confirm-new-log", topic];
    stack.foldback(&args).await.exits(2);
    stack.foldback_with(&args, &env).await.exits(0);
    assert_eq!(history(&stack).await, 3);
    let running = stack.run_with(&[env[0], SETTINGS[0]]).await;
    write(&other, 1, 1).await;
    folded(&stack, 4).await;
    running.terminate().await;
    stack.foldback(&["run"]).await.exits(4);
}

/// As after a restore into another cluster: the same name, another id, and fewer offsets.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_topic_is_folded_as_a_new_log_and_live_instances_follow() {
    let stack = migrated().await;
    write(&stack, 0, 20).await;
    Log::of(&stack).write_raw(vec![(0, "k".into(), b"nonsense".to_vec())]).await;
    let running = stack.run_with(&SETTINGS).await;
    folded(&stack, 21).await;
    let letter = number(&stack, "select id from foldback.dead_letters").await.to_string();
    stack.foldback(&["dead-letters", "discard", &letter, "--why", "nonsense"]).await.exits(0);
    let allow = |offset: &'static str| vec!["dead-letters", "allow", stack.orders_topic.as_str(), "0", offset];
    stack.foldback(&allow("21")).await.exits(0);

    delete_topic(&stack).await;
    eventually(PATIENCE, || async {
        let topic = NewTopic::new(&stack.orders_topic, 4, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        admin(&stack.servers.kafka).create_topics(&[topic], &AdminOptions::new()).await.unwrap().remove(0)
    })
    .await;
    write(&stack, 0, 5).await;
    readyz_says(&running, PATIENCE, 503, "deleted and recreated").await;
    let refused = stack.foldback(&["rebuild", "--yes"]).await.exits(4);
    assert!(refused.stderr.contains(&format!("--new-log {}", stack.orders_topic)), "{}", refused.stderr);

    let topic = stack.orders_topic.as_str();
    stack.foldback(&["rebuild", "--yes", "--new-log", topic, "--confirm-new-log", topic]).await.exits(0);
    assert_eq!(history(&stack).await, 5);
    readyz_says(&running, PATIENCE, 200, "").await;
    write(&stack, 0, 1).await;
    folded(&stack, 6).await;
    let decisions =
        "select (select count(*) from foldback.flood_allowances) + (select count(*) from foldback.discards)";
    assert_eq!(number(&stack, decisions).await, 0, "what was decided about records of the old log is forgotten");
    // From here on the new log is the one.
    stack.foldback(&["rebuild", "--yes"]).await.exits(0);
    stack.foldback(&["generations", "rollback", "--yes"]).await.exits(0);
    running.terminate().await;
}
