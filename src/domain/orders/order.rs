//! A provider order: the state that its events add up to, in whatever order they are folded.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::event::{Guardrails, OrderAmended, OrderCancelled, OrderPlaced, Payload, ServiceRule};
use super::guardrail::{GuardrailStatus, guardrail_status};
use super::money::Money;
use super::refill::Refill;
use super::register::Register;
use super::replay::{Outcome, Replay, ReplayStatus, Request};
use super::sequence::SequenceSet;
use super::telemetry::{CountKind, Counted, Counts};
use crate::domain::timestamp::Timestamp;

/// What only OrderPlaced sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    pub order_id: Uuid,
    pub order_item_id: Uuid,
    pub provider_id: String,
    pub provider_name: Option<String>,
    pub service_id: String,
    pub service_action: Option<String>,
    pub placed_at: Timestamp,
}

/// What the order's highest OrderCancelled says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    pub cancelled_at: Timestamp,
    pub reason: Option<String>,
}

/// Every field is a register by sequence, so that events may arrive in any order.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub provider_order_id: Uuid,
    /// Incremented with every write of the stored order; 0: not stored yet.
    pub version: i64,
    pub seen: SequenceSet,
    pub placement: Register<Option<Placement>>,
    pub provider_reference: Register<Option<String>>,
    pub amount: Register<Option<Money>>,
    pub provider_cost: Register<Option<Money>>,
    pub guardrails: Register<Option<Guardrails>>,
    pub service_rules: Register<Vec<ServiceRule>>,
    pub cancellation: Register<Option<Cancellation>>,
    /// occurred_at of the highest sequence.
    pub last_event: Register<Timestamp>,
    /// Boxed, because a node of the map has room for eleven values, and most orders have one.
    pub replays: BTreeMap<Uuid, Box<Replay>>,
    pub refills: BTreeMap<Uuid, Box<Refill>>,
}

impl Order {
    pub fn new(provider_order_id: Uuid) -> Order {
        Order {
            provider_order_id,
            version: 0,
            seen: SequenceSet::default(),
            placement: Register::default(),
            provider_reference: Register::default(),
            amount: Register::default(),
            provider_cost: Register::default(),
            guardrails: Register::default(),
            service_rules: Register::default(),
            cancellation: Register::default(),
            last_event: Register::new(0, Timestamp::MIN),
            replays: BTreeMap::new(),
            refills: BTreeMap::new(),
        }
    }

    /// Whether this is what is stored of it first.
    pub fn is_new(&self) -> bool {
        self.version == 1
    }

    /// Folds one event in. Returns `false`, and changes nothing, if its sequence is already there: whether that is a
    /// duplicate or a conflict is up to the caller, who can look at the history.
    pub fn apply(&mut self, sequence: i64, occurred_at: Timestamp, payload: Payload) -> bool {
        if !self.seen.insert(sequence) {
            return false;
        }
        self.last_event.set(sequence, occurred_at);
        match payload {
            Payload::OrderPlaced(placed) => self.place(sequence, occurred_at, placed),
            Payload::OrderAmended(amended) => self.amend(sequence, amended),
            Payload::OrderCancelled(OrderCancelled { reason }) => {
                self.cancellation.set(sequence, Some(Cancellation { cancelled_at: occurred_at, reason }));
            }
            Payload::RefillRecorded(recorded) => self.refill(Refill {
                refill_id: recorded.refill_id,
                sequence,
                amount: recorded.amount,
                performed_at: recorded.performed_at,
                response: recorded.response,
            }),
            _ => self.apply_to_replay(sequence, payload),
        }
        true
    }

    fn place(&mut self, sequence: i64, occurred_at: Timestamp, placed: OrderPlaced) {
        let placement = Placement {
            order_id: placed.order_id,
            order_item_id: placed.order_item_id,
            provider_id: placed.provider_id,
            provider_name: placed.provider_name,
            service_id: placed.service_id,
            service_action: placed.service_action,
            placed_at: occurred_at,
        };
        self.placement.set(sequence, Some(placement));
        self.provider_reference.set(sequence, placed.provider_reference);
        self.amount.set(sequence, Some(placed.amount));
        self.provider_cost.set(sequence, placed.provider_cost);
        self.guardrails.set(sequence, placed.guardrails);
        self.service_rules.set(sequence, placed.service_rules);
    }

    fn amend(&mut self, sequence: i64, amended: OrderAmended) {
        if amended.provider_reference.is_some() {
            self.provider_reference.set(sequence, amended.provider_reference);
        }
        if amended.amount.is_some() {
            self.amount.set(sequence, amended.amount);
        }
        if amended.provider_cost.is_some() {
            self.provider_cost.set(sequence, amended.provider_cost);
        }
        if amended.guardrails.is_some() {
            self.guardrails.set(sequence, amended.guardrails);
        }
        if let Some(service_rules) = amended.service_rules {
            self.service_rules.set(sequence, service_rules);
        }
    }

    fn refill(&mut self, refill: Refill) {
        let stands = self.refills.get(&refill.refill_id).is_none_or(|other| refill.sequence > other.sequence);
        if stands {
            self.refills.insert(refill.refill_id, Box::new(refill));
        }
    }

    fn apply_to_replay(&mut self, sequence: i64, payload: Payload) {
        match payload {
            Payload::ReplayScheduled(event) => {
                let replay = self.replay(event.replay_id);
                let request = request(event.requested_amount, event.rule_ids, event.rule_metadata);
                replay.request.set(sequence, request);
                replay.schedule.set(sequence, event.scheduled_for);
            }
            Payload::ReplayRescheduled(event) => {
                self.replay(event.replay_id).schedule.set(sequence, event.scheduled_for);
            }
            Payload::ReplayExecuted(event) => {
                let replay = self.replay(event.replay_id);
                let request = request(event.requested_amount, event.rule_ids, event.rule_metadata);
                replay.request.set(sequence, request);
                replay.outcome.set(sequence, outcome(event.performed_at, event.response));
                replay.executed += 1;
            }
            Payload::ReplayFailed(event) => {
                let replay = self.replay(event.replay_id);
                let request = request(event.requested_amount, event.rule_ids, event.rule_metadata);
                replay.request.set(sequence, request);
                replay.outcome.set(sequence, outcome(event.performed_at, event.response));
                replay.failure.set(sequence, Some(event.error));
                replay.failed += 1;
            }
            Payload::ReplayCancelled(event) => {
                self.replay(event.replay_id).cancel.set(sequence, event.reason);
            }
            Payload::OrderPlaced(_)
            | Payload::OrderAmended(_)
            | Payload::OrderCancelled(_)
            | Payload::RefillRecorded(_) => {}
        }
    }

    fn replay(&mut self, replay_id: Uuid) -> &mut Replay {
        self.replays.entry(replay_id).or_insert_with(|| Box::new(Replay::new(replay_id)))
    }

    pub fn provider_id(&self) -> Option<&str> {
        self.placement.value.as_ref().map(|placement| placement.provider_id.as_str())
    }

    pub fn service_id(&self) -> Option<&str> {
        self.placement.value.as_ref().map(|placement| placement.service_id.as_str())
    }

    pub fn guardrail_status(&self) -> GuardrailStatus {
        guardrail_status(self.guardrails.value.as_ref(), self.provider_cost.value.as_ref(), self.amount.value.as_ref())
    }

    pub fn replay_status(&self, replay: &Replay) -> ReplayStatus {
        replay.status(self.cancellation.sequence)
    }

    /// Adds (`sign` 1) or subtracts (`sign` -1) what this order contributes to telemetry and backlog.
    pub fn contribute(&self, counts: &mut Counts, sign: i64) {
        let kind = CountKind::Orders;
        let of_provider =
            Counted { kind, provider_id: self.provider_id(), service_id: None, rule_id: None, label: None };
        let mut count = |kind, count: i64| counts.add(&Counted { kind, ..of_provider }, sign * count);
        count(CountKind::Orders, 1);
        count(CountKind::Gaps, i64::from(self.seen.missing() > 0));
        count(CountKind::Placed, i64::from(self.placement.is_set()));
        count(CountKind::Executed, self.replays.values().map(|replay| replay.executed).sum());
        count(CountKind::Failed, self.replays.values().map(|replay| replay.failed).sum());
        let scheduled =
            self.replays.values().filter(|replay| self.replay_status(replay) == ReplayStatus::Scheduled).count();
        count(CountKind::Scheduled, scheduled as i64);
        // Only guardrails and rules are counted by service.
        let of_service = Counted { service_id: self.service_id(), ..of_provider };
        let guardrail = self.guardrail_status();
        if guardrail != GuardrailStatus::Idle {
            counts.add(&Counted { kind: CountKind::Guardrail(guardrail), ..of_service }, sign);
        }
        for ServiceRule { id, label, .. } in &self.service_rules.value {
            let (rule_id, label) = (Some(id.as_str()), label.as_deref());
            counts.add(&Counted { kind: CountKind::Rule, rule_id, label, ..of_service }, sign);
        }
    }
}

fn request(amount: Money, rule_ids: Vec<String>, rule_metadata: BTreeMap<String, String>) -> Request {
    Request { requested_amount: Some(amount), rule_ids, rule_metadata }
}

fn outcome(performed_at: Timestamp, response: Option<String>) -> Outcome {
    Outcome { performed_at: Some(performed_at), response }
}
