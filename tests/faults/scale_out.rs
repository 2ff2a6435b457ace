//! Two processes in one group, and one of them goes.

use std::collections::BTreeSet;
use std::time::Duration;

use uuid::Uuid;

use crate::support::events::{Event, lives, placed, scheduled};
use crate::support::log::Log;
use crate::support::views::{assert_consistent, folded, key, metric, migrated, published};
use crate::support::{PATIENCE, Running, eventually};

const SETTINGS: [(&str, &str); 3] = [
    ("FOLDBACK__WORKERS__COUNT", "1"),
    ("FOLDBACK__KAFKA__PROPERTIES__SESSION_TIMEOUT_MS", "6000"),
    ("FOLDBACK__KAFKA__PROPERTIES__HEARTBEAT_INTERVAL_MS", "500"),
];
/// Four of each topic.
const PARTITIONS: usize = 8;
const TAKEOVER: Duration = Duration::from_secs(15);

/// The partitions whose lag an instance shows.
async fn lags(running: &Running) -> BTreeSet<String> {
    let text = running.metrics().await;
    let lines = text.lines().filter(|line| line.starts_with("foldback_lag_records{"));
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

async fn shows_all(running: &Running) {
    eventually(TAKEOVER, || async {
        let lags = lags(running).await;
        if lags.len() == PARTITIONS { Ok(()) } else { Err(lags) }
    })
    .await;
}

/// Each partition's lag is shown, by one of the two alone, and both have some.
async fn share(first: &Running, second: &Running) {
    eventually(PATIENCE, || async {
        let (one, other) = (lags(first).await, lags(second).await);
        let shared = one.is_disjoint(&other) && !one.is_empty() && !other.is_empty();
        if shared && one.len() + other.len() == PARTITIONS { Ok(()) } else { Err((one, other)) }
    })
    .await;
}

async fn leads(running: &Running) -> bool {
    metric(running, "foldback_publisher_leader").await == Some(1.0)
}

async fn domain_gauges(running: &Running) -> bool {
    running.metrics().await.lines().any(|line| line.starts_with("provider_automation_replay_backlog{"))
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_move_to_a_second_process_and_back_when_it_ends() {
    let stack = migrated().await;
    let first = stack.run_with(&SETTINGS).await;
    shows_all(&first).await;
    let events = lives(300, 20);
    let log = Log::of(&stack);
    log.write(&events[..2_000], 4).await;
    let second = stack.run_with(&SETTINGS).await;
    share(&first, &second).await;
    log.write(&events[2_000..4_000], 4).await;
    eventually(PATIENCE, || async {
        match (domain_gauges(&first).await, domain_gauges(&second).await) {
            (true, false) => Ok(()),
            both => Err(both),
        }
    })
    .await;
    tokio::join!(second.terminate(), log.write(&events[4_000..], 4));
    shows_all(&first).await;
    folded(&stack, events.len()).await;
    assert_consistent(&stack, events.len()).await;
    first.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_crashes_the_other_publishes_and_folds_on() {
    let stack = migrated().await;
    let first = stack.run_with(&SETTINGS).await;
    first.ready(PATIENCE).await;
    eventually(PATIENCE, || async { if leads(&first).await { Ok(()) } else { Err("the first does not lead") } }).await;
    let second = stack.run_with(&SETTINGS).await;
    share(&first, &second).await;
    let order = Uuid::now_v7();
    let events = [Event::new(order, 1, placed("p1")), Event::new(order, 2, scheduled(Uuid::now_v7(), 3_600_000))];
    let log = Log::of(&stack);
    log.write(&events, 4).await;
    published(&stack, PATIENCE, 1, 0).await;
    assert!(!domain_gauges(&second).await, "one instance alone shows domain gauges");
    first.kill();
    let () = redis::cmd("DEL")
        .arg(format!("{}backlog", stack.redis_prefix))
        .query_async(&mut stack.redis().await)
        .await
        .unwrap();
    assert!(key(&stack, "backlog").await.is_null());
    published(&stack, Duration::from_secs(10), 1, 0).await;
    assert!(leads(&second).await && domain_gauges(&second).await);
    let more = lives(20, 3);
    log.write(&more, 4).await;
    folded(&stack, 62).await;
    shows_all(&second).await;
    second.terminate().await;
}
