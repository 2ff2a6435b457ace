//! Records at which an operator lets a streak of refusals pass.

use sqlx::postgres::PgConnection;

use super::error::StoreError;

/// Whether the record may be refused however long the streak before it.
pub async fn is_allowed(conn: &mut PgConnection, topic: &str, partition: i32, offset: i64) -> Result<bool, StoreError> {
    let sql = "select exists (select 1 from foldback.flood_allowances
                               where topic = $1 and partition = $2 and \"offset\" = $3)";
    Ok(sqlx::query_scalar(sql).bind(topic).bind(partition).bind(offset).fetch_one(conn).await?)
}

/// Lets the streak pass at this record, in every generation. `false` if it was allowed before.
pub async fn allow(conn: &mut PgConnection, topic: &str, partition: i32, offset: i64) -> Result<bool, StoreError> {
    let sql = "insert into foldback.flood_allowances (topic, partition, \"offset\") values ($1, $2, $3)
               on conflict do nothing";
    let done = sqlx::query(sql).bind(topic).bind(partition).bind(offset).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}
