//! Replays: status and every field by the highest sequence that says it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::history::History;
use super::orders::{Order, number};
use super::{View, time};
use crate::hard_log::meaning::OrderEvent;

pub struct Replay {
    pub row: Value,
    /// Microseconds.
    pub scheduled_for: Option<i64>,
    pub executed: usize,
    pub failed: usize,
}

impl Replay {
    pub fn provider(&self) -> Option<&str> {
        self.row["provider_id"].as_str()
    }

    pub fn is_scheduled(&self) -> bool {
        self.row["status"] == "scheduled"
    }
}

pub type Replays = BTreeMap<(Uuid, String), Replay>;

pub fn fold(history: &History<'_>, orders: &BTreeMap<Uuid, Order>) -> Replays {
    // in order of sequence within an order
    let mut by_replay: BTreeMap<(Uuid, String), Vec<&OrderEvent>> = BTreeMap::new();
    for standing in history.events() {
        if let Some(id) = standing.event.payload.get("replay_id") {
            let key = (standing.event.order_id, id.as_str().unwrap().to_owned());
            by_replay.entry(key).or_default().push(standing.event);
        }
    }
    by_replay.into_iter().map(|(key, events)| (key.clone(), replay(&key, &events, &orders[&key.0]))).collect()
}

pub fn view(replays: &Replays) -> View {
    replays.iter().map(|((order, replay), folded)| (format!("{order} {replay}"), folded.row.clone())).collect()
}

/// (provider, scheduled_for) of those that are scheduled.
pub fn scheduled(replays: &Replays) -> Vec<(Option<String>, Option<i64>)> {
    let open = replays.values().filter(|replay| replay.is_scheduled());
    open.map(|replay| (replay.provider().map(str::to_owned), replay.scheduled_for)).collect()
}

fn replay(key: &(Uuid, String), events: &[&OrderEvent], order: &Order) -> Replay {
    let last = |names: &[&str]| events.iter().rev().find(|event| names.contains(&event.name));
    let of = |names: &[&str], field: &str| last(names).map_or(Value::Null, |event| event.payload[field].clone());
    let requested = ["ReplayScheduled", "ReplayExecuted", "ReplayFailed"];
    let timed = ["ReplayScheduled", "ReplayRescheduled"];
    let tried = ["ReplayExecuted", "ReplayFailed"];
    let count = |name: &str| events.iter().filter(|event| event.name == name).count();
    let (executed, failed) = (count("ReplayExecuted"), count("ReplayFailed"));
    let scheduled_for = of(&timed, "scheduled_for");
    let row = json!({
        "provider_order_id": key.0.to_string(),
        "replay_id": key.1,
        "provider_id": order.row["provider_id"],
        "status": status(events, order),
        "requested_amount": number(&of(&requested, "requested_amount")["units"]),
        "currency": of(&requested, "requested_amount")["currency"],
        "scheduled_for": time::optional_column(&scheduled_for),
        "performed_at": time::optional_column(&of(&tried, "performed_at")),
        "response": of(&tried, "response"),
        "error": of(&["ReplayFailed"], "error"),
        "cancel_reason": of(&["ReplayCancelled"], "reason"),
        "rule_ids": last(&requested).map_or(json!([]), |event| event.payload["rule_ids"].clone()),
        "rule_metadata": last(&requested).map_or(json!({}), |event| event.payload["rule_metadata"].clone()),
        "attempts": executed + failed,
    });
    Replay { row, scheduled_for: scheduled_for.as_i64(), executed, failed }
}

fn status(events: &[&OrderEvent], order: &Order) -> &'static str {
    let last = events.last().unwrap();
    match last.name {
        "ReplayExecuted" => "executed",
        "ReplayFailed" => "failed",
        "ReplayCancelled" => "cancelled",
        _ if order.cancelled_sequence.is_some_and(|cancelled| last.sequence < cancelled) => "cancelled",
        _ => "scheduled",
    }
}
