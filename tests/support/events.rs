//! Events of orders, as bytes.

use std::sync::LazyLock;

use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::encode::Encoder;

pub const SCHEMA: &str = include_str!("../../schemas/provider-order-event.avsc");
const SINGLE_OBJECT: [u8; 10] = [0xC3, 0x01, 0x16, 0x9b, 0x60, 0x63, 0x78, 0xa7, 0x54, 0xb0];

static ENCODER: LazyLock<Encoder> = LazyLock::new(|| Encoder::new(serde_json::from_str(SCHEMA).unwrap()));

/// One event, in no framing yet.
#[derive(Debug, Clone)]
pub struct Event {
    pub order: Uuid,
    pub sequence: i64,
    pub payload: Value,
}

impl Event {
    pub fn new(order: Uuid, sequence: i64, payload: Value) -> Self {
        Self { order, sequence, payload }
    }

    fn datum(&self) -> Vec<u8> {
        ENCODER.encode(&json!({
            "event_id": Uuid::now_v7().to_string(),
            "provider_order_id": self.order.to_string(),
            "sequence": self.sequence,
            "occurred_at": 1_700_000_000_000_000_i64 + self.sequence,
            "payload": self.payload,
        }))
    }

    pub fn single_object(&self) -> Vec<u8> {
        [SINGLE_OBJECT.to_vec(), self.datum()].concat()
    }

    pub fn confluent(&self, schema_id: u32) -> Vec<u8> {
        [vec![0], schema_id.to_be_bytes().to_vec(), self.datum()].concat()
    }
}

pub fn placed(provider: &str) -> Value {
    json!({
        "$branch": "OrderPlaced", "order_id": Uuid::now_v7().to_string(), "order_item_id": Uuid::now_v7().to_string(),
        "provider_id": provider, "service_id": "followers", "amount": money(),
    })
}

/// Due after so many milliseconds.
pub fn scheduled(replay: Uuid, due_ms: i64) -> Value {
    let scheduled_for = Utc::now().timestamp_micros() + due_ms * 1000;
    json!({
        "$branch": "ReplayScheduled", "replay_id": replay.to_string(), "requested_amount": money(),
        "scheduled_for": scheduled_for,
    })
}

pub fn executed(replay: Uuid) -> Value {
    json!({
        "$branch": "ReplayExecuted", "replay_id": replay.to_string(), "requested_amount": money(),
        "performed_at": 1_700_000_000_000_000_i64,
    })
}

/// `orders` orders of two providers, each placed, then with replays that are scheduled, and every second of them
/// executed: three events make two replays' life. In order; `each` events per order.
pub fn lives(orders: usize, each: usize) -> Vec<Event> {
    let mut events = Vec::new();
    for number in 0..orders {
        let (order, provider) = (Uuid::now_v7(), ["p1", "p2"][number % 2]);
        let mut replay = Uuid::now_v7();
        for sequence in 1..=each {
            let payload = match sequence % 3 {
                1 if sequence == 1 => placed(provider),
                0 => executed(replay),
                _ => {
                    replay = Uuid::now_v7();
                    scheduled(replay, 3_600_000)
                }
            };
            events.push(Event::new(order, i64::try_from(sequence).unwrap(), payload));
        }
    }
    events
}

fn money() -> Value {
    json!({"units": "12.5000", "currency": "EUR"})
}
