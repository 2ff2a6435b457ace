//! A worker that can't go on ends the process, which whoever watches it starts again. It never stays ready and idle.

use crate::support::events::lives;
use crate::support::log::Log;
use crate::support::views::{folded, migrated};
use crate::support::{PATIENCE, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_failed_for_good_ends_the_process_and_says_why() {
    let stack = migrated().await;
    // Two members of one name: the broker fences the first for good as the second joins.
    let same = [("FOLDBACK__KAFKA__PROPERTIES__GROUP_INSTANCE_ID", "one"), ("FOLDBACK__WORKERS__COUNT", "1")];
    let first = stack.run_with(&same).await;
    first.ready(PATIENCE).await;
    let second = stack.run_with(&same).await;
    let ended = tokio::sync::Mutex::new((first, second));
    let status = eventually(PATIENCE, || async {
        let mut both = ended.lock().await;
        let (first, second) = &mut *both;
        first
            .exited()
            .map(|status| (status, first.log()))
            .or_else(|| Some((second.exited()?, second.log())))
            .ok_or("both go on")
    });
    let (status, log) = status.await;
    assert_eq!(status.code(), Some(1), "{log}");
    for words in ["a worker ended early", "same group.instance.id", "FencedInstanceId"] {
        assert!(log.contains(words), "no {words:?} in:\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_of_a_static_member_do_not_fence_each_other() {
    let stack = migrated().await;
    let settings = [("FOLDBACK__KAFKA__PROPERTIES__GROUP_INSTANCE_ID", "one"), ("FOLDBACK__WORKERS__COUNT", "4")];
    let running = stack.run_with(&settings).await;
    running.ready(PATIENCE).await;
    let events = lives(40, 5);
    Log::of(&stack).write(&events, 4).await;
    folded(&stack, events.len()).await;
    eventually(PATIENCE, || async {
        let text = running.metrics().await;
        let owned = text.lines().filter(|line| line.starts_with("foldback_lag_records{")).count();
        if owned == 8 { Ok(()) } else { Err(format!("{owned} of 8 partitions")) }
    })
    .await;
    assert!(!running.log().contains("Fenced"), "{}", running.log());
    running.terminate().await;
}
