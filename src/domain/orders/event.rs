//! The facts that the log carries about provider orders.
//!
//! The serde names are the Avro schema's, so that a payload's JSON (the history's `payload` column) has the
//! schema's own field names and reads back into the same value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::money::{Decimal, Money};
use crate::domain::timestamp::Timestamp;

/// One accepted fact about one provider order; every value in it has passed the contract's rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderEvent {
    pub event_id: Uuid,
    pub provider_order_id: Uuid,
    /// At least 1, at most 2^53.
    pub sequence: i64,
    pub occurred_at: Timestamp,
    pub payload: Payload,
}

/// What happened, by event type. The variants are the branches of the Avro union in
/// schemas/provider-order-event.avsc, in any order; an unknown branch never gets here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Payload {
    OrderPlaced(OrderPlaced),
    OrderAmended(OrderAmended),
    ReplayScheduled(ReplayScheduled),
    ReplayRescheduled(ReplayRescheduled),
    ReplayExecuted(ReplayExecuted),
    ReplayFailed(ReplayFailed),
    ReplayCancelled(ReplayCancelled),
    RefillRecorded(RefillRecorded),
    OrderCancelled(OrderCancelled),
}

/// An order was given to a provider. Sets every field; placed again, it replaces them all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderPlaced {
    pub order_id: Uuid,
    pub order_item_id: Uuid,
    pub provider_id: String,
    pub provider_name: Option<String>,
    pub service_id: String,
    pub service_action: Option<String>,
    pub provider_reference: Option<String>,
    pub amount: Money,
    pub provider_cost: Option<Money>,
    pub guardrails: Option<Guardrails>,
    pub service_rules: Vec<ServiceRule>,
}

/// Replaces the fields that are present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderAmended {
    pub amount: Option<Money>,
    pub provider_cost: Option<Money>,
    pub guardrails: Option<Guardrails>,
    pub provider_reference: Option<String>,
    pub service_rules: Option<Vec<ServiceRule>>,
}

/// A replay was planned, under an id that is unique within its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayScheduled {
    pub replay_id: Uuid,
    pub requested_amount: Money,
    /// `None`: due immediately.
    pub scheduled_for: Option<Timestamp>,
    pub rule_ids: Vec<String>,
    pub rule_metadata: BTreeMap<String, String>,
}

/// A replay got another time; `None` makes it due at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayRescheduled {
    pub replay_id: Uuid,
    pub scheduled_for: Option<Timestamp>,
}

/// A replay succeeded. It need not have been scheduled before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayExecuted {
    pub replay_id: Uuid,
    pub requested_amount: Money,
    pub performed_at: Timestamp,
    pub response: Option<String>,
    pub rule_ids: Vec<String>,
    pub rule_metadata: BTreeMap<String, String>,
}

/// An attempt at a replay failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayFailed {
    pub replay_id: Uuid,
    pub requested_amount: Money,
    pub performed_at: Timestamp,
    pub error: String,
    pub response: Option<String>,
    pub rule_ids: Vec<String>,
    pub rule_metadata: BTreeMap<String, String>,
}

/// A replay was called off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayCancelled {
    pub replay_id: Uuid,
    pub reason: Option<String>,
}

/// A refill was made; the highest sequence per `refill_id` wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefillRecorded {
    pub refill_id: Uuid,
    pub amount: Money,
    pub performed_at: Timestamp,
    pub response: Option<String>,
}

/// The order was cancelled, and with it every replay scheduled by a lower sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderCancelled {
    pub reason: Option<String>,
}

/// Margin limits; a missing limit does not apply. Percents are finite and at most 1e6 either way; never -0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Guardrails {
    pub minimum_margin_absolute: Option<Decimal>,
    pub minimum_margin_percent: Option<f64>,
    pub warning_margin_percent: Option<f64>,
}

/// A service override rule that applied to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceRule {
    /// The rule's id.
    #[schema(examples("rule-peak-hours"))]
    pub id: String,
    /// What people call it; null if the event gives no label.
    #[schema(examples("Peak hours"))]
    pub label: Option<String>,
    /// As the event gives it.
    #[schema(examples(10))]
    pub priority: Option<i32>,
}

/// A payload's JSON could not be read back: something else changed the history.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    #[error("`{0}` is not an event type")]
    UnknownType(String),
    #[error("the payload does not match its event type: {0}")]
    Json(#[from] serde_json::Error),
}

impl Payload {
    /// The payload's name in snake_case, as in the history's `event_type`.
    pub fn event_type(&self) -> &'static str {
        match self {
            Payload::OrderPlaced(_) => "order_placed",
            Payload::OrderAmended(_) => "order_amended",
            Payload::ReplayScheduled(_) => "replay_scheduled",
            Payload::ReplayRescheduled(_) => "replay_rescheduled",
            Payload::ReplayExecuted(_) => "replay_executed",
            Payload::ReplayFailed(_) => "replay_failed",
            Payload::ReplayCancelled(_) => "replay_cancelled",
            Payload::RefillRecorded(_) => "refill_recorded",
            Payload::OrderCancelled(_) => "order_cancelled",
        }
    }

    /// How many entries its lists and maps have: each takes memory of its own, however short it is in the log.
    pub fn entries(&self) -> usize {
        let request = |rule_ids: &Vec<String>, metadata: &BTreeMap<String, String>| rule_ids.len() + metadata.len();
        match self {
            Payload::OrderPlaced(placed) => placed.service_rules.len(),
            Payload::OrderAmended(amended) => amended.service_rules.as_ref().map_or(0, Vec::len),
            Payload::ReplayScheduled(event) => request(&event.rule_ids, &event.rule_metadata),
            Payload::ReplayExecuted(event) => request(&event.rule_ids, &event.rule_metadata),
            Payload::ReplayFailed(event) => request(&event.rule_ids, &event.rule_metadata),
            Payload::ReplayRescheduled(_)
            | Payload::ReplayCancelled(_)
            | Payload::RefillRecorded(_)
            | Payload::OrderCancelled(_) => 0,
        }
    }

    /// Writes every field under its name in the schema: times as ISO 8601, decimals as strings with four decimals.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let written = match self {
            Payload::OrderPlaced(payload) => serde_json::to_writer(out, payload),
            Payload::OrderAmended(payload) => serde_json::to_writer(out, payload),
            Payload::ReplayScheduled(payload) => serde_json::to_writer(out, payload),
            Payload::ReplayRescheduled(payload) => serde_json::to_writer(out, payload),
            Payload::ReplayExecuted(payload) => serde_json::to_writer(out, payload),
            Payload::ReplayFailed(payload) => serde_json::to_writer(out, payload),
            Payload::ReplayCancelled(payload) => serde_json::to_writer(out, payload),
            Payload::RefillRecorded(payload) => serde_json::to_writer(out, payload),
            Payload::OrderCancelled(payload) => serde_json::to_writer(out, payload),
        };
        // Writing to memory can't fail, and every map key above is a string.
        debug_assert!(written.is_ok());
    }

    /// Reads what `write_json` wrote.
    pub fn read_json(event_type: &str, json: &str) -> Result<Payload, PayloadError> {
        Ok(match event_type {
            "order_placed" => Payload::OrderPlaced(serde_json::from_str(json)?),
            "order_amended" => Payload::OrderAmended(serde_json::from_str(json)?),
            "replay_scheduled" => Payload::ReplayScheduled(serde_json::from_str(json)?),
            "replay_rescheduled" => Payload::ReplayRescheduled(serde_json::from_str(json)?),
            "replay_executed" => Payload::ReplayExecuted(serde_json::from_str(json)?),
            "replay_failed" => Payload::ReplayFailed(serde_json::from_str(json)?),
            "replay_cancelled" => Payload::ReplayCancelled(serde_json::from_str(json)?),
            "refill_recorded" => Payload::RefillRecorded(serde_json::from_str(json)?),
            "order_cancelled" => Payload::OrderCancelled(serde_json::from_str(json)?),
            other => return Err(PayloadError::UnknownType(other.to_owned())),
        })
    }
}
