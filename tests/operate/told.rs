//! A rebuild that another process runs is seen at every instance, and an instance is seen by whoever rolls back.

use foldback::domain::generations::generation::{Phase, Progress};
use foldback::store::generations::{self, NewGeneration};
use foldback::store::migrate::PROJECTION_VERSION;
use serde_json::json;

use crate::operate::log::{execute, number, stack};
use crate::support::{PATIENCE, Running, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn the_progress_of_a_rebuild_is_told_by_whoever_runs() {
    let stack = stack().await;
    let running = stack.run().await;
    shows(&running, "foldback_rebuild_progress_ratio 0").await;
    let mut conn = stack.postgres().await;
    let new = NewGeneration { created_by: "test".to_owned(), origin: json!({}), targets: json!([]), until: None };
    let building = generations::create(&mut conn, &new).await.unwrap();
    let shadow = generations::create_shadow(&mut conn, &new).await.unwrap();
    let at = |ratio| Progress {
        phase: Phase::Folding,
        ratio,
        events: 12_345,
        events_per_second: 6789.4,
        eta_seconds: Some(12),
    };
    generations::tell(&mut conn, building, &at(0.4)).await.unwrap();
    generations::tell(&mut conn, shadow, &at(0.9)).await.unwrap();
    shows(&running, "foldback_rebuild_progress_ratio 0.4").await;

    generations::tell(&mut conn, building, &at(0.425)).await.unwrap();
    let listed = running.json("/api/v1/fulfillment/providers/automation/generations").await;
    assert_eq!(listed["generations"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&listed["generations"][1]["builderAlive"], &listed["generations"][1]["progress"]["ratio"]),
        (&json!(true), &json!(0.425))
    );
    let status = stack.foldback(&["status"]).await.exits(0).stdout;
    assert!(status.contains("generation 2: folding, 42.5 %, 6,789 events/s, ETA 0:12\n"), "{status}");

    execute(&mut conn, "update foldback.generations set seen_at = now() - interval '1 minute'").await;
    shows(&running, "foldback_rebuild_progress_ratio 0").await;
    let status = stack.foldback(&["status"]).await.exits(0).stdout;
    assert!(status.contains("ETA 0:12; interrupted, `foldback rebuild` resumes it"), "{status}");
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_says_that_it_is_there_and_that_it_goes() {
    let stack = stack().await;
    let (first, second) = (stack.run().await, stack.run().await);
    let mut conn = stack.postgres().await;
    eventually(PATIENCE, || async {
        match generations::foldable_by(&mut stack.postgres().await, PROJECTION_VERSION).await.unwrap() {
            2 => Ok(()),
            count => Err(format!("{count} instances")),
        }
    })
    .await;
    first.terminate().await;
    assert_eq!(number(&mut conn, "select count(*) from foldback.instances").await, 1);
    second.kill();
}

async fn shows(running: &Running, line: &str) {
    eventually(PATIENCE, || async {
        let metrics = running.metrics().await;
        if metrics.lines().any(|shown| shown == line) { Ok(()) } else { Err(metrics) }
    })
    .await;
}
