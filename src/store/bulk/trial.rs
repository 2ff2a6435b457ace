//! A load tried out, to learn how long it takes.

use sqlx::postgres::PgConnection;

use crate::domain::change::HistoryEntry;
use crate::domain::record::Topics;
use crate::store::error::StoreError;
use crate::store::generation;
use crate::store::history;

/// Writes history rows into a table that is gone with the transaction.
pub async fn try_history(
    conn: &mut PgConnection,
    topics: &Topics,
    entries: &[&HistoryEntry],
) -> Result<(), StoreError> {
    let live = generation::live(conn).await?;
    sqlx::query("begin").execute(&mut *conn).await?;
    let table = "create temp table provider_order_events on commit drop as
                 select * from {schema}.provider_order_events with no data";
    sqlx::query(live.sql(table)).execute(&mut *conn).await?;
    history::append_to(conn, "pg_temp.provider_order_events", &topics.orders, entries).await?;
    sqlx::query("rollback").execute(conn).await?;
    Ok(())
}
