//! A topic that is deleted and recreated while a rebuild reads it.

use crate::faults::topic_recreated::make_anew;
use crate::rebuild::hold::in_the_middle;
use crate::rebuild::progress::long;
use crate::support::PATIENCE;
use crate::support::log::Log;

/// The new topic has more records than the old one: every position is one of its own too.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_does_not_go_on_in_another_topic_of_the_same_name() {
    let (world, events) = long().await;
    let rebuild = world.start_with(&["rebuild", "--yes", "--workers", "1"], &[("FOLDBACK__REBUILD__CUT_MS", "50")]);
    let held = in_the_middle(&world, 2).await;
    make_anew(&world.stack).await;
    let log = Log::of(&world.stack);
    log.write(&events, 4).await;
    log.write(&events, 4).await;
    drop(held);
    let ended = rebuild.wait(PATIENCE).await.exits(4);
    assert!(ended.stderr.contains("deleted and recreated"), "{}", ended.stderr);
}
