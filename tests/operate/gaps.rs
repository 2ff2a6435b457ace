//! Orders that miss events: the list against what was written, while holes are filled, and after a rebuild.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::operate::log::{folded, stack};
use crate::support::events::{Event, placed};
use crate::support::log::Log;
use crate::support::views::metric;
use crate::support::{PATIENCE, Running, Stack, eventually};

const ORDERS: usize = 40;
const SEQUENCE_MAX: i64 = 30;
/// 2020, in milliseconds.
const EARLY: i64 = 1_577_836_800_000;
const OLDEST: &str = "foldback_gap_oldest_timestamp_seconds ";

/// What was written: each event's timestamp by order and sequence.
type Written = BTreeMap<Uuid, BTreeMap<i64, i64>>;

/// Less than an hour ago, and long enough for every event of a test. Kafka takes no timestamp that is far in the future.
fn late() -> i64 {
    chrono::Utc::now().timestamp_millis() - 1_500_000
}

/// The list, worked out sequence by sequence.
fn expected(written: &Written) -> Vec<Value> {
    let mut list = Vec::new();
    for (order, events) in written {
        let last = *events.last_key_value().unwrap().0;
        let missing: BTreeSet<i64> = (1..=last).filter(|sequence| !events.contains_key(sequence)).collect();
        let Some(first) = missing.first() else { continue };
        let since = events.iter().filter(|(sequence, _)| *sequence > first).map(|(_, millis)| *millis).min().unwrap();
        let starts = missing.iter().filter(|sequence| !missing.contains(&(*sequence - 1)));
        let end = |start: i64| (start..).find(|sequence| !missing.contains(&(sequence + 1))).unwrap();
        let ranges: Vec<Value> = starts.map(|start| json!({"first": start, "last": end(*start)})).collect();
        list.push(json!({
            "providerOrderId": order.to_string(),
            "since": iso(since),
            "lastSequence": last,
            "missingEvents": missing.len(),
            "missingRanges": ranges.len(),
            "missing": ranges,
        }));
    }
    list
}

fn iso(millis: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(millis).unwrap();
    time.format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

async fn listed(stack: &Stack, args: &[&str]) -> Vec<Value> {
    let output = stack.foldback(&[&["gaps", "--json"], args].concat()).await.exits(0).json();
    output.as_array().unwrap().clone()
}

/// Page by page.
async fn walked(stack: &Stack) -> Vec<Value> {
    let mut all = listed(stack, &["--limit", "15"]).await;
    loop {
        let last = all.last().unwrap()["providerOrderId"].as_str().unwrap().to_owned();
        let page = listed(stack, &["--limit", "15", "--after", &last]).await;
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

async fn oldest_is(running: &Running, list: &[Value]) {
    let oldest = list.iter().map(|gaps| gaps["since"].as_str().unwrap()).min();
    let oldest = oldest.map(|time| chrono::DateTime::parse_from_rfc3339(time).unwrap().timestamp_millis() as f64 / 1e3);
    eventually(PATIENCE, || async {
        let shown = metric(running, OLDEST).await;
        let leads = metric(running, "foldback_orders_with_gaps ").await == Some(list.len() as f64);
        if leads && shown == oldest { Ok(()) } else { Err(format!("{shown:?} instead of {oldest:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_are_listed_as_they_open_and_close_and_the_same_after_a_rebuild() {
    let (stack, mut random) = (stack().await, StdRng::seed_from_u64(7));
    let (log, mut written, late) = (Log::of(&stack), Written::new(), late());
    let mut events = Vec::new();
    for _ in 0..ORDERS {
        let (order, from) = (Uuid::now_v7(), if random.random_bool(0.5) { EARLY } else { late });
        for sequence in 1..=random.random_range(1..=SEQUENCE_MAX) {
            events.push((from + random.random_range(0..1_000_000), Event::new(order, sequence, placed("p1"))));
        }
    }
    events.shuffle(&mut random);
    let running = stack.run().await;
    // Half of the log, then most of the holes, then the last of them.
    let (half, most) = (events.len() / 2, events.len() * 9 / 10);
    let mut open = Vec::new();
    for part in [&events[..half], &events[half..most], &events[most..]] {
        log.write_at(part).await;
        for (millis, event) in part {
            written.entry(event.order).or_default().insert(event.sequence, *millis);
        }
        folded(&stack, 1).await;
        let list = expected(&written);
        if !list.is_empty() {
            assert_eq!(walked(&stack).await, list);
        }
        oldest_is(&running, &list).await;
        open.push(list);
    }
    assert!(open[0].len() > ORDERS / 2 && !open[1].is_empty() && open[1] != open[0], "holes were filled");
    assert_eq!(open[2], Vec::<Value>::new());
    assert_eq!(stack.foldback(&["gaps"]).await.exits(0).stdout, "no gaps\n");
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_are_filtered_by_order_and_age_and_outlast_a_rebuild() {
    let (stack, mut written, late) = (stack().await, Written::new(), late());
    let orders: Vec<Uuid> = (0..6).map(|_| Uuid::now_v7()).collect();
    let mut events = Vec::new();
    for (number, order) in orders.iter().enumerate() {
        let from = if number % 2 == 0 { EARLY } else { late };
        // The third and the fourth have all of theirs.
        let sequences: &[i64] = if number / 2 == 1 { &[1, 2] } else { &[9, 3, 4, 7] };
        for sequence in sequences {
            events.push((from - sequence, Event::new(*order, *sequence, placed("p1"))));
            written.entry(*order).or_default().insert(*sequence, from - sequence);
        }
    }
    Log::of(&stack).write_at(&events).await;
    let running = stack.run().await;
    folded(&stack, 1).await;
    let list = expected(&written);
    assert_eq!(list.len(), 4);
    let old = |list: &[Value]| -> Vec<Value> {
        list.iter().filter(|gaps| gaps["since"].as_str().unwrap() < "2021").cloned().collect()
    };
    for generation in [1, 2] {
        assert_eq!(listed(&stack, &[]).await, list, "generation {generation}");
        assert_eq!(listed(&stack, &["--older-than", "1d"]).await, old(&list));
        assert_eq!(listed(&stack, &["--older-than", "1d", "--limit", "1"]).await, old(&list)[..1]);
        assert_eq!(listed(&stack, &["--order", &orders[0].to_string()]).await, list[..1]);
        assert_eq!(listed(&stack, &["--order", &orders[1].to_string(), "--older-than", "1d"]).await, [] as [Value; 0]);
        assert_eq!(listed(&stack, &["--order", &orders[2].to_string()]).await, [] as [Value; 0]);
        oldest_is(&running, &list).await;
        if generation == 1 {
            stack.foldback(&["rebuild", "--yes"]).await.exits(0);
        }
    }
    let table = stack.foldback(&["gaps"]).await.exits(0).stdout;
    assert!(table.contains("1-2, 5-6, 8") && table.contains(&iso(EARLY - 9)), "{table}");
    for args in [["--older-than", "1"], ["--order", "17"], ["--limit", "0"]] {
        stack.foldback(&[&["gaps"], &args[..]].concat()).await.exits(2);
    }
    running.terminate().await;
}
