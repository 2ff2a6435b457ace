//! Reasons against making a generation live, as found in the database.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;

use super::generation::Generation;
use crate::store::error::StoreError;

/// An unexplained dead letter.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Unexplained {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub reason: String,
}

/// True if the winner of a conflict in `standing` was decided by a record that `other` has not reached yet.
const SETTLED_BY_A_RECORD_AHEAD: &str = "exists (
    select from {standing}.provider_order_events stands
      left join {other}.checkpoints come on come.topic = stands.topic and come.partition = stands.partition
     where stands.provider_order_id = letter.provider_order_id and stands.sequence = letter.sequence
       and stands.\"offset\" >= coalesce(come.next_offset, 0))";

/// Dead letters of `next`, not discarded, at records that the live generation has folded without rejecting them: their
/// number, and the first `limit` of them. If the two are at different positions, one may have seen a copy of an event
/// that lets another event win a conflict; that explains the loser. Positions in a new log (`rebuild --new-log`) can't be
/// compared.
pub async fn unexplained(
    conn: &mut PgConnection,
    next: Generation,
    live: Generation,
    limit: i64,
) -> Result<(i64, Vec<Unexplained>), StoreError> {
    let ahead = |standing: String, other: String| {
        SETTLED_BY_A_RECORD_AHEAD.replace("{standing}", &standing).replace("{other}", &other)
    };
    let from = format!(
        "from {{schema}}.dead_letters letter
         join {live}.checkpoints passed on passed.topic = letter.topic and passed.partition = letter.partition
                                       and passed.next_offset > letter.\"offset\"
        where letter.discarded_at is null
          and not exists (select from foldback.generations folded
                           where folded.generation = {{generation}} and folded.origin -> 'newLog' ? letter.topic)
          and not exists (select from {live}.dead_letters other
                           where other.topic = letter.topic and other.partition = letter.partition
                             and other.\"offset\" = letter.\"offset\")
          and (letter.provider_order_id is null
               or not exists (select from {live}.dead_letters other
                               where other.provider_order_id = letter.provider_order_id
                                 and other.sequence = letter.sequence and other.event_id = letter.event_id)
                  and not {next_ahead} and not {live_ahead})",
        live = live.schema(),
        next_ahead = ahead(next.schema(), live.schema()),
        live_ahead = ahead(live.schema(), next.schema()),
    );
    let count = next.sql(&format!("select count(*) {from}"));
    let count: i64 = sqlx::query_scalar(count).fetch_one(&mut *conn).await?;
    let some = next.sql(&format!(
        "select letter.topic, letter.partition, letter.\"offset\", letter.reason {from} order by 1, 2, 3 limit $1"
    ));
    Ok((count, sqlx::query_as(some).bind(limit).fetch_all(conn).await?))
}

/// Ids of the topics that a generation was folded from, as far as known.
pub async fn topic_ids(
    conn: &mut PgConnection,
    generation: Generation,
) -> Result<BTreeMap<String, String>, StoreError> {
    let sql = "select topic, min(topic_id) from {schema}.checkpoints where topic_id is not null group by topic";
    let rows: Vec<(String, String)> = sqlx::query_as(generation.sql(sql)).fetch_all(conn).await?;
    Ok(rows.into_iter().collect())
}

/// Size of a generation in bytes, with indexes, and the number of its history rows (estimated if they are many).
pub async fn size(conn: &mut PgConnection, generation: Generation) -> Result<(i64, i64), StoreError> {
    let sql = "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint,
                      coalesce(max(c.reltuples) filter (where c.relname = 'provider_order_events'), 0)::bigint
                 from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where n.nspname = $1 and c.relkind = 'r'";
    Ok(sqlx::query_as(sql).bind(generation.schema()).fetch_one(conn).await?)
}

/// The server's data directory, if this user may see it and the server is on this machine.
pub async fn local_data_directory(conn: &mut PgConnection) -> Result<Option<String>, StoreError> {
    let sql = "select case when pg_has_role(current_user, 'pg_read_all_settings', 'member')
                            and (inet_server_addr() is null or inet_server_addr() <<= inet '127.0.0.0/8'
                                 or inet_server_addr() = inet '::1')
                      then current_setting('data_directory') end";
    Ok(sqlx::query_scalar(sql).fetch_one(conn).await?)
}
