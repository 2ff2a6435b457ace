//! An order's row.

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::columns::{currency, decimal, timestamp};
use crate::domain::orders::event::{Guardrails, ServiceRule};
use crate::domain::orders::money::Money;
use crate::domain::orders::order::{Cancellation, Order, Placement};
use crate::domain::orders::register::Register;
use crate::domain::orders::sequence::SequenceSet;
use crate::store::error::StoreError;
use crate::store::tables::copy::Rows;
use crate::store::tables::upsert::Table;

pub const ORDERS: Table = Table {
    name: "provider_orders",
    columns: &[
        "provider_order_id",
        "order_id",
        "order_item_id",
        "provider_id",
        "provider_name",
        "service_id",
        "service_action",
        "placed_at",
        "provider_reference",
        "amount",
        "currency",
        "provider_cost",
        "provider_cost_currency",
        "minimum_margin_absolute",
        "minimum_margin_percent",
        "warning_margin_percent",
        "service_rules",
        "guardrail_status",
        "last_event_at",
        "last_sequence",
        "missing_events",
        "cancelled_at",
        "cancel_reason",
        "fold_version",
        "fold_seen",
        "fold_registers",
    ],
    key: &["provider_order_id"],
    arbiter: None,
    guard: "stored.fold_version = excluded.fold_version - 1",
};

pub fn encode(order: &Order, rows: &mut Rows) {
    rows.row(ORDERS.columns.len());
    rows.uuid(order.provider_order_id);
    encode_placement(order.placement.value.as_ref(), rows);
    rows.optional(order.provider_reference.value.as_deref(), Rows::text);
    encode_money(order.amount.value.as_ref(), rows);
    encode_money(order.provider_cost.value.as_ref(), rows);
    let guardrails = order.guardrails.value;
    rows.optional(guardrails.and_then(|limits| limits.minimum_margin_absolute), Rows::numeric);
    rows.optional(guardrails.and_then(|limits| limits.minimum_margin_percent), Rows::float8);
    rows.optional(guardrails.and_then(|limits| limits.warning_margin_percent), Rows::float8);
    rows.jsonb(|out| {
        let written = serde_json::to_writer(out, &order.service_rules.value);
        // Plain structs into memory: this can't fail.
        debug_assert!(written.is_ok());
    });
    rows.text(order.guardrail_status().as_str());
    rows.timestamptz(order.last_event.value);
    rows.int8(order.seen.last());
    rows.int8(order.seen.missing());
    let cancellation = order.cancellation.value.as_ref();
    rows.optional(cancellation.map(|cancellation| cancellation.cancelled_at), Rows::timestamptz);
    rows.optional(cancellation.and_then(|cancellation| cancellation.reason.as_deref()), Rows::text);
    rows.int8(order.version);
    rows.int8_array(&order.seen.bounds());
    rows.int8_array(&registers(order));
}

fn encode_placement(placement: Option<&Placement>, rows: &mut Rows) {
    let Some(placement) = placement else {
        return (0..7).for_each(|_| rows.null());
    };
    rows.uuid(placement.order_id);
    rows.uuid(placement.order_item_id);
    rows.text(&placement.provider_id);
    rows.optional(placement.provider_name.as_deref(), Rows::text);
    rows.text(&placement.service_id);
    rows.optional(placement.service_action.as_deref(), Rows::text);
    rows.timestamptz(placement.placed_at);
}

pub(super) fn encode_money(money: Option<&Money>, rows: &mut Rows) {
    rows.optional(money.map(|money| money.units), Rows::numeric);
    rows.optional(money, |rows, money| rows.text(money.currency.as_str()));
}

fn registers(order: &Order) -> [i64; 8] {
    [
        order.placement.sequence,
        order.provider_reference.sequence,
        order.amount.sequence,
        order.provider_cost.sequence,
        order.guardrails.sequence,
        order.service_rules.sequence,
        order.cancellation.sequence,
        i64::from(order.guardrails.value.is_some()),
    ]
}

pub(super) const SELECT: &str = "
    select provider_order_id, order_id, order_item_id, provider_id, provider_name, service_id, service_action,
           placed_at, provider_reference, (amount * 10000)::bigint as amount, currency,
           (provider_cost * 10000)::bigint as provider_cost, provider_cost_currency,
           (minimum_margin_absolute * 10000)::bigint as minimum_margin_absolute, minimum_margin_percent,
           warning_margin_percent, service_rules::text as service_rules, last_event_at, cancelled_at, cancel_reason,
           fold_version, fold_seen, fold_registers
      from {schema}.provider_orders where provider_order_id = any($1)";

fn corrupt(id: Uuid, what: &str) -> StoreError {
    StoreError::Corrupt { table: "provider_orders", detail: format!("{what} of order {id}") }
}

pub(super) fn decode(row: &PgRow) -> Result<Order, StoreError> {
    let id: Uuid = row.try_get("provider_order_id")?;
    let bounds: Vec<i64> = row.try_get("fold_seen")?;
    let registers: Vec<i64> = row.try_get("fold_registers")?;
    let registers: [i64; 8] = registers.try_into().map_err(|_| corrupt(id, "fold_registers"))?;
    let mut order = Order::new(id);
    order.version = row.try_get("fold_version")?;
    order.seen = SequenceSet::from_bounds(&bounds).ok_or_else(|| corrupt(id, "fold_seen"))?;
    order.placement = Register::new(registers[0], placement(row)?);
    order.provider_reference = Register::new(registers[1], row.try_get("provider_reference")?);
    order.amount = Register::new(registers[2], money(row, "amount", "currency")?);
    order.provider_cost = Register::new(registers[3], money(row, "provider_cost", "provider_cost_currency")?);
    order.guardrails = Register::new(registers[4], if registers[7] == 0 { None } else { Some(guardrails(row)?) });
    order.service_rules = Register::new(registers[5], service_rules(row).ok_or_else(|| corrupt(id, "service_rules"))?);
    order.cancellation = Register::new(registers[6], cancellation(row)?);
    let last_event_at = timestamp(row, "last_event_at")?.ok_or_else(|| corrupt(id, "last_event_at"))?;
    order.last_event = Register::new(order.seen.last(), last_event_at);
    Ok(order)
}

fn placement(row: &PgRow) -> Result<Option<Placement>, StoreError> {
    let Some(provider_id) = row.try_get("provider_id")? else { return Ok(None) };
    let Some(placed_at) = timestamp(row, "placed_at")? else { return Ok(None) };
    Ok(Some(Placement {
        order_id: row.try_get("order_id")?,
        order_item_id: row.try_get("order_item_id")?,
        provider_id,
        provider_name: row.try_get("provider_name")?,
        service_id: row.try_get("service_id")?,
        service_action: row.try_get("service_action")?,
        placed_at,
    }))
}

pub(super) fn money(row: &PgRow, units: &str, code: &str) -> Result<Option<Money>, StoreError> {
    Ok(match (decimal(row, units)?, currency(row, code)?) {
        (Some(units), Some(currency)) => Some(Money { units, currency }),
        _ => None,
    })
}

fn guardrails(row: &PgRow) -> Result<Guardrails, StoreError> {
    Ok(Guardrails {
        minimum_margin_absolute: decimal(row, "minimum_margin_absolute")?,
        minimum_margin_percent: row.try_get("minimum_margin_percent")?,
        warning_margin_percent: row.try_get("warning_margin_percent")?,
    })
}

fn service_rules(row: &PgRow) -> Option<Vec<ServiceRule>> {
    match row.try_get("service_rules").ok()? {
        "[]" => Some(Vec::new()),
        text => serde_json::from_str(text).ok(),
    }
}

fn cancellation(row: &PgRow) -> Result<Option<Cancellation>, StoreError> {
    let cancelled_at = timestamp(row, "cancelled_at")?;
    let reason = row.try_get("cancel_reason")?;
    Ok(cancelled_at.map(|cancelled_at| Cancellation { cancelled_at, reason }))
}
