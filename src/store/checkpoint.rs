//! Checkpoints: how far each partition is folded, and who may fold it on.

use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::error::StoreError;
use super::generation::Generation;
use crate::domain::change::Streak;
use crate::domain::partition::StreamPartition;
use crate::domain::record::Topics;
use crate::domain::rejection::Reason;

/// A partition that is ours until somebody claims it after us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub of: StreamPartition,
    pub owner_epoch: i64,
    pub next_offset: i64,
    pub streak: Option<Streak>,
}

/// How a commit moves a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    pub of: StreamPartition,
    pub owner_epoch: i64,
    pub from: i64,
    pub to: i64,
    pub streak: Option<Streak>,
}

/// Claims a partition: waits for an old owner's commit in flight, and fences the old owner. One that was never
/// folded starts at `log_start`.
pub async fn claim(
    conn: &mut PgConnection,
    generation: Generation,
    topics: &Topics,
    of: StreamPartition,
    log_start: i64,
) -> Result<Claim, StoreError> {
    let sql = "insert into {schema}.checkpoints as stored (topic, partition, next_offset, owner_epoch)
               values ($1, $2, $3, 1)
               on conflict (topic, partition) do update set owner_epoch = stored.owner_epoch + 1
               returning next_offset, owner_epoch, streak_reason, streak_count";
    let row = sqlx::query(generation.sql(sql))
        .bind(topics.name(of.stream))
        .bind(of.partition)
        .bind(log_start)
        .fetch_one(conn)
        .await?;
    let reason: Option<&str> = row.try_get("streak_reason")?;
    let count = row.try_get("streak_count")?;
    Ok(Claim {
        of,
        owner_epoch: row.try_get("owner_epoch")?,
        next_offset: row.try_get("next_offset")?,
        streak: reason.and_then(Reason::parse).map(|reason| Streak { reason, count }),
    })
}

/// Moves every partition, or none: an error if one of them has been claimed or moved by another hand.
pub async fn advance(
    conn: &mut PgConnection,
    generation: Generation,
    topics: &Topics,
    advances: &[Advance],
) -> Result<(), StoreError> {
    let sql = "update {schema}.checkpoints as stored
                  set next_offset = moved.next_offset, updated_at = now(),
                      streak_reason = moved.streak_reason, streak_count = moved.streak_count
                 from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[])
                      as moved (topic, partition, owner_epoch, from_offset, next_offset, streak_reason, streak_count)
                where stored.topic = moved.topic and stored.partition = moved.partition
                  and stored.owner_epoch = moved.owner_epoch and stored.next_offset = moved.from_offset";
    fn column<T>(advances: &[Advance], value: impl Fn(&Advance) -> T) -> Vec<T> {
        advances.iter().map(value).collect()
    }
    let done = sqlx::query(generation.sql(sql))
        .bind(column(advances, |advance| topics.name(advance.of.stream).to_owned()))
        .bind(column(advances, |advance| advance.of.partition))
        .bind(column(advances, |advance| advance.owner_epoch))
        .bind(column(advances, |advance| advance.from))
        .bind(column(advances, |advance| advance.to))
        .bind(column(advances, |advance| advance.streak.map(|streak| streak.reason.as_str())))
        .bind(column(advances, |advance| advance.streak.map_or(0, |streak| streak.count)))
        .execute(conn)
        .await?;
    let (expected, written) = (advances.len() as u64, done.rows_affected());
    if written == expected {
        return Ok(());
    }
    Err(StoreError::Stale { table: "checkpoints", expected, written })
}
