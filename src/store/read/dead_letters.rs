//! Dead letters of a generation, newest first.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Postgres, QueryBuilder};
use tracing::Instrument;

use crate::domain::log::position::Position;
use crate::domain::log::redrive::Accepted;
use crate::domain::log::rejection::Reason;
use crate::domain::views::rows::{DeadLetterFilter, DeadLetterRow, DeadLetterWhole, OpenDeadLetters};
use crate::store::error::StoreError;
use crate::store::tables::dead_letters::{StoredHeader, headers};

use super::columns::{parsed, time, time_opt};
use super::snapshot::View;

const TABLE: &str = "dead_letters";
const COLUMNS: &str = "id, topic, partition, \"offset\", octet_length(key)::bigint as key_bytes,
    octet_length(value)::bigint as value_bytes, reason, detail, first_seen_at, redriven_at, redriven_as, discarded_at,
    generation, recorded_at,
    (select why from foldback.discards where discards.topic = dead_letters.topic
        and discards.partition = dead_letters.partition and discards.\"offset\" = dead_letters.\"offset\"
        and dead_letters.discarded_at is not null) as discarded_why";

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    topic: String,
    partition: i32,
    offset: i64,
    key_bytes: Option<i64>,
    value_bytes: Option<i64>,
    reason: String,
    detail: String,
    first_seen_at: DateTime<Utc>,
    redriven_at: Option<DateTime<Utc>>,
    redriven_as: Option<String>,
    discarded_at: Option<DateTime<Utc>>,
    generation: i32,
    recorded_at: Option<DateTime<Utc>>,
    discarded_why: Option<String>,
}

#[derive(sqlx::FromRow)]
struct WholeRow {
    #[sqlx(flatten)]
    row: Row,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Json<Vec<StoredHeader>>,
}

impl View<'_> {
    /// At most `limit` dead letters with ids below `before` (`None`: from the newest).
    pub async fn dead_letters(
        &mut self,
        filter: &DeadLetterFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<DeadLetterRow>, StoreError> {
        let mut query = QueryBuilder::<Postgres>::new(format!(
            "select {COLUMNS} from {}.dead_letters where true",
            self.generation.schema()
        ));
        push_filter(&mut query, filter);
        if let Some(before) = before {
            query.push(" and id < ").push_bind(before);
        }
        query.push(" order by id desc limit ").push_bind(i64::from(limit));
        let rows: Vec<Row> = query
            .build_query_as()
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.dead_letters.list"))
            .await?;
        rows.into_iter().map(DeadLetterRow::try_from).collect()
    }

    /// Key, value and headers are left out where they take more than `bytes_max`.
    pub async fn dead_letter(&mut self, id: i64, bytes_max: i64) -> Result<Option<DeadLetterWhole>, StoreError> {
        let sql = format!(
            "select {COLUMNS}, case when octet_length(key) <= $2 then key end as key,
                    case when octet_length(value) <= $2 then value end as value,
                    case when octet_length(headers::text) <= $2 then headers else '[]' end as headers
               from {}.dead_letters where id = $1",
            self.generation.schema()
        );
        let row: Option<WholeRow> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(id)
            .bind(bytes_max)
            .fetch_optional(&mut *self.conn)
            .instrument(tracing::debug_span!("db.dead_letters.get"))
            .await?;
        row.map(DeadLetterWhole::try_from).transpose()
    }

    /// The open ones (neither redriven nor discarded).
    pub async fn open_dead_letters(&mut self) -> Result<OpenDeadLetters, StoreError> {
        let sql = format!(
            "select reason, count(*), min(first_seen_at) from {}.dead_letters
              where redriven_at is null and discarded_at is null group by reason",
            self.generation.schema()
        );
        let rows: Vec<(String, i64, DateTime<Utc>)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.dead_letters.count"))
            .await?;
        let count =
            |reason: Reason| rows.iter().find(|(name, ..)| name == reason.as_str()).map_or(0, |(_, count, _)| *count);
        let counts = Reason::ALL.into_iter().map(|reason| (reason, count(reason))).collect();
        Ok(OpenDeadLetters { counts, oldest: rows.iter().map(|(.., oldest)| time(*oldest)).min() })
    }
}

/// Adds the conditions of a filter, each beginning with `and`.
pub(in crate::store) fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &DeadLetterFilter) {
    if let Some(reason) = filter.reason {
        query.push(" and reason = ").push_bind(reason.as_str());
    }
    if let Some(topic) = &filter.topic {
        query.push(" and topic = ").push_bind(topic.clone());
    }
    if let Some(partition) = filter.partition {
        query.push(" and partition = ").push_bind(partition);
    }
    if let Some(since) = filter.since {
        query.push(" and first_seen_at >= ").push_bind(since.to_datetime());
    }
    if let Some(until) = filter.until {
        query.push(" and first_seen_at < ").push_bind(until.to_datetime());
    }
    if let Some(order) = filter.order {
        query.push(" and (provider_order_id = ").push_bind(order);
        // A key may be in upper case too. `escape` leaves ASCII as it is.
        query.push(" or octet_length(key) = 36 and lower(encode(key, 'escape')) = ");
        query.push_bind(order.hyphenated().to_string()).push(")");
    }
    if filter.open {
        query.push(" and redriven_at is null and discarded_at is null");
    }
}

impl TryFrom<Row> for DeadLetterRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<DeadLetterRow, StoreError> {
        Ok(DeadLetterRow {
            id: row.id,
            topic: row.topic,
            position: Position { partition: row.partition, offset: row.offset },
            key_bytes: row.key_bytes,
            value_bytes: row.value_bytes,
            reason: parsed(TABLE, "reason", &row.reason, Reason::parse)?,
            detail: row.detail,
            first_seen_at: time(row.first_seen_at),
            redriven_at: time_opt(row.redriven_at),
            redriven_as: row.redriven_as.as_deref().and_then(Accepted::parse),
            discarded_at: time_opt(row.discarded_at),
            generation: row.generation,
            recorded_at: time_opt(row.recorded_at),
            discarded_why: row.discarded_why,
        })
    }
}

impl TryFrom<WholeRow> for DeadLetterWhole {
    type Error = StoreError;

    fn try_from(whole: WholeRow) -> Result<DeadLetterWhole, StoreError> {
        let row = DeadLetterRow::try_from(whole.row)?;
        let headers = headers(row.id, whole.headers.0)?;
        Ok(DeadLetterWhole { row, key: whole.key, value: whole.value, headers })
    }
}
