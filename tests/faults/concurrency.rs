//! Events of one order come in any order, by partitions that three workers read side by side.

use crate::support::Stack;
use crate::support::events::lives;
use crate::support::log::{Log, Moments};
use crate::support::views::{assert_consistent, folded, number};

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_fold_the_same_orders_without_losing_an_update() {
    let stack = Stack::with_partitions(3).await;
    stack.foldback(&["migrate"]).await.exits(0);
    let events = lives(50, 60);
    let mut moments = Moments::seeded(5);
    let mut spread: Vec<_> =
        events.iter().map(|event| (i32::try_from(moments.below(3)).unwrap(), event.clone())).collect();
    for last in (1..spread.len()).rev() {
        spread.swap(last, moments.below(last + 1));
    }
    Log::of(&stack).write_to(spread).await;
    let settings = [("FOLDBACK__WORKERS__COUNT", "3"), ("FOLDBACK__BATCH__RECORDS_MAX", "40")];
    let running = stack.run_with(&settings).await;
    folded(&stack, events.len()).await;
    assert_consistent(&stack, events.len()).await;
    let whole = "select count(*) from foldback.provider_orders where last_sequence = 60 and missing_events = 0";
    assert_eq!(number(&stack, whole).await, 50);
    let per_order = "select count(*) from (select provider_order_id, sum(attempts) as attempts, count(*) as replays
                     from foldback.replays group by provider_order_id) each where attempts = 20 and replays = 39";
    assert_eq!(number(&stack, per_order).await, 50, "20 attempts at 39 replays of each order");
    running.terminate().await;
}
