//! The history: the accepted event at each sequence of each order.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::copy::{Copy, Rows, copy_encoded};
use super::orders::timestamp;
use crate::domain::change::HistoryEntry;
use crate::domain::log::position::Position;
use crate::domain::orders::event::{OrderEvent, Payload};
use crate::domain::timestamp::Timestamp;
use crate::store::error::StoreError;
use crate::store::generations::Generation;

/// The columns that `encode` writes, in order.
pub const COLUMNS: &str = "provider_order_id, sequence, event_id, event_type, occurred_at, payload, topic, partition, \
                       \"offset\", recorded_at";

/// Adds events at new sequences; their orders' versions were checked in this transaction.
pub async fn append(
    conn: &mut PgConnection,
    generation: Generation,
    topic: &str,
    entries: &[HistoryEntry],
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut copy = Copy::begin(conn, &table(generation), COLUMNS).await?;
    for entry in entries {
        encode(entry.into(), topic, &mut copy.rows);
        copy.flush().await?;
    }
    copy.finish().await?;
    Ok(())
}

/// A generation's history.
pub(in crate::store) fn table(generation: Generation) -> String {
    format!("{}.provider_order_events", generation.schema())
}

/// Adds rows encoded by `encode` to a generation's history, or to a table with the same columns.
pub(in crate::store) async fn append_encoded(
    conn: &mut PgConnection,
    table: &str,
    rows: &[u8],
) -> Result<(), StoreError> {
    copy_encoded(conn, table, COLUMNS, rows).await?;
    Ok(())
}

/// The same into a table with the history's columns and nothing else, which ends with the transaction.
pub(in crate::store) async fn copy_bare(
    conn: &mut PgConnection,
    generation: Generation,
    rows: &[u8],
) -> Result<(), StoreError> {
    let table = "create temp table if not exists bare_provider_order_events on commit drop as
                 select * from {schema}.provider_order_events with no data";
    sqlx::query(generation.sql(table)).execute(&mut *conn).await?;
    append_encoded(conn, "pg_temp.bare_provider_order_events", rows).await
}

/// Content of a history row.
#[derive(Debug, Clone, Copy)]
pub struct HistoryRow<'e> {
    pub event: &'e OrderEvent,
    pub position: Position,
    pub recorded_at: Option<Timestamp>,
}

impl<'e> From<&'e HistoryEntry> for HistoryRow<'e> {
    fn from(entry: &'e HistoryEntry) -> HistoryRow<'e> {
        HistoryRow { event: &entry.event, position: entry.position, recorded_at: entry.recorded_at }
    }
}

/// Appends a row.
pub fn encode(row: HistoryRow<'_>, topic: &str, rows: &mut Rows) {
    let event = row.event;
    rows.row(10);
    rows.uuid(event.provider_order_id);
    rows.int8(event.sequence);
    rows.uuid(event.event_id);
    rows.text(event.payload.event_type());
    rows.timestamptz(event.occurred_at);
    rows.json(|out| event.payload.write_json(out));
    rows.text(topic);
    rows.int4(row.position.partition);
    rows.int8(row.position.offset);
    rows.optional(row.recorded_at, Rows::timestamptz);
}

/// Replaces the rows at the entries' sequences.
pub async fn replace(
    conn: &mut PgConnection,
    generation: Generation,
    topic: &str,
    entries: &[HistoryEntry],
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let (orders, sequences): (Vec<Uuid>, Vec<i64>) =
        entries.iter().map(|entry| (entry.event.provider_order_id, entry.event.sequence)).unzip();
    let sql = "delete from {schema}.provider_order_events
                where (provider_order_id, sequence) in (select * from unnest($1::uuid[], $2::bigint[]))";
    sqlx::query(generation.sql(sql)).bind(orders).bind(sequences).execute(&mut *conn).await?;
    append(conn, generation, topic, entries).await
}

/// The event at a sequence, and its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingEvent {
    pub provider_order_id: Uuid,
    pub sequence: i64,
    pub event_id: Uuid,
    pub position: Position,
}

/// The event at each of the (order, sequence) pairs.
pub async fn standing(
    conn: &mut PgConnection,
    generation: Generation,
    pairs: &[(Uuid, i64)],
) -> Result<Vec<StandingEvent>, StoreError> {
    let sql = "select provider_order_id, sequence, event_id, partition, \"offset\"
                 from {schema}.provider_order_events
                where (provider_order_id, sequence) in (select * from unnest($1::uuid[], $2::bigint[]))";
    events_at(conn, generation, sql, pairs).await
}

/// The events that have already lost each of the (order, sequence) pairs.
pub async fn lost(
    conn: &mut PgConnection,
    generation: Generation,
    pairs: &[(Uuid, i64)],
) -> Result<Vec<StandingEvent>, StoreError> {
    let sql = "select provider_order_id, sequence, event_id, partition, \"offset\" from {schema}.dead_letters
                where (provider_order_id, sequence) in (select * from unnest($1::uuid[], $2::bigint[]))";
    events_at(conn, generation, sql, pairs).await
}

async fn events_at(
    conn: &mut PgConnection,
    generation: Generation,
    sql: &str,
    pairs: &[(Uuid, i64)],
) -> Result<Vec<StandingEvent>, StoreError> {
    let (orders, sequences): (Vec<Uuid>, Vec<i64>) = pairs.iter().copied().unzip();
    let rows = sqlx::query(generation.sql(sql)).bind(orders).bind(sequences).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            Ok(StandingEvent {
                provider_order_id: row.try_get("provider_order_id")?,
                sequence: row.try_get("sequence")?,
                event_id: row.try_get("event_id")?,
                position: position(row)?,
            })
        })
        .collect()
}

/// The complete histories of some orders.
pub async fn histories(
    conn: &mut PgConnection,
    generation: Generation,
    orders: &[Uuid],
) -> Result<HashMap<Uuid, Vec<HistoryEntry>>, StoreError> {
    let sql = "select provider_order_id, sequence, event_id, event_type, occurred_at, payload::text as payload,
                      partition, \"offset\", recorded_at
                 from {schema}.provider_order_events where provider_order_id = any($1)";
    let mut histories: HashMap<Uuid, Vec<HistoryEntry>> = HashMap::new();
    for row in sqlx::query(generation.sql(sql)).bind(orders).fetch_all(conn).await? {
        let entry = decode(&row)?;
        histories.entry(entry.event.provider_order_id).or_default().push(entry);
    }
    Ok(histories)
}

/// Reads a row with the columns of `histories`.
pub fn decode(row: &PgRow) -> Result<HistoryEntry, StoreError> {
    let (provider_order_id, sequence): (Uuid, i64) = (row.try_get("provider_order_id")?, row.try_get("sequence")?);
    let payload = Payload::read_json(row.try_get("event_type")?, row.try_get("payload")?).map_err(|error| {
        let detail = format!("order {provider_order_id}, sequence {sequence}: {error}");
        StoreError::Corrupt { table: "provider_order_events", detail }
    })?;
    let event = OrderEvent {
        event_id: row.try_get("event_id")?,
        provider_order_id,
        sequence,
        occurred_at: timestamp(row, "occurred_at")?.unwrap_or(Timestamp::MIN),
        payload,
    };
    Ok(HistoryEntry { event, position: position(row)?, recorded_at: timestamp(row, "recorded_at")? })
}

fn position(row: &PgRow) -> Result<Position, StoreError> {
    Ok(Position { partition: row.try_get("partition")?, offset: row.try_get("offset")? })
}
