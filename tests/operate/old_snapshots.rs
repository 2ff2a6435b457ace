//! For whom a cut-over waits: those whose snapshot is older than the new generation.

use std::time::Duration;

use foldback::store::generations::{self, Moment};
use sqlx::PgConnection;

use crate::support::{PATIENCE, Stack, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_still_sees_what_was_is_waited_for() {
    let stack = Stack::new().await;
    let mut reader = stack.postgres().await;
    sqlx::raw_sql("begin isolation level repeatable read; select 1").execute(&mut reader).await.unwrap();
    let moment = moment(&stack).await;
    let found = generations::older_than(&mut stack.postgres().await, moment).await.unwrap();
    assert!(found.is_some_and(|reader| reader.contains("would find the views empty")));
    sqlx::raw_sql("commit; begin isolation level repeatable read; select 1").execute(&mut reader).await.unwrap();
    // Others who write on the same server may hold the horizon back for a while.
    eventually(PATIENCE, || async {
        sqlx::raw_sql("select pg_current_xact_id()").execute(&mut stack.postgres().await).await.unwrap();
        match generations::older_than(&mut stack.postgres().await, moment).await.unwrap() {
            None => Ok(()),
            found => Err(found),
        }
    })
    .await;
}

/// Who is no superuser sees less of others' sessions: enough to wait for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_another_role_is_waited_for_by_a_role_that_may_not_see_what_it_does() {
    let stack = Stack::new().await;
    let mut reader = stack.postgres().await;
    sqlx::raw_sql("begin isolation level repeatable read; select 1").execute(&mut reader).await.unwrap();
    let moment = moment(&stack).await;
    let mut looking = stack.postgres().await;
    // In a transaction that is never committed, so that no role is left behind.
    let role = format!("begin; create role {name}; set local role {name}", name = stack.name);
    sqlx::raw_sql(sqlx::AssertSqlSafe(role)).execute(&mut looking).await.unwrap();
    let found = generations::older_than(&mut looking, moment).await.unwrap();
    assert!(found.is_some_and(|reader| reader.contains("would find the views empty")));
}

/// A long batch at read committed: its transaction is old, its statements are not.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_began_since_is_not_waited_for_however_old_its_transaction() {
    let stack = Stack::new().await;
    let mut batch = stack.postgres().await;
    sqlx::raw_sql("begin; select 1").execute(&mut batch).await.unwrap();
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut batch).await.unwrap();
    let moment = moment(&stack).await;
    // Whoever writes on the same server may hold the horizon back for one statement, but not for all.
    for _ in 0..20 {
        let statement = tokio::spawn(async move {
            sqlx::raw_sql("select pg_sleep(2)").execute(&mut batch).await.unwrap();
            batch
        });
        let mut looking = stack.postgres().await;
        let sql =
            "select count(*) from pg_stat_activity where pid = $1 and state = 'active' and backend_xmin is not null";
        eventually(Duration::from_secs(1), || async {
            let at_work: i64 = sqlx::query_scalar(sql).bind(pid).fetch_one(&mut stack.postgres().await).await.unwrap();
            if at_work == 1 { Ok(()) } else { Err("the statement has not begun") }
        })
        .await;
        let found = generations::older_than(&mut looking, moment).await.unwrap();
        let still: i64 = sqlx::query_scalar(sql).bind(pid).fetch_one(&mut looking).await.unwrap();
        batch = statement.await.unwrap();
        if found.is_none() && still == 1 {
            return;
        }
    }
    panic!("each of its statements was waited for");
}

/// Now, with a transaction before it that an older snapshot doesn't see.
async fn moment(stack: &Stack) -> Moment {
    let mut conn: PgConnection = stack.postgres().await;
    sqlx::raw_sql("select pg_current_xact_id()").execute(&mut conn).await.unwrap();
    generations::now(&mut conn).await.unwrap()
}
