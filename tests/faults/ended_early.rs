//! A worker that can't go on ends the process, which whoever watches it starts again. It never stays ready and idle.

use crate::support::PATIENCE;
use crate::support::views::migrated;
use crate::support::{Running, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_failed_for_good_ends_the_process_and_says_why() {
    let stack = migrated().await;
    let mut env = stack.env();
    // Two members of one name: the broker fences the first for good as the second joins.
    for (name, value) in [("FOLDBACK__KAFKA__PROPERTIES__GROUP_INSTANCE_ID", "one"), ("FOLDBACK__WORKERS__COUNT", "2")]
    {
        env.push((name.to_owned(), value.to_owned()));
    }
    let running = tokio::sync::Mutex::new(Running::spawn(env));
    let status = eventually(PATIENCE, || async { running.lock().await.exited().ok_or("it goes on") }).await;
    let running = running.into_inner();
    assert_eq!(status.code(), Some(1), "{}", running.log());
    for words in ["a worker ended early", "group.instance.id"] {
        assert!(running.log().contains(words), "no {words:?} in:\n{}", running.log());
    }
}
