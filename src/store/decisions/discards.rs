//! Dead letters that an operator discarded: a decision about a record, which applies to every generation.

use chrono::{DateTime, Utc};
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::new_log::IS_OF_AN_OLDER_LOG;
use crate::domain::log::position::Position;
use crate::domain::timestamp::Timestamp;
use crate::store::error::StoreError;
use crate::store::generations::{Generation, Required, hold};

/// A stored decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discard {
    pub topic: String,
    pub position: Position,
    pub discarded_at: Timestamp,
    pub why: String,
}

/// Discards a dead letter of the live generation, in one transaction; `None` if there is no such id. One that is
/// already discarded keeps its time and gets the new reason.
pub async fn discard(conn: &mut PgConnection, id: i64, why: &str) -> Result<Option<Discard>, StoreError> {
    let mut tx = conn.begin().await?;
    let discarded = discard_in(&mut tx, id, why).await;
    match discarded {
        Ok(Some(discard)) => {
            tx.commit().await?;
            Ok(Some(discard))
        }
        other => {
            tx.rollback().await?;
            other
        }
    }
}

async fn discard_in(conn: &mut PgConnection, id: i64, why: &str) -> Result<Option<Discard>, StoreError> {
    let live = hold(conn, Required::Live { generation: None, projection_version: None }).await?;
    let sql = "select topic, partition, \"offset\" from {schema}.dead_letters where id = $1 for update";
    let row: Option<(String, i32, i64)> = sqlx::query_as(live.sql(sql)).bind(id).fetch_optional(&mut *conn).await?;
    let Some((topic, partition, offset)) = row else { return Ok(None) };
    let sql = "insert into foldback.discards (topic, partition, \"offset\", why) values ($1, $2, $3, $4)
               on conflict (topic, partition, \"offset\") do update set why = excluded.why
               returning discarded_at";
    let discarded_at: DateTime<Utc> =
        sqlx::query_scalar(sql).bind(&topic).bind(partition).bind(offset).bind(why).fetch_one(&mut *conn).await?;
    let sql = "update {schema}.dead_letters set discarded_at = $2 where id = $1";
    sqlx::query(live.sql(sql)).bind(id).bind(discarded_at).execute(conn).await?;
    Ok(Some(Discard {
        topic,
        position: Position { partition, offset },
        discarded_at: Timestamp::from_datetime(discarded_at),
        why: why.to_owned(),
    }))
}

/// Applies every decision to the dead letters of a generation. Returns how many were open until now.
pub async fn apply(conn: &mut PgConnection, generation: Generation) -> Result<u64, StoreError> {
    apply_where(conn, generation, "true").await
}

/// The same for the newest decisions, after `apply` has dealt with the others: no transaction that makes one lasts for a
/// day. They are few, so that no more dead letters than theirs are looked up.
pub(in crate::store) async fn apply_newest(conn: &mut PgConnection, generation: Generation) -> Result<u64, StoreError> {
    apply_where(conn, generation, "decided.discarded_at > now() - interval '1 day'").await
}

async fn apply_where(conn: &mut PgConnection, generation: Generation, which: &str) -> Result<u64, StoreError> {
    let sql = format!(
        "update {{schema}}.dead_letters as letter set discarded_at = decided.discarded_at
           from foldback.discards as decided
          where letter.topic = decided.topic and letter.partition = decided.partition
            and letter.\"offset\" = decided.\"offset\" and letter.discarded_at is null and {which} and not {}",
        older()
    );
    Ok(sqlx::query(generation.sql(&sql)).execute(conn).await?.rows_affected())
}

/// The same for the records of one commit: after a rollback, the fold meets records that were decided on while another
/// generation was live.
pub(in crate::store) async fn apply_at(
    conn: &mut PgConnection,
    generation: Generation,
    records: &[(&str, Position)],
) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "update {{schema}}.dead_letters as letter set discarded_at = decided.discarded_at
           from foldback.discards as decided
                join unnest($1::text[], $2::int[], $3::bigint[]) as record (topic, partition, \"offset\")
                on record.topic = decided.topic and record.partition = decided.partition
                   and record.\"offset\" = decided.\"offset\"
          where letter.topic = decided.topic and letter.partition = decided.partition
            and letter.\"offset\" = decided.\"offset\" and letter.discarded_at is null and not {}",
        older()
    );
    sqlx::query(generation.sql(&sql))
        .bind(records.iter().map(|(topic, _)| *topic).collect::<Vec<_>>())
        .bind(records.iter().map(|(_, position)| position.partition).collect::<Vec<_>>())
        .bind(records.iter().map(|(_, position)| position.offset).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}

fn older() -> String {
    IS_OF_AN_OLDER_LOG.replace("{decided_at}", "decided.discarded_at")
}
