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
    history::copy_bare(conn, live, batch.rows(0, batch.events().len())).await?;
    sqlx::query("rollback").execute(conn).await?;
    Ok(())
}
