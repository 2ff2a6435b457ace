//! A cut-over gives way: to readers, and to the fold while it prepares.

use std::time::Duration;

use foldback::store::generations::{self, CutOver, Required, hold};
use sqlx::{Connection, PgConnection};
use tokio::time::sleep;

use crate::operate::copy::{copy_of_gen_1, cut_over};
use crate::operate::log::execute;
use crate::support::{PATIENCE, Stack, eventually};

const PATIENT: Duration = Duration::from_secs(60);
/// Whether the cut-over waits for a lock.
const WAITS: &str = "select count(*) from pg_stat_activity
                      where datname = current_database() and wait_event_type = 'Lock' and application_name = 'cut-over'";

/// The reader holds a view that the cut-over replaces late, and asks for one that it has replaced already.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_not_the_victim_of_a_deadlock_however_short_its_timeout() {
    let stack = migrated().await;
    let mut conn = stack.postgres().await;
    let next = copy_of_gen_1(&mut conn).await;
    execute(
        &mut conn,
        "do $$ begin execute format('alter database %I set deadlock_timeout = ''400ms''', current_database()); end $$",
    )
    .await;
    let mut reader = stack.postgres().await;
    let mut reading = reader.begin().await.unwrap();
    sqlx::query("select from foldback.dead_letters").execute(&mut *reading).await.unwrap();

    let url = stack.postgres_url.clone();
    let cutting = tokio::spawn(async move {
        generations::cut_over(&mut named(&url).await, next, Duration::from_millis(900)).await.unwrap()
    });
    eventually(PATIENCE, || async {
        let waits: i64 = sqlx::query_scalar(WAITS).fetch_one(&mut stack.postgres().await).await.unwrap();
        if waits > 0 || cutting.is_finished() { Ok(()) } else { Err("it has not come to the views") }
    })
    .await;
    // Past the moment at which the cut-over looks for a deadlock: the next one to look is the reader.
    sleep(Duration::from_millis(450)).await;
    sqlx::query("select from foldback.provider_order_events").execute(&mut *reading).await.unwrap();
    reading.commit().await.unwrap();
    match cutting.await.unwrap() {
        CutOver::InTheWay(_) => cut_over(&mut conn, next).await,
        other => panic!("a reader held a view: {other:?}"),
    }
}

/// Somebody holds a dead letter of the next generation that is to be discarded: the fold goes on all the same.
#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_applied_before_the_fold_is_held_up() {
    let stack = migrated().await;
    let mut conn = stack.postgres().await;
    sqlx::raw_sql(
        "insert into gen_1.dead_letters (topic, partition, \"offset\", headers, reason, detail)
         values ('orders', 0, 1, '[]', 'malformed', 'cut off');
         insert into foldback.discards (topic, partition, \"offset\", why) values ('orders', 0, 1, 'a test')",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    let next = copy_of_gen_1(&mut conn).await;
    let mut locking = conn.begin().await.unwrap();
    sqlx::query("select from gen_2.dead_letters for update").execute(&mut *locking).await.unwrap();

    let url = stack.postgres_url.clone();
    let cutting =
        tokio::spawn(async move { generations::cut_over(&mut named(&url).await, next, PATIENT).await.unwrap() });
    eventually(PATIENCE, || async {
        let waits: i64 = sqlx::query_scalar(WAITS).fetch_one(&mut stack.postgres().await).await.unwrap();
        if waits > 0 { Ok(()) } else { Err("it does not wait for the dead letter") }
    })
    .await;
    let mut writer = stack.postgres().await;
    let mut writing = writer.begin().await.unwrap();
    sqlx::query("set local lock_timeout = '5s'").execute(&mut *writing).await.unwrap();
    hold(&mut writing, Required::Live { generation: None, projection_version: None }).await.expect("commits go on");
    writing.rollback().await.unwrap();

    locking.rollback().await.unwrap();
    assert!(matches!(cutting.await.unwrap(), CutOver::Done { .. }));
    let open: i64 = sqlx::query_scalar("select count(*) from foldback.dead_letters where discarded_at is null")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(open, 0);
}

async fn migrated() -> Stack {
    let stack = Stack::new().await;
    stack.foldback(&["migrate"]).await.exits(0);
    stack
}

async fn named(url: &str) -> PgConnection {
    let mut conn = PgConnection::connect(url).await.unwrap();
    sqlx::query("set application_name = 'cut-over'").execute(&mut conn).await.unwrap();
    conn
}
