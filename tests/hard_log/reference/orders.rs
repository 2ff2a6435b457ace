//! Provider orders: each field is what the highest sequence says that sets it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::history::{History, Incumbent};
use super::{View, guardrail, time};

/// An order's row, and the sequence of its highest cancellation.
pub struct Order {
    pub row: Value,
    pub cancelled_sequence: Option<i64>,
}

impl Order {
    pub fn provider(&self) -> Option<&str> {
        self.row["provider_id"].as_str()
    }
}

pub fn fold(history: &History<'_>) -> BTreeMap<Uuid, Order> {
    history.orders.iter().map(|(id, events)| (*id, order(*id, events))).collect()
}

pub fn view(orders: &BTreeMap<Uuid, Order>) -> View {
    orders.iter().map(|(id, order)| (id.to_string(), order.row.clone())).collect()
}

fn order(id: Uuid, events: &BTreeMap<i64, Incumbent<'_>>) -> Order {
    let newest = |name: &str| events.values().rev().find(|standing| standing.event.name == name).map(|s| s.event);
    let placed = newest("OrderPlaced");
    let cancelled = newest("OrderCancelled");
    let of_placed = |field: &str| placed.map_or(Value::Null, |event| event.payload[field].clone());
    let (amount, cost) = (register(events, "amount"), register(events, "provider_cost"));
    let limits = register(events, "guardrails");
    let last = events.values().next_back().unwrap().event;
    let rules = match register(events, "service_rules") {
        Value::Null => json!([]),
        rules => rules,
    };
    let row = json!({
        "provider_order_id": id.to_string(),
        "order_id": of_placed("order_id"),
        "order_item_id": of_placed("order_item_id"),
        "provider_id": of_placed("provider_id"),
        "provider_name": of_placed("provider_name"),
        "service_id": of_placed("service_id"),
        "service_action": of_placed("service_action"),
        "provider_reference": register(events, "provider_reference"),
        "amount": number(&amount["units"]),
        "currency": amount["currency"],
        "provider_cost": number(&cost["units"]),
        "provider_cost_currency": cost["currency"],
        "minimum_margin_absolute": number(&limits["minimum_margin_absolute"]),
        "minimum_margin_percent": limits["minimum_margin_percent"],
        "warning_margin_percent": limits["warning_margin_percent"],
        "service_rules": rules,
        "guardrail_status": guardrail::status(&amount, &cost, &limits),
        "placed_at": placed.map(|event| time::column(event.occurred_micros)),
        "last_event_at": time::column(last.occurred_micros),
        "last_sequence": last.sequence,
        "missing_events": last.sequence - events.len() as i64,
        "cancelled_at": cancelled.map(|event| time::column(event.occurred_micros)),
        "cancel_reason": cancelled.map_or(Value::Null, |event| event.payload["reason"].clone()),
    });
    Order { row, cancelled_sequence: cancelled.map(|event| event.sequence) }
}

/// OrderPlaced sets it even to null, OrderAmended only to something.
fn register(events: &BTreeMap<i64, Incumbent<'_>>, field: &str) -> Value {
    let setter = events.values().rev().map(|standing| standing.event).find(|event| match event.name {
        "OrderPlaced" => true,
        "OrderAmended" => !event.payload[field].is_null(),
        _ => false,
    });
    setter.map_or(Value::Null, |event| event.payload[field].clone())
}

/// A numeric column of a decimal's text.
pub fn number(text: &Value) -> Value {
    text.as_str().map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}
