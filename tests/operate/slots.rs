//! Slots of the counts that workers of the past have left behind.

use crate::operate::log::{execute, folded, number, publish, stack};
use crate::support::{PATIENCE, Stack, eventually};

const RECONCILE: (&str, &str) = ("FOLDBACK__PUBLISHER__RECONCILE_MS", "100");
/// As if each row had been written by one of twenty workers.
const SCATTER: &str = "with gone as (delete from gen_1.telemetry_counts returning *)
    insert into gen_1.telemetry_counts
    select 1000 + row_number() over () % 20, kind, provider_id, service_id, rule_id, label, sum(count)
      from gone group by kind, provider_id, service_id, rule_id, label";
const SLOTS: &str = "select count(distinct slot) from gen_1.telemetry_counts where slot >= 0";
const SCATTERED: &str = "select count(*) from gen_1.telemetry_counts where slot >= 1000";
/// What a worker of each slot has locked that hangs in its transaction.
const HANG: &str = "select 1 from gen_1.telemetry_counts where ctid = any (array(
                        select min(ctid) from gen_1.telemetry_counts group by slot)) for update";

#[tokio::test(flavor = "multi_thread")]
async fn slots_are_merged_beside_the_fold_and_around_a_worker_that_hangs() {
    let stack = stack().await;
    publish(&stack, 2_000, 5).await;
    let before = stack.run().await;
    folded(&stack, 1).await;
    before.terminate().await;
    let mut postgres = stack.postgres().await;
    execute(&mut postgres, SCATTER).await;
    assert_eq!(number(&mut postgres, SLOTS).await, 20);
    let mut hanging = stack.postgres().await;
    execute(&mut hanging, "begin").await;
    execute(&mut hanging, HANG).await;

    let running = stack.run_with(&[RECONCILE]).await;
    publish(&stack, 500, 6).await;
    at_most(&stack, "rows beside those that are locked", SCATTERED, 20).await;
    execute(&mut hanging, "rollback").await;
    at_most(&stack, "slots", SLOTS, 8).await;
    folded(&stack, 1).await;
    stack.foldback(&["verify"]).await.exits(0);
    running.terminate().await;
}

async fn at_most(stack: &Stack, what: &str, sql: &str, max: i64) {
    eventually(PATIENCE, || async {
        let seen = number(&mut stack.postgres().await, sql).await;
        if seen <= max { Ok(()) } else { Err(format!("{seen} {what}")) }
    })
    .await;
}
