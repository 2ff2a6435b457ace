//! Records at which an operator lets a streak of rejections pass the flood guard.

use std::collections::HashSet;

use sqlx::postgres::PgConnection;

use super::new_log::IS_OF_AN_OLDER_LOG;
use crate::store::error::StoreError;
use crate::store::generations::Generation;

/// The allowed records of a partition, from an offset on, as far as the generation is of the log that they were said of.
pub async fn allowances(
    conn: &mut PgConnection,
    generation: Generation,
    topic: &str,
    partition: i32,
    from_offset: i64,
) -> Result<HashSet<i64>, StoreError> {
    let older = IS_OF_AN_OLDER_LOG.replace("{decided_at}", "decided.allowed_at");
    let sql = format!(
        "select \"offset\" from foldback.flood_allowances decided
          where topic = $1 and partition = $2 and \"offset\" >= $3 and not {older}"
    );
    let offsets: Vec<i64> =
        sqlx::query_scalar(generation.sql(&sql)).bind(topic).bind(partition).bind(from_offset).fetch_all(conn).await?;
    Ok(offsets.into_iter().collect())
}

/// Lets the streak pass at this record, in every generation. Returns `false` if it was already allowed.
pub async fn allow(conn: &mut PgConnection, topic: &str, partition: i32, offset: i64) -> Result<bool, StoreError> {
    let sql = "insert into foldback.flood_allowances (topic, partition, \"offset\") values ($1, $2, $3)
               on conflict do nothing";
    let done = sqlx::query(sql).bind(topic).bind(partition).bind(offset).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}
