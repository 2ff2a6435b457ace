//! Another generation that holds what the live one holds, as a rebuild would leave it.

use std::time::Duration;

use foldback::store::Generation;
use foldback::store::generations::generation::key_statements;
use foldback::store::generations::{self, CutOver, NewGeneration};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};

const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

pub async fn copy_of_gen_1(conn: &mut PgConnection) -> Generation {
    let new = NewGeneration { created_by: "test".to_owned(), origin: json!({}), targets: json!([]), until: None };
    let copy = generations::create(conn, &new).await.unwrap();
    let tables: Vec<(String, String)> = sqlx::query_as(
        "select table_name, string_agg(quote_ident(column_name), ', ')
           from information_schema.columns join information_schema.tables using (table_schema, table_name)
          where table_schema = 'gen_1' and table_type = 'BASE TABLE' and is_generated = 'NEVER' group by table_name",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    for (table, columns) in tables {
        let to = copy.schema();
        let sql =
            format!("insert into {to}.{table} ({columns}) overriding system value select {columns} from gen_1.{table}");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *conn).await.unwrap();
    }
    for statement in key_statements(copy) {
        sqlx::query(statement).execute(&mut *conn).await.unwrap();
    }
    generations::ready(conn, copy).await.unwrap();
    copy
}

pub async fn cut_over(conn: &mut PgConnection, next: Generation) {
    done(async || generations::cut_over(conn, next, LOCK_TIMEOUT).await.unwrap()).await;
}

pub async fn roll_back(conn: &mut PgConnection, to: Generation) {
    done(async || generations::roll_back(conn, to, LOCK_TIMEOUT).await.unwrap()).await;
}

/// Readers may be in the way a few times.
async fn done(mut switch: impl AsyncFnMut() -> CutOver) {
    for _ in 0..50 {
        match switch().await {
            CutOver::Done { .. } => return,
            CutOver::InTheWay(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            CutOver::NotPossible(why) => panic!("{why}"),
        }
    }
    panic!("readers were in the way 50 times");
}
