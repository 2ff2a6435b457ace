//! Postgres is there and says nothing: a server that hangs, or one that has forgotten its connections without a word.

use crate::support::events::lives;
use crate::support::log::Log;
use crate::support::views::{assert_consistent, folded, migrated, number, readyz_says};
use crate::support::{PATIENCE, Proxy, Running, Stack, eventually};

/// Five seconds beyond the statement timeout.
const SILENCE: &str = "Postgres did not answer within 6 s";

async fn run(stack: &Stack, proxy: &Proxy) -> Running {
    let settings = [
        ("FOLDBACK__POSTGRES__URL", proxy.url()),
        ("FOLDBACK__POSTGRES__STATEMENT_TIMEOUT_MS", "1000"),
        ("FOLDBACK__POSTGRES__CONNECT_TIMEOUT_MS", "1000"),
        ("FOLDBACK__BATCH__RECORDS_MAX", "100"),
        ("FOLDBACK__RETRY__MAX_MS", "500"),
        ("FOLDBACK__WORKERS__COUNT", "1"),
        // Others may have told of it before.
        ("FOLDBACK__LOG__LEVEL", "debug"),
    ];
    let running = stack.run_with(&settings).await;
    running.ready(PATIENCE).await;
    running
}

/// What a worker itself says.
async fn worker_says(running: &Running, sentence: &str) {
    eventually(PATIENCE, || async {
        let log = running.log();
        let says = log.lines().any(|line| line.contains("worker") && line.contains(sentence));
        if says { Ok(()) } else { Err(log) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_freezes_is_told_and_folded_into_once_it_thaws() {
    let stack = migrated().await;
    let mut proxy = Proxy::to(&stack.postgres_url).await;
    let running = run(&stack, &proxy).await;
    let events = lives(120, 20);
    let log = Log::of(&stack);
    let (in_flight, rest) = events.split_at(1_200);
    let writing = log.write(in_flight, 4);
    let freezing = async {
        // Some are folded, so that it happens in the midst of the others.
        eventually(PATIENCE, || async {
            if crate::support::views::history(&stack).await > 0 { Ok(()) } else { Err("nothing is folded") }
        })
        .await;
        proxy.freeze();
    };
    tokio::join!(writing, freezing);
    readyz_says(&running, PATIENCE, 503, "\"postgres\"").await;
    proxy.mend().await;
    folded(&stack, in_flight.len()).await;
    running.ready(PATIENCE).await;

    // Now with nothing under way.
    proxy.freeze();
    log.write(rest, 4).await;
    readyz_says(&running, PATIENCE, 503, "\"postgres\"").await;
    worker_says(&running, SILENCE).await;
    proxy.mend().await;
    folded(&stack, events.len()).await;
    assert_consistent(&stack, events.len()).await;
    running.ready(PATIENCE).await;
    running.terminate().await;
}

/// Nobody gives these connections back, not even by closing them.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_server_has_forgotten_are_replaced() {
    let stack = migrated().await;
    let proxy = Proxy::to(&stack.postgres_url).await;
    let running = run(&stack, &proxy).await;
    let events = lives(20, 20);
    let log = Log::of(&stack);
    let (before, after) = events.split_at(200);
    log.write(before, 4).await;
    folded(&stack, before.len()).await;
    // The API's pool, too.
    let orders = "/api/v1/fulfillment/replays?limit=1";
    running.json(orders).await;
    proxy.half_open();
    log.write(after, 4).await;
    folded(&stack, events.len()).await;
    assert_consistent(&stack, events.len()).await;
    eventually(PATIENCE, || async {
        let response = running.get(orders).await.ok_or_else(|| "no answer".to_owned())?;
        if response.status().is_success() { Ok(()) } else { Err(response.text().await.unwrap_or_default()) }
    })
    .await;
    running.ready(PATIENCE).await;
    running.terminate().await;
}

/// Each of them has connected, and waits for an answer when the server freezes.
#[tokio::test(flavor = "multi_thread")]
async fn commands_that_ask_one_thing_end_when_the_server_freezes() {
    let stack = migrated().await;
    let mut proxy = Proxy::to(&stack.postgres_url).await;
    let mut holder = stack.postgres().await;
    sqlx::raw_sql("begin; lock table foldback.generations").execute(&mut holder).await.unwrap();
    let url = proxy.url().to_owned();
    let settings = [
        ("FOLDBACK__POSTGRES__URL", url.as_str()),
        ("FOLDBACK__POSTGRES__STATEMENT_TIMEOUT_MS", "1000"),
        ("FOLDBACK__POSTGRES__CONNECT_TIMEOUT_MS", "30000"),
    ];
    let order = uuid::Uuid::now_v7().to_string();
    let commands =
        [&["status"][..], &["backlog"], &["order", &order], &["dead-letters", "list"], &["generations", "list"]];
    for command in commands {
        let running = stack.start_with(command, &settings);
        // Before the server's own limit ends the statement.
        eventually(PATIENCE, || async {
            let waiting =
                "select count(*) from pg_locks where not granted and relation = 'foldback.generations'::regclass";
            if number(&stack, waiting).await > 0 { Ok(()) } else { Err("it asks nothing") }
        })
        .await;
        proxy.freeze();
        let output = running.wait(PATIENCE).await.exits(1);
        assert!(output.stderr.contains(SILENCE), "{command:?}: {}", output.stderr);
        proxy.mend().await;
    }
}
