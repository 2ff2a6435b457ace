//! Dead letters with their records, as they are to be sent through the fold again.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use sqlx::{Postgres, QueryBuilder};

use crate::domain::log::position::Position;
use crate::domain::log::record::{RawRecord, Topics};
use crate::domain::log::redrive::Accepted;
use crate::domain::log::rejection::{Reason, Rejection};
use crate::domain::timestamp::Timestamp;
use crate::domain::views::rows::DeadLetterFilter;
use crate::store::error::StoreError;
use crate::store::generations::Generation;
use crate::store::read::push_filter;
use crate::store::tables::dead_letters::{StoredHeader, headers};

const TABLE: &str = "dead_letters";

/// Which dead letters to redrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// These, whether they are open or not.
    Ids(Vec<i64>),
    Matching(DeadLetterFilter),
}

/// A dead letter with its record.
#[derive(Debug, Clone)]
pub struct Letter {
    pub id: i64,
    pub record: RawRecord,
    pub rejection: Rejection,
    pub redriven_at: Option<Timestamp>,
    pub redriven_as: Option<Accepted>,
    pub discarded_at: Option<Timestamp>,
}

/// The greatest id of a generation: what a redrive itself adds comes behind it.
pub async fn newest(conn: &mut PgConnection, generation: Generation) -> Result<i64, StoreError> {
    let sql = "select coalesce(max(id), 0) from {schema}.dead_letters";
    Ok(sqlx::query_scalar(generation.sql(sql)).fetch_one(conn).await?)
}

/// Ids of at most `limit` chosen dead letters behind `after` and up to `newest`, ascending, each with the bytes of its
/// record.
pub async fn choose(
    conn: &mut PgConnection,
    generation: Generation,
    chosen: &Chosen,
    (after, newest): (i64, i64),
    limit: i64,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new(format!(
        "select id, coalesce(octet_length(key), 0)::bigint + coalesce(octet_length(value), 0)
                + octet_length(headers::text)
           from {}.dead_letters where id > ",
        generation.schema()
    ));
    query.push_bind(after).push(" and id <= ").push_bind(newest);
    match chosen {
        Chosen::Ids(ids) => {
            query.push(" and id = any(").push_bind(ids.clone()).push(")");
        }
        Chosen::Matching(filter) => push_filter(&mut query, filter),
    }
    query.push(" order by id limit ").push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Ids that the generation has no dead letter for.
pub async fn strangers(conn: &mut PgConnection, generation: Generation, ids: &[i64]) -> Result<Vec<i64>, StoreError> {
    let sql = "select id from unnest($1::bigint[]) as given (id)
                where not exists (select from {schema}.dead_letters as letter where letter.id = given.id) order by id";
    Ok(sqlx::query_scalar(generation.sql(sql)).bind(ids).fetch_all(conn).await?)
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    topic: String,
    partition: i32,
    offset: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Json<Vec<StoredHeader>>,
    reason: String,
    detail: String,
    recorded_at: Option<DateTime<Utc>>,
    redriven_at: Option<DateTime<Utc>>,
    redriven_as: Option<String>,
    discarded_at: Option<DateTime<Utc>>,
}

/// The dead letters with these ids, ascending. Fails if one is of a topic that is not folded.
pub async fn letters(
    conn: &mut PgConnection,
    generation: Generation,
    topics: &Topics,
    ids: &[i64],
) -> Result<Vec<Letter>, StoreError> {
    let sql = "select id, topic, partition, \"offset\", key, value, headers, reason, detail, recorded_at, redriven_at,
                      redriven_as, discarded_at
                 from {schema}.dead_letters where id = any($1) order by id";
    let rows: Vec<Row> = sqlx::query_as(generation.sql(sql)).bind(ids).fetch_all(conn).await?;
    rows.into_iter().map(|row| letter(row, topics)).collect()
}

fn letter(row: Row, topics: &Topics) -> Result<Letter, StoreError> {
    let corrupt = |detail: String| StoreError::Corrupt { table: TABLE, detail };
    let stream = topics.stream(&row.topic).ok_or_else(|| {
        corrupt(format!("id {} is a record of topic {}, which this configuration doesn't fold", row.id, row.topic))
    })?;
    let reason = Reason::parse(&row.reason)
        .ok_or_else(|| corrupt(format!("id {} has the unknown reason `{}`", row.id, row.reason)))?;
    let headers = headers(row.id, row.headers.0)?;
    Ok(Letter {
        id: row.id,
        record: RawRecord {
            stream,
            position: Position { partition: row.partition, offset: row.offset },
            key: row.key.map(Bytes::from),
            value: row.value.map(Bytes::from),
            headers,
            recorded_at: row.recorded_at.map(Timestamp::from_datetime),
        },
        rejection: Rejection::new(reason, row.detail),
        redriven_at: row.redriven_at.map(Timestamp::from_datetime),
        redriven_as: row.redriven_as.as_deref().and_then(Accepted::parse),
        discarded_at: row.discarded_at.map(Timestamp::from_datetime),
    })
}
