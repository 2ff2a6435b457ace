//! Contested orders: those in which two events have the same sequence.

use sqlx::Connection;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::steps::{self, Step};
use crate::domain::change::HistoryEntry;
use crate::domain::log::position::Position;
use crate::domain::log::record::RawRecord;
use crate::store::error::StoreError;
use crate::store::generations::Generation;
use crate::store::tables::dead_letters::headers_json;
use crate::store::tables::{find_names_again, history};

/// Moves the events of contested orders out of the history, and drops copies, so that its key can be built.
pub async fn move_claims(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let mut tx = conn.begin().await?;
    let empty = "create table {schema}.load_claims as select * from {schema}.provider_order_events with no data";
    sqlx::query(generation.sql(empty)).execute(&mut *tx).await?;
    if is_any(&mut tx, generation, "load_tangled").await? {
        let sql =
            "with gone as (delete from {schema}.provider_order_events as event using {schema}.load_tangled as moved
                                  where event.provider_order_id = moved.provider_order_id returning event.*)
                   insert into {schema}.load_claims select * from gone";
        sqlx::query(generation.sql(sql)).execute(&mut *tx).await?;
        let index = "create index on {schema}.load_claims (provider_order_id)";
        sqlx::query(generation.sql(index)).execute(&mut *tx).await?;
        sqlx::query(generation.sql("analyze {schema}.load_claims")).execute(&mut *tx).await?;
    }
    if is_any(&mut tx, generation, "load_copies").await? {
        let sql = "delete from {schema}.provider_order_events as event using {schema}.load_copies as copy
                    where event.partition = copy.partition and event.\"offset\" = copy.\"offset\"";
        sqlx::query(generation.sql(sql)).execute(&mut *tx).await?;
    }
    steps::finish(&mut tx, generation, Step::Parted).await?;
    Ok(tx.commit().await?)
}

/// Whether a table of what was found while settling has rows; gives the planner its statistics.
async fn is_any(conn: &mut PgConnection, generation: Generation, table: &str) -> Result<bool, StoreError> {
    let some = generation.sql(&format!("select exists (select from {{schema}}.{table})"));
    let some: bool = sqlx::query_scalar(some).fetch_one(&mut *conn).await?;
    if some {
        sqlx::query(generation.sql(&format!("analyze {{schema}}.{table}"))).execute(conn).await?;
    }
    Ok(some)
}

/// The first order that is still contested.
pub async fn first_contested(conn: &mut PgConnection, generation: Generation) -> Result<Option<Uuid>, StoreError> {
    // Postgres 18 is the first that knows min(uuid).
    let sql = "select provider_order_id from {schema}.load_tangled order by provider_order_id limit 1";
    Ok(sqlx::query_scalar(generation.sql(sql)).fetch_optional(conn).await?)
}

/// All events of contested orders from `from` on, copies and conflicts included, by order: about `limit` of them, and those
/// of at least one order whole. Empty when there are none.
pub async fn claims(
    conn: &mut PgConnection,
    generation: Generation,
    from: Uuid,
    limit: i64,
) -> Result<Vec<HistoryEntry>, StoreError> {
    const CLAIMS: &str =
        "select provider_order_id, sequence, event_id, event_type, occurred_at, payload::text as payload,
                                 partition, \"offset\", recorded_at
                            from {schema}.load_claims";
    let sql = format!("{CLAIMS} where provider_order_id >= $1 order by provider_order_id limit $2");
    let rows = sqlx::query(generation.sql(&sql)).bind(from).bind(limit).fetch_all(&mut *conn).await?;
    let mut claims = rows.iter().map(history::decode).collect::<Result<Vec<_>, _>>()?;
    let is_cut_short = i64::try_from(claims.len()).is_ok_and(|count| count == limit);
    let (Some(first), Some(last)) = (claims.first().map(order), claims.last().map(order)) else { return Ok(claims) };
    if is_cut_short && first != last {
        claims.retain(|claim| order(claim) != last);
    } else if is_cut_short {
        let sql = format!("{CLAIMS} where provider_order_id = $1");
        let rows = sqlx::query(generation.sql(&sql)).bind(first).fetch_all(conn).await?;
        claims = rows.iter().map(history::decode).collect::<Result<Vec<_>, _>>()?;
    }
    Ok(claims)
}

fn order(claim: &HistoryEntry) -> Uuid {
    claim.event.provider_order_id
}

/// Marks the contested orders up to this one as done, or all if there is none.
pub async fn forget(conn: &mut PgConnection, generation: Generation, last: Option<Uuid>) -> Result<(), StoreError> {
    let sql = "delete from {schema}.load_tangled where $1 is null or provider_order_id <= $1";
    sqlx::query(generation.sql(sql)).bind(last).execute(conn).await?;
    Ok(())
}

/// Looks for the names again that an event of a contested order gave: it may have lost.
pub async fn renew_names(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let mut tx = conn.begin().await?;
    let sql = "delete from {schema}.provider_names as stored using {schema}.load_claims as claim
                where claim.event_type = 'order_placed' and stored.provider_id = claim.payload->>'provider_id'
                  and stored.occurred_at = claim.occurred_at
                  and stored.provider_order_id = claim.provider_order_id and stored.sequence = claim.sequence
            returning stored.provider_id";
    let nameless: Vec<String> = sqlx::query_scalar(generation.sql(sql)).fetch_all(&mut *tx).await?;
    find_names_again(&mut tx, generation, 0, &nameless.into_iter().collect()).await?;
    Ok(tx.commit().await?)
}

/// Offsets of conflicts whose bytes are not restored yet, behind `after`, ascending: at most `limit`, all of one partition.
pub async fn conflicts_without_bytes(
    conn: &mut PgConnection,
    generation: Generation,
    topic: &str,
    after: Position,
    limit: i64,
) -> Result<Vec<Position>, StoreError> {
    let sql = "select partition, \"offset\" from {schema}.dead_letters
                where topic = $1 and (partition, \"offset\") > ($2, $3) and reason = 'sequence_conflict' and value is null
                order by partition, \"offset\" limit $4";
    let rows: Vec<(i32, i64)> = sqlx::query_as(generation.sql(sql))
        .bind(topic)
        .bind(after.partition)
        .bind(after.offset)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    let first = rows.first().map(|(partition, _)| *partition);
    let of_first = rows.into_iter().take_while(|(partition, _)| Some(*partition) == first);
    Ok(of_first.map(|(partition, offset)| Position { partition, offset }).collect())
}

/// Gives the dead letters at these records' positions their bytes.
pub async fn restore_bytes(
    conn: &mut PgConnection,
    generation: Generation,
    topic: &str,
    records: &[RawRecord],
) -> Result<(), StoreError> {
    let sql = "update {schema}.dead_letters as letter
                  set key = record.key, value = record.value, headers = record.headers::jsonb
                 from unnest($2::int[], $3::bigint[], $4::bytea[], $5::bytea[], $6::text[])
                      as record (partition, \"offset\", key, value, headers)
                where letter.topic = $1 and letter.partition = record.partition
                  and letter.\"offset\" = record.\"offset\"";
    let at = |record: &RawRecord| (record.position.partition, record.position.offset);
    let (partitions, offsets): (Vec<i32>, Vec<i64>) = records.iter().map(at).unzip();
    sqlx::query(generation.sql(sql))
        .bind(topic)
        .bind(partitions)
        .bind(offsets)
        .bind(records.iter().map(|record| record.key.as_deref()).collect::<Vec<_>>())
        .bind(records.iter().map(|record| record.value.as_deref()).collect::<Vec<_>>())
        .bind(records.iter().map(|record| headers_json(&record.headers).to_string()).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}
