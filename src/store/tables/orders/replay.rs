//! A replay's row.

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::columns::timestamp;
use super::order::{encode_money, money};
use crate::domain::orders::order::Order;
use crate::domain::orders::register::Register;
use crate::domain::orders::replay::{Outcome, Replay, Request};
use crate::store::error::StoreError;
use crate::store::tables::copy::Rows;
use crate::store::tables::upsert::Table;

pub const REPLAYS: Table = Table {
    name: "replays",
    columns: &[
        "provider_order_id",
        "replay_id",
        "provider_id",
        "status",
        "requested_amount",
        "currency",
        "scheduled_for",
        "performed_at",
        "response",
        "error",
        "cancel_reason",
        "rule_ids",
        "rule_metadata",
        "attempts",
        "fold_registers",
        "fold_failed",
    ],
    key: &["provider_order_id", "replay_id"],
    arbiter: None,
    // Its order's version was checked in the same transaction.
    guard: "true",
};

pub fn encode(order: &Order, replay: &Replay, rows: &mut Rows) {
    rows.row(REPLAYS.columns.len());
    rows.uuid(order.provider_order_id);
    rows.uuid(replay.replay_id);
    rows.optional(order.provider_id(), Rows::text);
    rows.text(order.replay_status(replay).as_str());
    encode_money(replay.request.value.requested_amount.as_ref(), rows);
    rows.optional(replay.schedule.value, Rows::timestamptz);
    rows.optional(replay.outcome.value.performed_at, Rows::timestamptz);
    rows.optional(replay.outcome.value.response.as_deref(), Rows::text);
    rows.optional(replay.failure.value.as_deref(), Rows::text);
    rows.optional(replay.cancel.value.as_deref(), Rows::text);
    rows.text_array(&replay.request.value.rule_ids);
    rows.jsonb(|out| {
        let written = serde_json::to_writer(out, &replay.request.value.rule_metadata);
        // A map of strings into memory: this can't fail.
        debug_assert!(written.is_ok());
    });
    rows.int8(replay.attempts());
    rows.int8_array(&[
        replay.request.sequence,
        replay.schedule.sequence,
        replay.outcome.sequence,
        replay.failure.sequence,
        replay.cancel.sequence,
    ]);
    rows.int8(replay.failed);
}

pub(super) const SELECT: &str = "
    select provider_order_id, replay_id, (requested_amount * 10000)::bigint as requested_amount, currency,
           scheduled_for, performed_at, response, error, cancel_reason, rule_ids, rule_metadata::text as rule_metadata,
           attempts, fold_registers, fold_failed
      from {schema}.replays where provider_order_id = any($1)";

/// The id of its order, and the replay.
pub(super) fn decode(row: &PgRow) -> Result<(Uuid, Replay), StoreError> {
    let replay_id: Uuid = row.try_get("replay_id")?;
    let corrupt =
        |what: &str| StoreError::Corrupt { table: "replays", detail: format!("{what} of replay {replay_id}") };
    let registers: Vec<i64> = row.try_get("fold_registers")?;
    let registers: [i64; 5] = registers.try_into().map_err(|_| corrupt("fold_registers"))?;
    let rule_metadata = match row.try_get("rule_metadata")? {
        "{}" => Default::default(),
        text => serde_json::from_str(text).map_err(|_| corrupt("rule_metadata"))?,
    };
    let request = Request {
        requested_amount: money(row, "requested_amount", "currency")?,
        rule_ids: row.try_get("rule_ids")?,
        rule_metadata,
    };
    let outcome = Outcome { performed_at: timestamp(row, "performed_at")?, response: row.try_get("response")? };
    let (attempts, failed): (i64, i64) = (row.try_get("attempts")?, row.try_get("fold_failed")?);
    let replay = Replay {
        replay_id,
        request: Register::new(registers[0], request),
        schedule: Register::new(registers[1], timestamp(row, "scheduled_for")?),
        outcome: Register::new(registers[2], outcome),
        failure: Register::new(registers[3], row.try_get("error")?),
        cancel: Register::new(registers[4], row.try_get("cancel_reason")?),
        executed: attempts - failed,
        failed,
    };
    Ok((row.try_get("provider_order_id")?, replay))
}
