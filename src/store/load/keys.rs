//! Builds the keys and indexes of a load's tables, at its end.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::store::error::StoreError;
use crate::store::generations::Generation;
use crate::store::generations::generation::key_statements;

/// The largest of the tables that a load fills, and complete before the others.
pub const HISTORY: &str = "provider_order_events";
/// Tables that a load fills.
pub const FILLED: [&str; 5] = [HISTORY, "provider_orders", "replays", "refills", "automation_runs"];

/// What Postgres may use to build an index.
#[derive(Debug, Clone, Copy)]
pub struct Means {
    pub memory_bytes: usize,
    /// Parallel workers besides the connection's own process.
    pub helpers: usize,
}

/// Builds the missing keys and indexes of a table. Several connections can build those of different tables in
/// parallel.
pub async fn build_keys(
    conn: &mut PgConnection,
    generation: Generation,
    table: &str,
    means: Means,
) -> Result<(), StoreError> {
    // Postgres takes 1 MB at least.
    let kilobytes = (means.memory_bytes / 1024).max(1024);
    let helpers = means.helpers;
    let sql = format!("set maintenance_work_mem = '{kilobytes}kB'; set max_parallel_maintenance_workers = {helpers}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await?;
    let of_table = format!("{}.{table} ", generation.schema());
    for statement in key_statements(generation).into_iter().filter(|statement| statement.0.contains(&of_table)) {
        if !is_there(conn, generation, &statement.0).await? {
            sqlx::query(statement).execute(&mut *conn).await?;
        }
    }
    Ok(())
}

/// Indexes are created `if not exists`; a key is looked up by its name.
async fn is_there(conn: &mut PgConnection, generation: Generation, statement: &str) -> Result<bool, StoreError> {
    let Some((_, rest)) = statement.split_once("add constraint ") else { return Ok(false) };
    let name = rest.split_whitespace().next().unwrap_or_default();
    let sql = "select exists (select from pg_constraint c join pg_namespace n on n.oid = c.connamespace
                               where n.nspname = $1 and c.conname = $2)";
    Ok(sqlx::query_scalar(sql).bind(generation.schema()).bind(name).fetch_one(conn).await?)
}

/// Gives the planner rough statistics of a table, which needs no index. At Postgres's default target this would take as
/// long as the indexes; autovacuum analyzes more closely once a tenth of the table has changed.
pub async fn analyze(conn: &mut PgConnection, generation: Generation, table: &str) -> Result<(), StoreError> {
    sqlx::query("set default_statistics_target = 30").execute(&mut *conn).await?;
    let sql = format!("analyze {}.{table}", generation.schema());
    sqlx::query(AssertSqlSafe(sql)).execute(conn).await?;
    Ok(())
}
