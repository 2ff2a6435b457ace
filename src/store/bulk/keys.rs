//! Keys and indexes of a load's tables, at its end.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::store::error::StoreError;
use crate::store::generation::{Generation, key_statements};

/// Tables that a load fills.
pub const ANALYZED: [&str; 5] = ["provider_order_events", "provider_orders", "replays", "refills", "automation_runs"];

/// Builds the `at`-th key or index, unless it is there already. Several connections can build at a time.
pub async fn build_key(
    conn: &mut PgConnection,
    generation: Generation,
    at: usize,
    memory_bytes: usize,
) -> Result<(), StoreError> {
    let Some(statement) = key_statements(generation).into_iter().nth(at) else { return Ok(()) };
    if is_there(conn, generation, &statement.0).await? {
        return Ok(());
    }
    // Postgres takes 1 MB at least.
    let kilobytes = (memory_bytes / 1024).max(1024);
    sqlx::query(AssertSqlSafe(format!("set maintenance_work_mem = '{kilobytes}kB'"))).execute(&mut *conn).await?;
    sqlx::query(statement).execute(conn).await?;
    Ok(())
}

/// An index says so itself; a key is looked for by its name.
async fn is_there(conn: &mut PgConnection, generation: Generation, statement: &str) -> Result<bool, StoreError> {
    let Some((_, rest)) = statement.split_once("add constraint ") else { return Ok(false) };
    let name = rest.split_whitespace().next().unwrap_or_default();
    let sql = "select exists (select from pg_constraint c join pg_namespace n on n.oid = c.connamespace
                               where n.nspname = $1 and c.conname = $2)";
    Ok(sqlx::query_scalar(sql).bind(generation.schema()).bind(name).fetch_one(conn).await?)
}

/// Tells the planner what is there.
pub async fn analyze(conn: &mut PgConnection, generation: Generation, table: &str) -> Result<(), StoreError> {
    let sql = format!("analyze {}.{table}", generation.schema());
    sqlx::query(AssertSqlSafe(sql)).execute(conn).await?;
    Ok(())
}
