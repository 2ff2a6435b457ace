//! A trial load, to measure how long a load takes.

use sqlx::postgres::PgConnection;

use super::batch::HistoryBatch;
use crate::store::error::StoreError;
use crate::store::generations::generation;
use crate::store::tables::history;

/// Writes history rows into a table that ends with the transaction.
pub async fn try_history(conn: &mut PgConnection, batch: &HistoryBatch) -> Result<(), StoreError> {
    let live = generation::live(conn).await?;
    sqlx::query("begin").execute(&mut *conn).await?;
    let table = "create temp table provider_order_events on commit drop as
                 select * from {schema}.provider_order_events with no data";
    sqlx::query(live.sql(table)).execute(&mut *conn).await?;
    history::append_encoded(conn, "pg_temp.provider_order_events", batch.rows(0, batch.events().len())).await?;
    sqlx::query("rollback").execute(conn).await?;
    Ok(())
}
