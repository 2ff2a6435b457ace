//! Verifications by `foldback run`, beside its fold.

use std::time::Duration;

use foldback::config::{Config, Inputs};
use foldback::observe::{Readiness, health};
use foldback::store::connect::Access;
use foldback::verify::schedule::Schedule;
use tokio_util::sync::CancellationToken;

use crate::operate::log::{execute, folded, number, publish, stack};
use crate::support::views::{metric, metric_sum, readyz, readyz_says};
use crate::support::{PATIENCE, Stack, eventually};

const EVERY: (&str, &str) = ("FOLDBACK__VERIFY__EVERY_MS", "1000");
const RATE: &str = "FOLDBACK__VERIFY__SCHEDULED_RECORDS_PER_SECOND_MAX";
/// A transaction of a load may be idle for a minute longer.
const CUT: (&str, &str) = ("FOLDBACK__REBUILD__CUT_MS", "1000");
const BEGUN: &str = "select count(*) from foldback.verifications where result is null";
const SHADOWS: &str = "select count(*) from foldback.generations where generation < 0";
const LOCK: &str = "select pg_advisory_lock(x'666f6c6476657269'::bigint)";
const UNLOCK: &str = "select pg_advisory_unlock(x'666f6c6476657269'::bigint)";

/// Folded before a verification may begin: one that began earlier would find both sides empty, and end at once.
async fn folded_already(records: u32) -> Stack {
    let stack = stack().await;
    publish(&stack, records, 5).await;
    let running = stack.run().await;
    folded(&stack, 1).await;
    running.terminate().await;
    stack
}

async fn waits_for(stack: &Stack, what: &str, sql: &str, at_least: i64) {
    eventually(PATIENCE, || async {
        let seen = number(&mut stack.postgres().await, sql).await;
        if seen >= at_least { Ok(()) } else { Err(format!("{seen} {what}")) }
    })
    .await;
}

async fn equal(stack: &Stack, at_least: i64) {
    let sql = "select count(*) from foldback.verifications where result = 'equal' and started_by like 'run%'";
    waits_for(stack, "equal", sql, at_least).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn run_proves_its_views_and_says_loudly_when_they_are_wrong() {
    let stack = stack().await;
    publish(&stack, 300, 5).await;
    let running = stack.run_with(&[EVERY]).await;
    equal(&stack, 2).await;
    folded(&stack, 1).await;
    let success = "foldback_verify_last_success_timestamp_seconds ";
    eventually(PATIENCE, || async { metric(&running, success).await.ok_or("no proof yet") }).await;
    assert!(running.log().contains("no differences"), "{}", running.log());

    execute(&mut stack.postgres().await, "update gen_1.replays set error = 'tampered'").await;
    readyz_says(&running, PATIENCE, 200, "differences between generation 1 and the log").await;
    eventually(PATIENCE, || async {
        let found = metric(&running, "foldback_verify_differences ").await;
        found.filter(|found| *found > 0.0).ok_or(format!("{found:?}"))
    })
    .await;
    let log = running.log();
    assert!(log.lines().any(|line| line.contains("WARN") && line.contains("a rebuild mends them")), "{log}");
    assert!(log.contains("view=\"replays\"") && !log.contains("tampered"), "names keys, and no values: {log}");
    // What a verification folds is not counted as what readers get.
    publish(&stack, 50, 6).await;
    folded(&stack, 1).await;
    let counted = metric_sum(&running, "foldback_records_total").await;
    let records = number(&mut stack.postgres().await, "select sum(next_offset)::bigint from gen_1.checkpoints").await;
    assert_eq!(counted, records as f64);
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_instances_one_verifies_at_a_time() {
    let stack = stack().await;
    publish(&stack, 300, 5).await;
    let settings = [EVERY, (RATE, "150")];
    let (one, other) = (stack.run_with(&settings).await, stack.run_with(&settings).await);
    equal(&stack, 3).await;
    let overlaps = "select count(*) from foldback.verifications one, foldback.verifications other
                     where one.id < other.id and other.started_at < one.finished_at";
    assert_eq!(number(&mut stack.postgres().await, overlaps).await, 0);
    let failed = "select count(*) from foldback.verifications where result = 'failed'";
    assert_eq!(number(&mut stack.postgres().await, failed).await, 0);
    for running in [one, other] {
        let (status, body) = readyz(&running).await;
        assert!(status == 200 && !body.to_string().contains("verif"), "{body}");
        running.terminate().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_that_was_killed_leaves_the_next_one_able_to_run() {
    let stack = folded_already(400).await;
    let running = stack.run_with(&[EVERY, (RATE, "10")]).await;
    waits_for(&stack, "verifications", BEGUN, 1).await;
    waits_for(&stack, "shadows", SHADOWS, 1).await;
    running.kill();
    let next = stack.run_with(&[EVERY]).await;
    equal(&stack, 1).await;
    next.terminate().await;
    let interrupted =
        "select count(*) from foldback.verifications where result = 'failed' and failure like 'interrupted%'";
    let mut postgres = stack.postgres().await;
    assert_eq!(number(&mut postgres, interrupted).await, 1);
    assert_eq!((number(&mut postgres, BEGUN).await, number(&mut postgres, SHADOWS).await), (0, 0));
}

/// Its connections stay open for as long as it is stopped.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_frozen_in_a_verification_holds_up_no_other() {
    let loads = "select count(*) from pg_tables where schemaname like 'shadow%' and tablename = 'load_marker'";
    holds_up_no_other(loads).await;
}

/// Often in the transaction that begins the load, whose locks the next one waits for until Postgres ends it.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_frozen_as_a_verification_begins_holds_up_no_other() {
    holds_up_no_other(SHADOWS).await;
}

async fn holds_up_no_other(frozen_once: &str) {
    let stack = folded_already(400).await;
    let frozen = stack.run_with(&[EVERY, (RATE, "10"), CUT]).await;
    waits_for(&stack, "loads", frozen_once, 1).await;
    frozen.signal("STOP");
    let next = stack.run_with(&[EVERY, CUT]).await;
    equal(&stack, 1).await;
    frozen.signal("CONT");
    next.terminate().await;
    frozen.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_a_verification_at_once_and_leaves_nothing() {
    let stack = folded_already(400).await;
    let running = stack.run_with(&[EVERY, (RATE, "10")]).await;
    waits_for(&stack, "shadows", SHADOWS, 1).await;
    // Within ten seconds, of the forty that it would take.
    running.terminate().await;
    let mut postgres = stack.postgres().await;
    assert_eq!((number(&mut postgres, BEGUN).await, number(&mut postgres, SHADOWS).await), (0, 0));
    assert_eq!(number(&mut postgres, "select count(*) from foldback.verifications").await, 0);
}

/// Its check would wait for the lock.
#[tokio::test(flavor = "multi_thread")]
async fn a_verification_gives_way_to_a_rebuild() {
    let stack = folded_already(3_000).await;
    // Five minutes, which is longer than a command may take here.
    let running = stack.run_with(&[EVERY, (RATE, "10")]).await;
    waits_for(&stack, "shadows", SHADOWS, 1).await;
    stack.foldback(&["rebuild", "--yes"]).await.exits(0);
    waits_for(&stack, "verifications of the new generation", &format!("{BEGUN} and generation = 2"), 1).await;
    let of_the_old = "select coalesce(string_agg(concat_ws(' ', result, started_by, failure), '; '), '')
                        from foldback.verifications where generation = 1";
    let said: String = sqlx::query_scalar(of_the_old).fetch_one(&mut stack.postgres().await).await.unwrap();
    assert_eq!(said, "", "it said nothing");
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_that_can_not_begin_says_so_until_it_can() {
    let stack = stack().await;
    publish(&stack, 50, 5).await;
    let mut holder = stack.postgres().await;
    execute(&mut holder, LOCK).await;
    let running = stack.run_with(&[EVERY]).await;
    readyz_says(&running, PATIENCE, 200, "a verification is due and can't begin").await;
    let condition = "foldback_condition{name=\"verify\",severity=\"degraded\"}";
    assert_eq!(metric(&running, condition).await, Some(1.0));
    assert!(running.log().contains("degraded: a verification is due"), "{}", running.log());
    execute(&mut holder, UNLOCK).await;
    equal(&stack, 1).await;
    eventually(PATIENCE, || async {
        let shown = metric(&running, condition).await;
        if shown.is_none() { Ok(()) } else { Err("still degraded") }
    })
    .await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_away_is_told_and_recorded() {
    let stack = stack().await;
    let mut env = stack.env();
    env.retain(|(name, _)| name != "FOLDBACK__KAFKA__BROKERS");
    env.extend([("FOLDBACK__KAFKA__BROKERS", "127.0.0.1:1"), EVERY].map(|(name, value)| (name.into(), value.into())));
    let config = Config::load(&Inputs { environment: env, ..Inputs::default() }).unwrap();
    let access = Access::new(&stack.postgres_url, Duration::from_secs(5), Duration::from_secs(30)).unwrap();
    let (readiness, stop) = (Readiness::default(), CancellationToken::new());
    let schedule = Schedule::new(&config, &access, &readiness).expect("it is wanted");
    let verifying = tokio::spawn(schedule.run(stop.clone()));
    eventually(PATIENCE, || async {
        let told = readiness.conditions().remove(health::VERIFY);
        told.filter(|it| it.detail.contains("failed")).ok_or("not told")
    })
    .await;
    assert!(readiness.is_ready());
    let failed = "select count(*) from foldback.verifications where result = 'failed' and failure <> ''";
    assert!(number(&mut stack.postgres().await, failed).await >= 1);
    stop.cancel();
    verifying.await.unwrap();
}
