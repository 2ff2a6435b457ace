//! Postgres fails over to a server that lacks the last commits, and nothing is published after that.

use crate::support::events::lives;
use crate::support::log::Log;
use crate::support::views::{assert_consistent, folded, metric_sum};
use crate::support::{OwnPostgres, PATIENCE, Servers, Stack, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_postgres_has_lost_are_folded_again_though_nothing_comes() {
    let mut postgres = OwnPostgres::start().await;
    let servers = Servers { postgres: postgres.url(), ..Servers::from_env() };
    let stack = Stack::on(servers, 4).await;
    stack.foldback(&["migrate"]).await.exits(0);
    let settings = [("FOLDBACK__WORKERS__COUNT", "2"), ("FOLDBACK__RETRY__MAX_MS", "1000")];
    let running = stack.run_with(&settings).await;
    running.ready(PATIENCE).await;
    let events = lives(20, 20);
    let (before, after) = events.split_at(200);
    let log = Log::of(&stack);
    log.write(before, 4).await;
    folded(&stack, before.len()).await;
    postgres.stop();
    postgres.snapshot();
    postgres.start_again().await;
    log.write(after, 4).await;
    folded(&stack, events.len()).await;

    postgres.kill();
    postgres.promote_snapshot();
    postgres.start_again().await;
    folded(&stack, events.len()).await;
    assert_consistent(&stack, events.len()).await;
    let log = running.log();
    assert!(log.contains("Postgres has lost commits"), "{log}");
    eventually(PATIENCE, || async {
        let lag = metric_sum(&running, "foldback_lag_records").await;
        if lag == 0.0 { Ok(()) } else { Err(format!("lag {lag}")) }
    })
    .await;
    running.ready(PATIENCE).await;
    running.terminate().await;
}
