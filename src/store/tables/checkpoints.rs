//! Checkpoints: how far each partition is folded, and who owns it.

use sqlx::Row;
use sqlx::postgres::PgConnection;

use crate::domain::change::Streak;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::{LogPosition, RecordMark};
use crate::domain::log::record::Topics;
use crate::domain::log::rejection::Reason;
use crate::store::error::StoreError;
use crate::store::generations::Generation;

/// A partition that is ours until another worker claims it (`owner_epoch` is the fencing token).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub partition: StreamPartition,
    pub owner_epoch: i64,
    pub next_offset: i64,
    /// The log's leader epoch just before `next_offset`; `None` if it isn't known.
    pub leader_epoch: Option<i32>,
    /// The last record before `next_offset`; `None` if it isn't known.
    pub last_record: Option<RecordMark>,
    pub streak: Option<Streak>,
}

impl Claim {
    pub fn position(&self) -> LogPosition {
        let Claim { next_offset, leader_epoch, last_record, .. } = *self;
        LogPosition { next_offset, leader_epoch, last_record }
    }
}

/// How a commit moves a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    pub partition: StreamPartition,
    pub owner_epoch: i64,
    pub from: i64,
    pub to: i64,
    /// The log's leader epoch just before `to`; `None` if it isn't known.
    pub leader_epoch: Option<i32>,
    /// The last record before `to`; `None` if it isn't known.
    pub last_record: Option<RecordMark>,
    pub streak: Option<Streak>,
}

/// What the log says about a partition that is to be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStart {
    pub partition: StreamPartition,
    /// Its first offset: the start of a partition that was never folded.
    pub log_start: i64,
    /// `None` if the cluster doesn't report it; then it is not checked.
    pub topic_id: Option<String>,
}

/// Claims a partition: waits for the previous owner's commit in flight, then fences that owner. Fails with
/// `TopicRecreated`, and changes nothing, if the checkpoint belongs to an earlier topic of the same name.
pub async fn claim(
    conn: &mut PgConnection,
    generation: Generation,
    topics: &Topics,
    found: &LogStart,
) -> Result<Claim, StoreError> {
    let sql = "insert into {schema}.checkpoints as stored (topic, partition, next_offset, owner_epoch, topic_id)
               values ($1, $2, $3, 1, $4)
               on conflict (topic, partition) do update
                  set owner_epoch = stored.owner_epoch + 1, topic_id = coalesce(stored.topic_id, excluded.topic_id)
                where coalesce(stored.topic_id = excluded.topic_id, true)
               returning next_offset, owner_epoch, streak_reason, streak_count,
                         case when leader_epoch_offset = next_offset then leader_epoch end as leader_epoch,
                         case when leader_epoch_offset = next_offset then last_record_offset end as last_record_offset,
                         last_record_millis";
    let partition = found.partition;
    let row = sqlx::query(generation.sql(sql))
        .bind(topics.name(partition.stream))
        .bind(partition.index)
        .bind(found.log_start)
        .bind(&found.topic_id)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(row) = row else { return Err(recreated(conn, generation, topics, found).await?) };
    let reason: Option<&str> = row.try_get("streak_reason")?;
    let count = row.try_get("streak_count")?;
    Ok(Claim {
        partition,
        owner_epoch: row.try_get("owner_epoch")?,
        next_offset: row.try_get("next_offset")?,
        leader_epoch: row.try_get("leader_epoch")?,
        last_record: record_mark(row.try_get("last_record_offset")?, row.try_get("last_record_millis")?),
        streak: reason.and_then(Reason::parse).map(|reason| Streak { reason, count }),
    })
}

/// As it is stored.
pub fn record_mark(offset: Option<i64>, millis: Option<i64>) -> Option<RecordMark> {
    Some(RecordMark { offset: offset?, millis: millis? })
}

/// Why a claim was refused.
async fn recreated(
    conn: &mut PgConnection,
    generation: Generation,
    topics: &Topics,
    found: &LogStart,
) -> Result<StoreError, StoreError> {
    let sql = "select coalesce(topic_id, '') from {schema}.checkpoints where topic = $1 and partition = $2";
    let topic = topics.name(found.partition.stream);
    let stored =
        sqlx::query_scalar(generation.sql(sql)).bind(topic).bind(found.partition.index).fetch_one(conn).await?;
    let found = found.topic_id.clone().unwrap_or_default();
    Ok(StoreError::TopicRecreated { topic: topic.to_owned(), stored, found })
}

/// A partition whose checkpoint is older than what was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostCommits {
    pub partition: StreamPartition,
    pub committed: i64,
    /// `None`: there is no checkpoint any more.
    pub stored: Option<i64>,
}

/// Which claims Postgres has forgotten, or commits under them. Within a generation nothing else takes a checkpoint back.
pub async fn lost_commits(
    conn: &mut PgConnection,
    generation: Generation,
    topics: &Topics,
    claims: &[Claim],
) -> Result<Vec<LostCommits>, StoreError> {
    let sql = "select ours.number, stored.next_offset
                 from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
                      with ordinality as ours (topic, partition, owner_epoch, next_offset, number)
                 left join {schema}.checkpoints as stored using (topic, partition)
                where stored.topic is null
                   or stored.next_offset < ours.next_offset or stored.owner_epoch < ours.owner_epoch";
    let rows = sqlx::query(generation.sql(sql))
        .bind(column(claims, |claim| topics.name(claim.partition.stream).to_owned()))
        .bind(column(claims, |claim| claim.partition.index))
        .bind(column(claims, |claim| claim.owner_epoch))
        .bind(column(claims, |claim| claim.next_offset))
        .fetch_all(conn)
        .await?;
    let mut lost = Vec::new();
    for row in rows {
        let number: i64 = row.try_get(0)?;
        if let Some(claim) = claims.get(number as usize - 1) {
            let Claim { partition, next_offset: committed, .. } = *claim;
            lost.push(LostCommits { partition, committed, stored: row.try_get(1)? });
        }
    }
    Ok(lost)
}

fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// Moves all partitions or none: fails if another worker has claimed or moved one of them.
pub async fn advance(
    conn: &mut PgConnection,
    generation: Generation,
    topics: &Topics,
    advances: &[Advance],
) -> Result<(), StoreError> {
    let sql = "update {schema}.checkpoints as stored
                  set next_offset = moved.next_offset, updated_at = now(),
                      leader_epoch = moved.leader_epoch, leader_epoch_offset = moved.next_offset,
                      last_record_offset = moved.last_record_offset, last_record_millis = moved.last_record_millis,
                      streak_reason = moved.streak_reason, streak_count = moved.streak_count
                 from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[],
                             $8::int[], $9::bigint[], $10::bigint[])
                      as moved (topic, partition, owner_epoch, from_offset, next_offset, streak_reason, streak_count,
                                leader_epoch, last_record_offset, last_record_millis)
                where stored.topic = moved.topic and stored.partition = moved.partition
                  and stored.owner_epoch = moved.owner_epoch and stored.next_offset = moved.from_offset";
    let done = sqlx::query(generation.sql(sql))
        .bind(column(advances, |advance| topics.name(advance.partition.stream).to_owned()))
        .bind(column(advances, |advance| advance.partition.index))
        .bind(column(advances, |advance| advance.owner_epoch))
        .bind(column(advances, |advance| advance.from))
        .bind(column(advances, |advance| advance.to))
        .bind(column(advances, |advance| advance.streak.map(|streak| streak.reason.as_str())))
        .bind(column(advances, |advance| advance.streak.map_or(0, |streak| streak.count)))
        .bind(column(advances, |advance| advance.leader_epoch))
        .bind(column(advances, |advance| advance.last_record.map(|record| record.offset)))
        .bind(column(advances, |advance| advance.last_record.map(|record| record.millis)))
        .execute(conn)
        .await?;
    let (expected, written) = (advances.len() as u64, done.rows_affected());
    if written == expected {
        return Ok(());
    }
    Err(StoreError::Stale { table: "checkpoints", expected, written })
}
