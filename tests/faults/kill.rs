//! The process crashes at any moment.

use tokio::time::sleep;

use crate::support::Stack;
use crate::support::events::lives;
use crate::support::log::{Log, Moments};
use crate::support::views::{assert_consistent, folded, history, migrated};

#[tokio::test(flavor = "multi_thread")]
async fn ten_crashes_in_the_middle_of_batches_lose_and_double_nothing() {
    let stack = migrated().await;
    let events = lives(500, 20);
    Log::of(&stack).write(&events, 4).await;
    // A short session, or the group waits 45 s for each member that crashed.
    let settings = [
        ("FOLDBACK__BATCH__RECORDS_MAX", "40"),
        ("FOLDBACK__WORKERS__COUNT", "2"),
        ("FOLDBACK__KAFKA__PROPERTIES__SESSION_TIMEOUT_MS", "6000"),
        ("FOLDBACK__KAFKA__PROPERTIES__HEARTBEAT_INTERVAL_MS", "500"),
    ];
    let mut moments = Moments::seeded(11);
    let mut crashes_within = 0;
    for _ in 0..10 {
        let running = stack.run_with(&settings).await;
        let before = history(&stack).await;
        // Each crash comes some while after the first batch that this process wrote, or at any moment of its start.
        if moments.below(4) > 0 {
            wrote_more(&stack, before).await;
        }
        sleep(moments.between_ms(0, 300)).await;
        running.kill();
        let after = history(&stack).await;
        crashes_within += i32::from(after > before && after < 10_000);
    }
    assert!(crashes_within >= 2, "only {crashes_within} crashes came while events were folded");
    let running = stack.run_with(&settings).await;
    folded(&stack, events.len()).await;
    assert_consistent(&stack, events.len()).await;
    running.terminate().await;
}

async fn wrote_more(stack: &Stack, before: i64) {
    if before < 10_000 {
        crate::support::eventually(crate::support::PATIENCE, || async {
            let rows = history(stack).await;
            if rows > before { Ok(()) } else { Err(format!("still {rows} rows")) }
        })
        .await;
    }
}
