//! An instance goes over to the generation that has become live by itself, whether records come or not.

use std::time::Duration;

use foldback::store::Generation;
use foldback::store::migrate::PROJECTION_VERSION;
use redis::AsyncCommands;
use serde_json::Value;
use tokio::time::Instant;

use crate::operate::copy::{copy_of_gen_1, cut_over, roll_back};
use crate::operate::log::{execute, folded, number, position, publish, stack};
use crate::support::{PATIENCE, Running, Stack, eventually};

/// A second to notice, and some for a machine on which other tests run.
const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_instance_follows_a_cut_over_and_a_rollback() {
    let stack = stack().await;
    publish(&stack, 300, 1).await;
    let running = stack.run_with(&[("FOLDBACK__WORKERS__COUNT", "2")]).await;
    folded(&stack, 1).await;
    let mut conn = stack.postgres().await;
    let next = copy_of_gen_1(&mut conn).await;
    let before = meta_where(&stack, |meta| meta["generation"] == 1).await;

    let switched = Instant::now();
    cut_over(&mut conn, next).await;
    let after = meta_where(&stack, |meta| meta["generation"] == 2).await;
    assert!(switched.elapsed() < SOON, "Redis shows it after {:?}", switched.elapsed());
    assert!(after["epoch"].as_i64() > before["epoch"].as_i64(), "{before} {after}");
    shows_live(&running, 2).await;
    // No record came: each partition is claimed all the same.
    claimed_again(&stack, 2).await;

    let at_cut_over = position(&mut conn, 1).await;
    publish(&stack, 200, 2).await;
    folded(&stack, 2).await;
    assert_eq!(position(&mut conn, 1).await, at_cut_over, "the old generation stands still");

    execute(&mut conn, "update gen_1.checkpoints set owner_epoch = 0").await;
    roll_back(&mut conn, Generation(1)).await;
    let back = meta_where(&stack, |meta| meta["generation"] == 1).await;
    assert!(back["epoch"].as_i64() > after["epoch"].as_i64(), "a rollback is newer: {after} {back}");
    shows_live(&running, 1).await;
    // Nothing new in the log either: what the other generation has folded since is folded again.
    folded(&stack, 1).await;
    let history = |generation: i32| format!("select count(*) from gen_{generation}.provider_order_events");
    assert_eq!(number(&mut conn, &history(1)).await, number(&mut conn, &history(2)).await);
    assert!(running.log().contains("another generation"), "{}", running.log());
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_how_far_a_rollback_went_back() {
    let stack = stack().await;
    publish(&stack, 100, 1).await;
    let running = stack.run().await;
    folded(&stack, 1).await;
    let mut conn = stack.postgres().await;
    let next = copy_of_gen_1(&mut conn).await;
    let behind = position(&mut conn, 1).await;
    cut_over(&mut conn, next).await;
    publish(&stack, 1500, 2).await;
    folded(&stack, 2).await;
    running.terminate().await;
    roll_back(&mut conn, Generation(1)).await;

    let status = stack.foldback(&["status", "--json"]).await.exits(0).json();
    let records = position(&mut conn, 2).await - behind;
    assert!(records >= 1500);
    assert_eq!(status["catchingUp"]["generation"], 2);
    assert_eq!(status["catchingUp"]["records"], records);
    let partitions = status["catchingUp"]["partitions"].as_array().unwrap();
    assert_eq!(partitions.iter().map(|partition| partition["records"].as_i64().unwrap()).sum::<i64>(), records);
    assert_eq!(
        (&status["generation"], &status["rollbackTo"], &status["projectionVersion"]),
        (&1.into(), &2.into(), &PROJECTION_VERSION.into())
    );
    assert_eq!(status["epoch"], number(&mut conn, "select epoch from foldback.publication").await);
    let text = stack.foldback(&["status"]).await.exits(0).stdout;
    let sentence = format!("1,{:03} records behind where generation 2 was", records - 1000);
    assert!(text.contains(&sentence), "{sentence} is not in\n{text}");

    let running = stack.run().await;
    folded(&stack, 1).await;
    let status = stack.foldback(&["status", "--json"]).await.exits(0).json();
    assert_eq!(status["catchingUp"], Value::Null);
    running.terminate().await;
}

async fn shows_live(running: &Running, generation: i32) {
    let line = format!("foldback_live_generation {generation}");
    eventually(SOON, || async {
        let metrics = running.metrics().await;
        if metrics.lines().any(|shown| shown == line) { Ok(()) } else { Err(metrics) }
    })
    .await;
}

/// Copied checkpoints keep their owner's epoch, so a claim is seen by one that is above.
async fn claimed_again(stack: &Stack, generation: i32) {
    let sql = format!(
        "select count(*) from gen_{generation}.checkpoints as next join gen_1.checkpoints as old
             using (topic, partition) where next.owner_epoch = old.owner_epoch"
    );
    eventually(SOON, || async {
        match number(&mut stack.postgres().await, &sql).await {
            0 => Ok(()),
            unclaimed => Err(format!("{unclaimed} partitions are not claimed")),
        }
    })
    .await;
}

async fn meta_where(stack: &Stack, is_it: impl Fn(&Value) -> bool) -> Value {
    let key = format!("{}backlog", stack.redis_prefix);
    eventually(PATIENCE, || async {
        let text: Option<String> = stack.redis().await.get(&key).await.map_err(|error| error.to_string())?;
        let value: Value = serde_json::from_str(&text.ok_or("nothing is published")?).unwrap();
        if is_it(&value["meta"]) { Ok(value["meta"].clone()) } else { Err(value.to_string()) }
    })
    .await
}
