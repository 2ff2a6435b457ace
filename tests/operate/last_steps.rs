//! What happens between a built generation and the cut-over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use foldback::config::{Config, Inputs};
use foldback::domain::generations::generation::Progress;
use foldback::rebuild::{Observer, RebuildError, promote};
use foldback::store::connect::Access;
use sqlx::Executor;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::support::Stack;
use crate::support::events::lives;
use crate::support::log::Log;
use crate::support::views::{folded, migrated, number};

/// One that is live, and one that is ready; how many records they hold.
async fn two_generations() -> (Stack, usize) {
    let stack = migrated().await;
    let events = lives(20, 4);
    Log::of(&stack).write(&events, 4).await;
    let running = stack.run().await;
    folded(&stack, events.len()).await;
    running.terminate().await;
    stack.foldback(&["rebuild", "--no-promote"]).await.exits(0);
    (stack, events.len())
}

/// It can't write, and live goes on. Whoever takes the fence meets the lock that the test holds, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn commits_are_not_held_up_for_a_generation_that_does_not_keep_up() {
    let (stack, records) = two_generations().await;
    let mut holding = stack.postgres().await;
    holding.execute("select pg_advisory_lock_shared(x'666f6c64'::int, 0)").await.unwrap();
    holding.execute("begin; lock table gen_2.provider_order_events in share mode").await.unwrap();
    let running = stack.run().await;
    Log::of(&stack).write(&lives(5, 4), 4).await;
    folded(&stack, records + 20).await;

    let impatient =
        [("FOLDBACK__REBUILD__CUT_OVER_TIMEOUT_MS", "2000"), ("FOLDBACK__POSTGRES__STATEMENT_TIMEOUT_MS", "3000")];
    let promoted = stack.foldback_with(&["generations", "promote", "2", "--yes"], &impatient).await.exits(1);
    assert!(promoted.stderr.contains("but the live generation is at"), "{}", promoted.stderr);

    holding.execute("rollback").await.unwrap();
    drop(holding);
    stack.foldback(&["generations", "promote", "2", "--yes"]).await.exits(0);
    running.terminate().await;
}

/// The operator answers after a while, in which the generation has come to lack a record.
struct SlowAnswer {
    stack: Arc<Stack>,
    is_asked: AtomicBool,
}

impl Observer for SlowAnswer {
    fn progress(&self, _: i32, _: &Progress) {}

    fn note(&self, _: &str) {}

    fn confirm(&self, _: &str) -> bool {
        if !self.is_asked.swap(true, Ordering::SeqCst) {
            let refusing = async {
                let sql = "insert into gen_2.dead_letters (topic, partition, \"offset\", headers, reason, detail)
                           select topic, partition, 0, '[]', 'malformed', 'a test' from gen_2.checkpoints
                            where next_offset > 0 order by topic, partition limit 1";
                self.stack.postgres().await.execute(sql).await.unwrap();
            };
            Handle::current().block_on(refusing);
            thread::sleep(Duration::from_millis(1_500));
        }
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_checked_long_before_the_answer_is_checked_again() {
    let (stack, _) = two_generations().await;
    let mut environment = stack.env();
    environment.push(("FOLDBACK__REBUILD__CUT_OVER_TIMEOUT_MS".into(), "1000".into()));
    let config = Config::load(&Inputs { environment: environment.into_iter().collect(), ..Inputs::default() }).unwrap();
    let access = Access::new(&stack.postgres_url, Duration::from_secs(5), Duration::from_secs(30)).unwrap();
    let stack = Arc::new(stack);
    let observer = Arc::new(SlowAnswer { stack: stack.clone(), is_asked: AtomicBool::new(false) });
    let outcome = promote(&config, &access, 2, false, observer, CancellationToken::new()).await;
    match outcome {
        Err(RebuildError::Checks(rebuilt)) => {
            let failed: Vec<&str> =
                rebuilt.checks.iter().filter(|check| !check.passed).map(|check| check.name).collect();
            assert_eq!(failed, ["dead_letters"]);
        }
        other => panic!("it should be checked again: {other:?}"),
    }
    assert_eq!(number(&stack, "select generation::bigint from foldback.generations where state = 'live'").await, 1);
}
