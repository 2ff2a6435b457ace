//! `foldback publish` against a real log, folded by a real `foldback run`.

use std::time::Duration;

use crate::support::{Stack, eventually};

const WITHIN: Duration = Duration::from_secs(20);

#[tokio::test]
async fn publishing_again_writes_the_same_events_and_a_run_folds_them_once() {
    let stack = Stack::ready().await;
    let args = ["publish", "--rate", "0", "--count", "400", "--seed", "7", "--base", "2026-11-23T10:00:00Z"];
    let expected = format!("published 400 events (2 runs) to {} and {}\n", stack.orders_topic, stack.runs_topic);
    for _ in 0..2 {
        assert_eq!(stack.foldback(&args).await.exits(0).stdout, expected);
    }
    let running = stack.run().await;
    running.ready(WITHIN).await;
    let outcome = |metrics: &str, outcome: &str| -> u64 {
        let lines = metrics.lines().filter(|line| line.starts_with("foldback_records_total{"));
        let counted = lines.filter(|line| line.contains(&format!("outcome=\"{outcome}\"")));
        counted.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
    };
    eventually(WITHIN, || async {
        let metrics = running.metrics().await;
        let counts = ["applied", "duplicate", "dead_letter"].map(|name| outcome(&metrics, name));
        if counts == [400, 400, 0] { Ok(()) } else { Err(counts) }
    })
    .await;
    running.terminate().await;
}
