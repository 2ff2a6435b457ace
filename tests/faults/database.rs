//! Databases as administrators make them: in another encoding, and with settings of their own.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::events::lives;
use crate::support::log::Log;
use crate::support::views::{assert_consistent, folded};
use crate::support::{PATIENCE, Stack};

/// Each would end or change what foldback does, if it were in force there.
const SETTINGS: [(&str, &str); 15] = [
    ("statement_timeout", "'1ms'"),
    ("lock_timeout", "'1ms'"),
    ("idle_in_transaction_session_timeout", "'5ms'"),
    ("idle_session_timeout", "'2s'"),
    ("default_transaction_read_only", "on"),
    ("default_transaction_isolation", "'serializable'"),
    ("default_transaction_deferrable", "on"),
    ("search_path", "nowhere"),
    ("standard_conforming_strings", "off"),
    ("bytea_output", "'escape'"),
    ("timezone", "'Asia/Kathmandu'"),
    ("datestyle", "'German'"),
    ("intervalstyle", "'postgres_verbose'"),
    ("extra_float_digits", "-15"),
    ("lc_messages", "'C'"),
];

async fn execute(conn: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_database_change_nothing() {
    let stack = Stack::new().await;
    // Not by a connection that they hold for, once they are there.
    let mut conn = stack.postgres().await;
    let version: i32 =
        sqlx::query_scalar("select current_setting('server_version_num')::int").fetch_one(&mut conn).await.unwrap();
    let newer = (version >= 170_000).then_some(("transaction_timeout", "'2ms'"));
    for (name, value) in SETTINGS.into_iter().chain(newer) {
        execute(&mut conn, format!("alter database {} set {name} = {value}", stack.name)).await;
    }
    stack.foldback(&["migrate"]).await.exits(0);
    let running = stack.run().await;
    running.ready(PATIENCE).await;
    let events = lives(20, 20);
    Log::of(&stack).write(&events, 4).await;
    let end = i64::try_from(events.len()).unwrap();
    let sql = "select coalesce(sum(next_offset), 0)::bigint from foldback.checkpoints where topic like '%-orders'";
    crate::support::eventually(PATIENCE, || async {
        let mut own = PgConnection::connect(&stack.postgres_url).await.unwrap();
        sqlx::raw_sql("set statement_timeout = 0; set idle_in_transaction_session_timeout = 0")
            .execute(&mut own)
            .await
            .map_err(|error| error.to_string())?;
        let at: i64 = sqlx::query_scalar(sql).fetch_one(&mut own).await.map_err(|error| error.to_string())?;
        if at == end { Ok(()) } else { Err(format!("{at} of {end}")) }
    })
    .await;
    stack.foldback(&["rebuild", "--yes"]).await.exits(0);
    stack.foldback(&["verify"]).await.exits(0);
    running.ready(PATIENCE).await;
    for (name, _) in SETTINGS.into_iter().chain(newer) {
        execute(&mut conn, format!("alter database {} reset {name}", stack.name)).await;
    }
    folded(&stack, events.len()).await;
    assert_consistent(&stack, events.len()).await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_another_encoding_is_refused() {
    let stack = Stack::new().await;
    for encoding in ["LATIN1", "WIN1252", "SQL_ASCII"] {
        let name = format!("{}_{}", stack.name, encoding.to_lowercase());
        let mut conn = stack.postgres().await;
        let locale = "lc_collate 'C' lc_ctype 'C'";
        execute(&mut conn, format!("create database {name} encoding '{encoding}' template template0 {locale}")).await;
        let url = stack.postgres_url.replace(&stack.name, &name);
        let there = [("FOLDBACK__POSTGRES__URL", url.as_str())];
        for verb in [&["migrate"][..], &["run"], &["rebuild", "--yes"]] {
            let output = stack.foldback_with(verb, &there).await.exits(1);
            let says = output.stderr.contains(encoding) && output.stderr.contains("template template0");
            assert!(says, "{verb:?}: {}", output.stderr);
        }
        let output = stack.foldback_with(&["doctor"], &there).await.exits(1);
        assert!(output.stdout.contains(&format!("fail  postgres encoding: database {name}")), "{}", output.stdout);
        execute(&mut conn, format!("drop database {name}")).await;
    }
}
