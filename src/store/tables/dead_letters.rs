//! Stores rejected records, raw and in full.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::copy::Rows;
use super::upsert::Table;
use crate::domain::log::dead_letter::{ConflictKey, DeadLetter};
use crate::domain::log::position::Position;
use crate::domain::log::record::{Header, Topics};
use crate::domain::log::rejection::Rejection;
use crate::store::decisions::discards;
use crate::store::error::StoreError;
use crate::store::generations::Generation;

/// A conflict is stored once per losing event, at its smallest copy.
pub const DEAD_LETTERS: Table = Table {
    name: "dead_letters",
    columns: &[
        "topic",
        "partition",
        "\"offset\"",
        "key",
        "value",
        "headers",
        "reason",
        "detail",
        "provider_order_id",
        "sequence",
        "event_id",
        "recorded_at",
    ],
    key: &["topic", "partition", "\"offset\""],
    arbiter: Some("dead_letters_conflict"),
    guard: "(excluded.partition, excluded.\"offset\") < (stored.partition, stored.\"offset\")",
};

pub async fn store(
    conn: &mut PgConnection,
    generation: Generation,
    topics: &Topics,
    dead_letters: &[DeadLetter],
) -> Result<(), StoreError> {
    let place = |letter: &DeadLetter| (topics.name(letter.record.stream), letter.record.position);
    let lost: Vec<_> = dead_letters.iter().filter(|letter| letter.conflict.is_some()).map(place).collect();
    forget_receipts(conn, generation, &lost).await?;
    DEAD_LETTERS.upsert(conn, generation, rows(dead_letters, topics)).await?;
    let places: Vec<_> = dead_letters.iter().map(place).collect();
    discards::apply_at(conn, generation, &places).await
}

/// An event that was accepted by a redrive and has lost its sequence since is a dead letter again: at the place of the
/// receipt for it.
async fn forget_receipts(
    conn: &mut PgConnection,
    generation: Generation,
    places: &[(&str, Position)],
) -> Result<(), StoreError> {
    if places.is_empty() {
        return Ok(());
    }
    let sql = "delete from {schema}.dead_letters where redriven_at is not null and (topic, partition, \"offset\") in
                   (select * from unnest($1::text[], $2::int[], $3::bigint[]))";
    sqlx::query(generation.sql(sql))
        .bind(places.iter().map(|(topic, _)| *topic).collect::<Vec<_>>())
        .bind(places.iter().map(|(_, position)| position.partition).collect::<Vec<_>>())
        .bind(places.iter().map(|(_, position)| position.offset).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}

/// Rows for the table's columns.
pub(in crate::store) fn rows(dead_letters: &[DeadLetter], topics: &Topics) -> Rows {
    let mut rows = Rows::new();
    dead_letters.iter().for_each(|dead_letter| encode(dead_letter, topics, &mut rows));
    rows
}

fn encode(dead_letter: &DeadLetter, topics: &Topics, rows: &mut Rows) {
    let record = &dead_letter.record;
    rows.row(DEAD_LETTERS.columns.len());
    rows.text(topics.name(record.stream));
    rows.int4(record.position.partition);
    rows.int8(record.position.offset);
    rows.optional(record.key.as_deref(), Rows::bytea);
    rows.optional(record.value.as_deref(), Rows::bytea);
    rows.jsonb(|out| out.extend_from_slice(headers_json(&record.headers).to_string().as_bytes()));
    rows.text(dead_letter.rejection.reason.as_str());
    rows.text(&stored_detail(&dead_letter.rejection));
    rows.optional(dead_letter.conflict.map(|conflict| conflict.provider_order_id), Rows::uuid);
    rows.optional(dead_letter.conflict.map(|conflict| conflict.sequence), Rows::int8);
    rows.optional(dead_letter.conflict.map(|conflict| conflict.event_id), Rows::uuid);
    rows.optional(record.recorded_at, Rows::timestamptz);
}

/// A detail may quote the record, and Postgres text can't contain U+0000.
pub(in crate::store) fn stored_detail(rejection: &Rejection) -> String {
    rejection.detail.replace('\0', "\\0")
}

pub(in crate::store) fn headers_json(headers: &[Header]) -> Value {
    let header = |header: &Header| {
        let value = header.value.as_ref().map(|value| STANDARD.encode(value));
        json!({ "key": header.key.replace('\0', "\u{fffd}"), "value": value })
    };
    headers.iter().map(header).collect()
}

/// As `headers_json` writes them.
#[derive(Debug, Deserialize)]
pub(in crate::store) struct StoredHeader {
    key: String,
    value: Option<String>,
}

/// The headers of the dead letter with this id.
pub(in crate::store) fn headers(id: i64, stored: Vec<StoredHeader>) -> Result<Vec<Header>, StoreError> {
    let header = |stored: StoredHeader| {
        let value = stored.value.map(|text| STANDARD.decode(text).map(Bytes::from)).transpose();
        let detail = || format!("id {id}: a header's value is not base64");
        let value = value.map_err(|_| StoreError::Corrupt { table: DEAD_LETTERS.name, detail: detail() })?;
        Ok(Header { key: stored.key, value })
    };
    stored.into_iter().map(header).collect()
}

/// Removes the dead letters of events that have won after all.
pub async fn withdraw(
    conn: &mut PgConnection,
    generation: Generation,
    conflicts: &[ConflictKey],
) -> Result<(), StoreError> {
    if conflicts.is_empty() {
        return Ok(());
    }
    let orders: Vec<Uuid> = conflicts.iter().map(|conflict| conflict.provider_order_id).collect();
    let sequences: Vec<i64> = conflicts.iter().map(|conflict| conflict.sequence).collect();
    let events: Vec<Uuid> = conflicts.iter().map(|conflict| conflict.event_id).collect();
    let sql = "delete from {schema}.dead_letters where (provider_order_id, sequence, event_id) in
                   (select * from unnest($1::uuid[], $2::bigint[], $3::uuid[]))";
    sqlx::query(generation.sql(sql)).bind(orders).bind(sequences).bind(events).execute(conn).await?;
    Ok(())
}
