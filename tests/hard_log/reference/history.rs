//! Which event stands at each sequence of each order.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{View, order_event, time};
use crate::hard_log::meaning::{OrderEvent, Stored};

/// The events that stand, by order and sequence, each with its smallest copy.
pub struct History<'a> {
    pub orders: BTreeMap<Uuid, BTreeMap<i64, Incumbent<'a>>>,
    /// The smallest copies of the events that lost their sequence.
    pub displaced: Vec<&'a Stored>,
}

pub struct Incumbent<'a> {
    pub event: &'a OrderEvent,
    pub record: &'a Stored,
}

impl<'a> History<'a> {
    pub fn of(log: &'a [Stored]) -> Self {
        let mut orders: BTreeMap<Uuid, BTreeMap<i64, Incumbent<'a>>> = BTreeMap::new();
        let mut displaced = Vec::new();
        for ((order, sequence), mut copies) in smallest_copies(log) {
            copies.sort_by_key(|record| record.position());
            let record = copies.remove(0);
            let event = order_event(record).unwrap();
            orders.entry(order).or_default().insert(sequence, Incumbent { event, record });
            displaced.extend(copies);
        }
        Self { orders, displaced }
    }

    pub fn events(&self) -> impl Iterator<Item = &Incumbent<'a>> {
        self.orders.values().flat_map(BTreeMap::values)
    }

    pub fn view(&self) -> View {
        self.events().map(|standing| row(standing)).collect()
    }
}

/// By order and sequence: of each event that claims it, the copy with the smallest position.
fn smallest_copies(log: &[Stored]) -> BTreeMap<(Uuid, i64), Vec<&Stored>> {
    let mut by_event: BTreeMap<(Uuid, i64, Uuid), &Stored> = BTreeMap::new();
    for record in log {
        let Some(event) = order_event(record) else { continue };
        let copy = by_event.entry((event.order_id, event.sequence, event.event_id)).or_insert(record);
        if record.position() < copy.position() {
            *copy = record;
        }
    }
    let mut claims: BTreeMap<(Uuid, i64), Vec<&Stored>> = BTreeMap::new();
    for ((order, sequence, _), record) in by_event {
        claims.entry((order, sequence)).or_default().push(record);
    }
    claims
}

fn row(standing: &Incumbent<'_>) -> (String, Value) {
    let (event, record) = (standing.event, standing.record);
    let row = json!({
        "provider_order_id": event.order_id.to_string(),
        "sequence": event.sequence,
        "event_id": event.event_id.to_string(),
        "event_type": snake_case(event.name),
        "occurred_at": time::column(event.occurred_micros),
        "payload": payload(&event.payload),
        "topic": record.topic_name,
        "partition": record.draft.partition,
        "offset": record.offset,
        "recorded_at": time::column(record.draft.timestamp_millis * 1000),
    });
    (format!("{} {:016}", event.order_id, event.sequence), row)
}

/// As data, but for times, which are text.
fn payload(payload: &Value) -> Value {
    let mut shown = payload.clone();
    for name in ["scheduled_for", "performed_at"] {
        if let Some(micros) = payload.get(name).and_then(Value::as_i64) {
            shown[name] = json!(time::iso(micros));
        }
    }
    shown
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
