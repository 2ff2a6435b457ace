//! A binary doesn't fold into a generation of another projection, and goes on by itself when one of its own is live.

use foldback::store::Generation;
use serde_json::Value;

use crate::operate::copy::{copy_of_gen_1, cut_over, roll_back};
use crate::operate::log::{execute, folded, position, publish, stack};
use crate::support::{PATIENCE, Running, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_generation_of_another_projection_is_shown_and_not_folded() {
    let stack = stack().await;
    publish(&stack, 100, 1).await;
    let running = stack.run().await;
    folded(&stack, 1).await;
    let mut conn = stack.postgres().await;
    let next = copy_of_gen_1(&mut conn).await;
    execute(&mut conn, "update foldback.generations set projection_version = 99 where generation = 2").await;
    cut_over(&mut conn, next).await;
    let why = unready(&running).await;
    for part in ["generation 2", "version 99", "has version 2", "foldback rebuild"] {
        assert!(why.contains(part), "{why}");
    }
    let stands_at = position(&mut conn, 2).await;
    publish(&stack, 100, 2).await;

    // Whoever starts now says the same, and serves what is there.
    let second = stack.run().await;
    assert_eq!(unready(&second).await, why);
    let snapshot = second.json("/api/v1/fulfillment/providers/automation/snapshot").await;
    assert_eq!(snapshot["meta"]["generation"], 2);
    assert_eq!(position(&mut conn, 2).await, stands_at, "nothing was folded");
    let status = stack.foldback(&["status"]).await.exits(0).stdout;
    assert!(status.contains("projection version 99, this binary has 2"), "{status}");

    roll_back(&mut conn, Generation(1)).await;
    running.ready(PATIENCE).await;
    second.ready(PATIENCE).await;
    folded(&stack, 1).await;
    running.terminate().await;
    second.terminate().await;
}

/// The sentence of /readyz on the projection.
async fn unready(running: &Running) -> String {
    eventually(PATIENCE, || async {
        let response = running.get("/readyz").await.ok_or("no answer")?;
        let ready: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let reasons = ready["reasons"].as_array().unwrap();
        let reason = reasons.iter().find(|reason| reason["name"] == "projection_version");
        Ok::<_, String>(reason.ok_or(ready.to_string())?["detail"].as_str().unwrap().to_owned())
    })
    .await
}
