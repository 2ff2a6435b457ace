//! A seeded log with everything that can go wrong in it, folded by the real binary on real servers, and compared with
//! a reference fold that collects all, sorts, and computes from scratch. Shares no code with `src/`.

pub mod compare;
pub mod compare_published;
mod fold;
pub mod generator;
mod log_itself;
pub mod meaning;
pub mod positions;
pub mod produce;
pub mod reference;
pub mod registry;
mod schemas;
mod tiny_logs;

use std::time::Duration;

use self::fold::{assert_all, log, settings};
use self::positions::{progress, wait_for_end};
use crate::support::{Running, Stack, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn one_worker_folds_the_hard_log() {
    folded_by("1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_fold_the_hard_log() {
    folded_by("3").await;
}

async fn folded_by(workers: &'static str) {
    let log = log().await;
    let stack = log.stack().await;
    let running = stack.run_with(&settings(log, workers)).await;
    wait_for_end(&stack, &log.ends, &[&running]).await;
    assert_all(&stack, log, &running).await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_come_and_go_fold_the_hard_log() {
    let log = log().await;
    let stack = log.stack().await;
    let first = start(&stack).await;
    let second = start(&stack).await;
    passed(&stack, 0.1).await;
    second.kill();
    let third = start(&stack).await;
    passed(&stack, 0.3).await;
    first.terminate().await;
    passed(&stack, 0.5).await;
    third.kill();
    let fourth = start(&stack).await;
    let fifth = start(&stack).await;
    wait_for_end(&stack, &log.ends, &[&fourth, &fifth]).await;
    assert_all(&stack, log, &fourth).await;
    fourth.terminate().await;
    fifth.terminate().await;
}

/// Slowly, so that there is a middle to stop in.
async fn start(stack: &Stack) -> Running {
    let mut settings = settings(log().await, "2");
    settings.retain(|(name, _)| *name != "FOLDBACK__BATCH__RECORDS_MAX");
    settings.push(("FOLDBACK__BATCH__RECORDS_MAX", "50"));
    // an expelled member's partitions must not be away for longer than the test waits
    settings.push(("FOLDBACK__KAFKA__PROPERTIES__SESSION_TIMEOUT_MS", "6000"));
    stack.run_with(&settings).await
}

/// Waits until this share of the log is folded.
async fn passed(stack: &Stack, share: f64) {
    let log = log().await;
    eventually(Duration::from_secs(120), || async {
        let (passed, all) = progress(&mut stack.postgres().await, &log.ends).await;
        if passed as f64 >= share * all as f64 { Ok(()) } else { Err(format!("{passed} of {all}")) }
    })
    .await;
}
