//! A log full of conflicts: publishers that gave one sequence to two events, again and again.

use uuid::Uuid;

use crate::support::events::{Event, executed, placed};
use crate::support::log::Log;
use crate::support::views::{dead_letters, folded, history, migrated, number, readyz_says};
use crate::support::{PATIENCE, Stack};

const MANY: [(&str, &str); 1] = [("FOLDBACK__LIMITS__REFUSALS_IN_A_ROW_MAX", "1000000")];
const FEW: [(&str, &str); 2] =
    [("FOLDBACK__LIMITS__REFUSALS_IN_A_ROW_MAX", "20"), ("FOLDBACK__BATCH__RECORDS_MAX", "10")];

fn named(name: &str) -> serde_json::Value {
    let mut payload = placed("p1");
    payload["provider_name"] = name.into();
    payload
}

/// Folds to the log's end, and ends.
async fn fold(stack: &Stack, records: usize) {
    let running = stack.run_with(&MANY).await;
    folded(stack, records).await;
    running.terminate().await;
}

async fn name(stack: &Stack) -> String {
    let sql = "select provider_name from foldback.provider_telemetry where provider_id = 'p1'";
    sqlx::query_scalar(sql).fetch_one(&mut stack.postgres().await).await.unwrap()
}

/// Each order twice, the second time with other events, in a higher partition that was folded first.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_was_published_twice_is_rebuilt_as_it_was_folded() {
    const ORDERS: usize = 2_000;
    let stack = migrated().await;
    let log = Log::of(&stack);
    let orders: Vec<Uuid> = (0..ORDERS).map(|_| Uuid::now_v7()).collect();
    let copy = |partition: i32, name: &'static str| {
        let events = orders.iter().flat_map(move |order| {
            [Event::new(*order, 1, named(name)), Event::new(*order, 2, executed(Uuid::now_v7()))]
        });
        events.map(|event| (partition, event)).collect::<Vec<_>>()
    };
    log.write_to(copy(1, "later in the log")).await;
    fold(&stack, 2 * ORDERS).await;
    assert_eq!(name(&stack).await, "later in the log");
    log.write_to(copy(0, "first in the log")).await;
    fold(&stack, 4 * ORDERS).await;
    let expected = i64::try_from(2 * ORDERS).unwrap();
    for generation in 1..=2 {
        assert_eq!((history(&stack).await, dead_letters(&stack).await), (expected, expected), "{generation}");
        let whole = "select count(*) from foldback.dead_letters
                      where reason = 'sequence_conflict' and partition = 1 and value is not null and key is not null";
        assert_eq!(number(&stack, whole).await, expected, "{generation}");
        assert_eq!(name(&stack).await, "first in the log", "{generation}");
        if generation == 1 {
            stack.foldback_with(&["verify"], &MANY).await.exits(0);
            stack.foldback_with(&["rebuild", "--yes", "--verify", "full"], &MANY).await.exits(0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_conflicts_that_stops_live_stops_a_rebuild_too() {
    let stack = migrated().await;
    let log = Log::of(&stack);
    let order = Uuid::now_v7();
    let event = |sequence| (0, Event::new(order, sequence, executed(Uuid::now_v7())));
    log.write_to((1..=30).map(event).collect()).await;
    // One sequence twice is a conflict; thirty in a row are a flood.
    log.write_to((1..=30).map(event).collect()).await;
    let running = stack.run_with(&FEW).await;
    let way_out = format!("dead-letters allow {} 0 49", stack.orders_topic);
    readyz_says(&running, PATIENCE, 503, &way_out).await;
    let refused = stack.foldback_with(&["rebuild", "--yes"], &FEW).await.exits(4).stderr;
    assert!(refused.contains(&way_out) && refused.contains("20 consecutive records"), "{refused}");
    // What the log gives may be looked at.
    stack.foldback_with(&["verify"], &FEW).await.exits(0);

    stack.foldback(&["dead-letters", "allow", &stack.orders_topic, "0", "49"]).await.exits(0);
    stack.foldback_with(&["rebuild", "--yes"], &FEW).await.exits(0);
    running.ready(PATIENCE).await;
    folded(&stack, 60).await;
    assert_eq!((history(&stack).await, dead_letters(&stack).await), (30, 30));
    // What live has passed is not decided a second time.
    stack.foldback_with(&["rebuild", "--yes"], &[("FOLDBACK__LIMITS__REFUSALS_IN_A_ROW_MAX", "5")]).await.exits(0);
    running.terminate().await;
}

/// A third of the log is copies: they leave the history, and nothing else is looked for again.
#[tokio::test(flavor = "multi_thread")]
async fn mere_copies_are_dropped_and_names_stay() {
    let stack = migrated().await;
    let log = Log::of(&stack);
    let events: Vec<Event> = (0..500).map(|_| Event::new(Uuid::now_v7(), 1, named("the one"))).collect();
    let records: Vec<_> = events.iter().map(|event| (event.order.to_string(), event.single_object())).collect();
    for partition in [1, 0, 1] {
        let copies = records.iter().map(|(key, value)| (partition, key.clone(), value.clone())).collect();
        log.write_raw(copies).await;
    }
    fold(&stack, 1_500).await;
    for _ in 0..2 {
        assert_eq!((history(&stack).await, dead_letters(&stack).await), (500, 0));
        let first = "select count(*) from foldback.provider_order_events where partition = 0";
        assert_eq!(number(&stack, first).await, 500);
        assert_eq!(name(&stack).await, "the one");
        stack.foldback(&["rebuild", "--yes", "--verify", "full"]).await.exits(0);
    }
}
