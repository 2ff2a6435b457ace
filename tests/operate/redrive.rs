//! Dead letters are sent through the fold again: the views become what a rebuild would make of the log, once.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::operate::log::{folded, number, stack};
use crate::support::events::{Event, executed, placed};
use crate::support::log::Log;
use crate::support::{PATIENCE, Stack, eventually};

/// Too little for a response of 2,000 characters.
const SMALL: [(&str, &str); 1] = [("FOLDBACK__LIMITS__VALUE_BYTES_MAX", "1024")];

fn long(replay: Uuid) -> Value {
    let mut payload = executed(replay);
    payload["response"] = json!("x".repeat(2000));
    payload
}

/// Folds what is in the log with the small limit, and ends.
async fn fold(stack: &Stack) {
    let running = stack.run_with(&SMALL).await;
    folded(stack, 1).await;
    running.terminate().await;
}

/// The receipts, by partition and offset.
async fn redrive(stack: &Stack, args: &[&str]) -> Vec<Value> {
    let args = [&["dead-letters", "redrive", "--json"], args].concat();
    let mut receipts = stack.foldback(&args).await.exits(0).json().as_array().unwrap().clone();
    receipts.sort_by_key(|receipt| [&receipt["partition"], &receipt["offset"]].map(|number| number.as_i64()));
    receipts
}

fn words(receipts: &[Value]) -> Vec<&str> {
    receipts.iter().map(|receipt| receipt["receipt"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_folded_once_its_cause_is_gone() {
    let stack = stack().await;
    let (log, orders) = (Log::of(&stack), [Uuid::now_v7(), Uuid::now_v7()]);
    let events = orders
        .iter()
        .flat_map(|order| [Event::new(*order, 1, placed("p1")), Event::new(*order, 2, long(Uuid::now_v7()))]);
    log.write_to(events.map(|event| (0, event)).collect()).await;
    let nonsense = log.write_raw(vec![(1, "nonsense".into(), b"nonsense".to_vec())]).await[0];
    fold(&stack).await;
    let mut conn = stack.postgres().await;
    assert_eq!(number(&mut conn, "select count(*) from foldback.dead_letters").await, 3);

    // A plan tells what would become of each, and changes nothing; so does what is still refused.
    let planned = redrive(&stack, &["--all", "--plan"]).await;
    assert_eq!(words(&planned), ["applied", "applied", "refused"]);
    let refused = stack.foldback_with(&["dead-letters", "redrive", "--all"], &SMALL).await.exits(0).stdout;
    assert!(refused.contains("3 refused"), "{refused}");
    assert_eq!(number(&mut conn, "select count(*) from foldback.provider_order_events").await, 2);
    stack.foldback(&["verify", "--sample", "100"]).await.exits(0);

    let receipts = redrive(&stack, &["--reason", "too_large"]).await;
    assert_eq!(words(&receipts), ["applied", "applied"]);
    let receipts = redrive(&stack, &["--all"]).await;
    assert_eq!(words(&receipts), ["refused"]);
    let place = (&receipts[0]["partition"], &receipts[0]["offset"], &receipts[0]["reason"]);
    assert_eq!(place, (&json!(1), &json!(nonsense), &json!("malformed")));
    assert_eq!(number(&mut conn, "select count(*) from foldback.provider_order_events").await, 4);
    assert_eq!(number(&mut conn, "select sum(attempts)::bigint from foldback.replays").await, 2);

    // Again: nothing is folded twice, and everybody is told.
    let first = planned[0]["id"].to_string();
    assert_eq!(redrive(&stack, &[&first]).await[0]["redrivenAs"], "applied");
    assert_eq!(words(&redrive(&stack, &["--topic", &stack.orders_topic]).await), ["refused"]);
    assert_eq!(number(&mut conn, "select sum(attempts)::bigint from foldback.replays").await, 2);
    stack.foldback(&["verify"]).await.exits(0);

    // What follows goes on from what was redriven.
    log.write_to(vec![(0, Event::new(orders[0], 3, executed(Uuid::now_v7())))]).await;
    fold(&stack).await;
    assert_eq!(number(&mut conn, "select max(last_sequence) from foldback.provider_orders").await, 3);
    stack.foldback(&["verify"]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redriven_event_competes_for_its_sequence_by_its_place_in_the_log() {
    let stack = stack().await;
    let (log, order) = (Log::of(&stack), Uuid::now_v7());
    let event = |sequence, payload| Event::new(order, sequence, payload);
    // Sequence 2: the first of the log is refused, and another stands. Sequence 3: the refused one is the later one.
    log.write_to(vec![
        (0, event(1, placed("p1"))),
        (0, event(2, long(Uuid::now_v7()))),
        (0, event(3, executed(Uuid::now_v7()))),
        (1, event(2, executed(Uuid::now_v7()))),
        (1, event(3, long(Uuid::now_v7()))),
    ])
    .await;
    fold(&stack).await;
    let mut conn = stack.postgres().await;
    let receipts = redrive(&stack, &["--all"]).await;
    assert_eq!(words(&receipts), ["applied", "refused"]);
    assert_eq!(receipts[1]["reason"], "sequence_conflict");
    let stands = "select count(*) from foldback.provider_order_events where partition = 0";
    assert_eq!(number(&mut conn, stands).await, 3);
    let lost = "select count(*) from foldback.dead_letters
                 where partition = 1 and reason = 'sequence_conflict' and value is not null and redriven_at is null";
    assert_eq!(number(&mut conn, lost).await, 2, "the displaced one, and the one that came later");
    stack.foldback(&["verify"]).await.exits(0);
    // Conflicts stay what they are, however often they are redriven.
    assert_eq!(words(&redrive(&stack, &["--all"]).await), ["refused", "refused"]);
    assert_eq!(number(&mut conn, lost).await, 2);
    stack.foldback(&["verify"]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_redriven_and_loses_its_sequence_later_is_a_dead_letter_again() {
    let stack = stack().await;
    let (log, order) = (Log::of(&stack), Uuid::now_v7());
    log.write_to(vec![(1, Event::new(order, 1, long(Uuid::now_v7())))]).await;
    fold(&stack).await;
    assert_eq!(words(&redrive(&stack, &["--all"]).await), ["applied"]);
    // Comes later, and stands earlier in the log.
    log.write_to(vec![(0, Event::new(order, 1, executed(Uuid::now_v7())))]).await;
    fold(&stack).await;
    let mut conn = stack.postgres().await;
    let lost = "select count(*) from foldback.dead_letters
                 where partition = 1 and reason = 'sequence_conflict' and value is not null and redriven_at is null";
    assert_eq!(number(&mut conn, lost).await, 1);
    assert_eq!(number(&mut conn, "select count(*) from foldback.dead_letters").await, 1);
    stack.foldback(&["verify"]).await.exits(0);
}

/// The offset of the one event that has lost.
const LOST_AT: &str =
    "select \"offset\" from foldback.dead_letters where reason = 'sequence_conflict' and redriven_at is null";

/// An event that is too large for now, another one at its sequence, and then a copy of the first that is not too large: where
/// these stand, and the receipts for the two copies.
async fn redriven_with_a_later_copy(first: i32, other: i32) -> (Stack, Vec<Value>) {
    let stack = stack().await;
    let (log, order) = (Log::of(&stack), Uuid::now_v7());
    log.write_to(vec![(0, Event::new(order, 1, placed("p1")))]).await;
    let contested = Event::new(order, 2, long(Uuid::now_v7())).single_object();
    let rival = Event::new(order, 2, executed(Uuid::now_v7())).single_object();
    log.write_raw(vec![(first, order.to_string(), contested.clone()), (other, order.to_string(), rival)]).await;
    fold(&stack).await;
    log.write_raw(vec![(1, order.to_string(), contested)]).await;
    let running = stack.run().await;
    folded(&stack, 1).await;
    running.terminate().await;
    let lost = "select count(*) from foldback.dead_letters
                 where reason = 'sequence_conflict' and partition = 1 and redriven_at is null";
    assert_eq!(number(&mut stack.postgres().await, lost).await, 1);
    let receipts = redrive(&stack, &["--all"]).await;
    stack.foldback(&["verify"]).await.exits(0);
    assert_eq!(number(&mut stack.postgres().await, lost).await, 1);
    (stack, receipts)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_wins_by_an_earlier_copy_that_is_redriven_with_it() {
    let (stack, receipts) = redriven_with_a_later_copy(0, 1).await;
    assert_eq!(words(&receipts), ["applied", "duplicate"]);
    assert_eq!(number(&mut stack.postgres().await, LOST_AT).await, 0, "the other one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_loses_by_an_earlier_copy_that_is_redriven_with_it() {
    let (stack, receipts) = redriven_with_a_later_copy(1, 0).await;
    assert_eq!(words(&receipts), ["refused", "duplicate"]);
    assert_eq!(number(&mut stack.postgres().await, LOST_AT).await, 0, "the earlier copy");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_never_means_another_generations_record() {
    let stack = stack().await;
    let log = Log::of(&stack);
    log.write_raw((0..3).map(|number| (0, format!("nonsense {number}"), b"nonsense".to_vec())).collect()).await;
    fold(&stack).await;
    let listed = stack.foldback(&["dead-letters", "list", "--json"]).await.exits(0).json();
    let old = listed[0]["id"].to_string();
    stack.foldback(&["rebuild", "--yes"]).await.exits(0);
    let sentence = format!("the live generation has no dead letter {old}");
    for args in [&["dead-letters", "redrive", &old][..], &["dead-letters", "discard", &old, "--why", "x"]] {
        let refused = stack.foldback(args).await.exits(1).stderr;
        assert!(refused.contains(&sentence), "{refused}");
    }
    let shown = stack.foldback(&["dead-letters", "list", "--json"]).await.exits(0).json();
    let new = shown[0]["id"].to_string();
    stack.foldback(&["dead-letters", "discard", &new, "--why", "x"]).await.exits(0);
    assert_eq!(redrive(&stack, &[&new]).await[0]["receipt"], "discarded");
    stack.foldback(&["dead-letters", "redrive"]).await.exits(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_that_is_killed_beside_the_live_fold_loses_and_doubles_nothing() {
    const ORDERS: usize = 1_200;
    let stack = stack().await;
    let (log, orders): (Log, Vec<Uuid>) = (Log::of(&stack), (0..ORDERS).map(|_| Uuid::now_v7()).collect());
    let at = |order: &Uuid| i32::from(order.as_bytes()[15] % 2);
    let write = |sequence: i64, payload: fn(Uuid) -> Value| {
        let event = |order: &Uuid| (at(order), Event::new(*order, sequence, payload(Uuid::now_v7())));
        // Many refusals in a row would be a flood.
        orders.iter().map(event).collect::<Vec<_>>()
    };
    let placements = write(1, |_| placed("p1"));
    let refused = write(2, long);
    log.write_to(placements.into_iter().zip(refused).flat_map(|(first, second)| [first, second]).collect()).await;
    fold(&stack).await;
    let mut conn = stack.postgres().await;
    let open = "select count(*) from foldback.dead_letters where redriven_at is null";
    assert_eq!(number(&mut conn, open).await, i64::try_from(ORDERS).unwrap());

    let running = stack.run().await;
    running.ready(PATIENCE).await;
    let redriving = stack.start_with(&["dead-letters", "redrive", "--all"], &[]);
    log.write_to(write(3, executed)).await;
    eventually(PATIENCE, async || {
        let left = number(&mut stack.postgres().await, open).await;
        if left < i64::try_from(ORDERS).unwrap() { Ok(()) } else { Err(left) }
    })
    .await;
    redriving.kill();
    let receipts = redrive(&stack, &["--all"]).await;
    assert!(receipts.iter().all(|receipt| receipt["receipt"] == "applied"), "{receipts:?}");
    folded(&stack, 1).await;
    assert_eq!(number(&mut conn, open).await, 0);
    let complete = "select count(*) from foldback.provider_orders where last_sequence = 3 and missing_events = 0";
    assert_eq!(number(&mut conn, complete).await, i64::try_from(ORDERS).unwrap());
    stack.foldback(&["verify"]).await.exits(0);
    running.terminate().await;
}
