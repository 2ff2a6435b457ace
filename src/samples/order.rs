//! One sample order, and what can happen to it.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::orders::event::{
    Guardrails, OrderAmended, OrderCancelled, OrderEvent, OrderPlaced, Payload, RefillRecorded, ReplayCancelled,
    ReplayExecuted, ReplayFailed, ReplayRescheduled, ReplayScheduled, ServiceRule,
};
use crate::domain::orders::money::{Currency, Decimal, Money};
use crate::domain::timestamp::Timestamp;

use super::catalog::{ERRORS, ORDER_CANCELLED, PROVIDERS, Provider, REPLAY_CANCELLED, RULES};
use super::random::Chance;

const MINIMUM_PERCENT: f64 = 10.0;
const WARNING_PERCENT: f64 = 18.0;

#[derive(Debug)]
pub struct OpenOrder {
    pub provider: &'static Provider,
    /// Scheduled replays, by number.
    pub replays: BTreeMap<u64, Request>,
    id: Uuid,
    sequence: i64,
    events_left: u64,
    /// In ten-thousandths.
    amount: i64,
    replays_made: u64,
}

#[derive(Debug, Clone)]
pub struct Request {
    amount: Money,
    rule_ids: Vec<String>,
    rule_metadata: BTreeMap<String, String>,
}

impl OpenOrder {
    pub fn place(namespace: &Uuid, number: u64, chance: &mut Chance) -> (OpenOrder, Payload) {
        let id = Uuid::new_v5(namespace, &number.to_be_bytes());
        let provider = &PROVIDERS[chance.below(PROVIDERS.len() as u64) as usize];
        let order = OpenOrder {
            provider,
            replays: BTreeMap::new(),
            id,
            sequence: 0,
            events_left: chance.below(10) + 2,
            amount: chance.between(500, 40_000) * 100,
            replays_made: 0,
        };
        // Two items per order.
        let order_id = Uuid::new_v5(namespace, format!("order {}", number / 2).as_bytes());
        let payload = Payload::OrderPlaced(order.placed(order_id, number, chance));
        (order, payload)
    }

    fn placed(&self, order_id: Uuid, number: u64, chance: &mut Chance) -> OrderPlaced {
        let (service_id, service_action) = chance.pick(self.provider.services);
        OrderPlaced {
            order_id,
            order_item_id: self.derived("item", 0),
            provider_id: self.provider.id.to_owned(),
            provider_name: Some(self.provider.name.to_owned()),
            service_id: service_id.to_owned(),
            service_action: Some(service_action.to_owned()),
            provider_reference: chance.percent(80).then(|| format!("{}-{}", self.provider.id, 100_000 + number)),
            amount: self.money(self.amount),
            provider_cost: chance.percent(95).then(|| self.cost(chance)),
            guardrails: chance.percent(88).then(|| guardrails(chance)),
            service_rules: service_rules(chance),
        }
    }

    /// Its next event.
    pub fn event(&mut self, occurred_at: Timestamp, payload: Payload) -> OrderEvent {
        self.sequence += 1;
        self.events_left = self.events_left.saturating_sub(1);
        let event_id = self.derived("event", self.sequence.unsigned_abs());
        OrderEvent { event_id, provider_order_id: self.id, sequence: self.sequence, occurred_at, payload }
    }

    pub fn lives_on(&self) -> bool {
        self.events_left > 0
    }

    pub fn newest_replay(&self) -> Option<u64> {
        self.replays.last_key_value().map(|(number, _)| *number)
    }

    pub fn amend(&mut self, chance: &mut Chance) -> Payload {
        let costs = chance.percent(60);
        if !costs {
            self.amount += chance.between(-2_000, 4_000);
        }
        Payload::OrderAmended(OrderAmended {
            amount: (!costs).then(|| self.money(self.amount)),
            provider_cost: costs.then(|| self.cost(chance)),
            guardrails: chance.percent(15).then(|| guardrails(chance)),
            provider_reference: chance.percent(10).then(|| format!("{}-again-{}", self.provider.id, self.sequence)),
            service_rules: chance.percent(15).then(|| service_rules(chance)),
        })
    }

    pub fn schedule(&mut self, scheduled_for: Option<Timestamp>, chance: &mut Chance) -> (u64, Payload) {
        let number = self.next_replay();
        let request = self.request(chance);
        self.replays.insert(number, request.clone());
        let Request { amount, rule_ids, rule_metadata } = request;
        let replay_id = self.derived("replay", number);
        let scheduled = ReplayScheduled { replay_id, requested_amount: amount, scheduled_for, rule_ids, rule_metadata };
        (number, Payload::ReplayScheduled(scheduled))
    }

    pub fn reschedule(&mut self, replay: u64, scheduled_for: Option<Timestamp>) -> Option<Payload> {
        let replay_id = self.derived("replay", replay);
        self.replays
            .contains_key(&replay)
            .then_some(Payload::ReplayRescheduled(ReplayRescheduled { replay_id, scheduled_for }))
    }

    pub fn cancel_replay(&mut self, replay: u64, chance: &mut Chance) -> Option<Payload> {
        self.replays.remove(&replay)?;
        let reason = chance.percent(70).then(|| chance.pick(&REPLAY_CANCELLED).to_owned());
        Some(Payload::ReplayCancelled(ReplayCancelled { replay_id: self.derived("replay", replay), reason }))
    }

    /// The worker has picked it up.
    pub fn finish_replay(&mut self, replay: u64, now: Timestamp, chance: &mut Chance) -> Option<Payload> {
        let request = self.replays.remove(&replay)?;
        Some(self.outcome(replay, request, now, chance))
    }

    /// A replay that was never scheduled.
    pub fn run_by_hand(&mut self, now: Timestamp, chance: &mut Chance) -> Payload {
        let number = self.next_replay();
        let request = self.request(chance);
        self.outcome(number, request, now, chance)
    }

    fn outcome(&self, number: u64, request: Request, performed_at: Timestamp, chance: &mut Chance) -> Payload {
        let replay_id = self.derived("replay", number);
        let Request { amount: requested_amount, rule_ids, rule_metadata } = request;
        if !chance.percent(self.provider.failures_percent) {
            let response = Some(format!(r#"{{"accepted":true,"ref":"{}-{number}"}}"#, self.provider.id));
            return Payload::ReplayExecuted(ReplayExecuted {
                replay_id,
                requested_amount,
                performed_at,
                response,
                rule_ids,
                rule_metadata,
            });
        }
        Payload::ReplayFailed(ReplayFailed {
            replay_id,
            requested_amount,
            performed_at,
            error: chance.pick(&ERRORS).to_owned(),
            response: chance.percent(50).then(|| r#"{"accepted":false}"#.to_owned()),
            rule_ids,
            rule_metadata,
        })
    }

    pub fn refill(&mut self, performed_at: Timestamp, chance: &mut Chance) -> Payload {
        Payload::RefillRecorded(RefillRecorded {
            refill_id: self.derived("refill", self.sequence.unsigned_abs()),
            amount: self.money(self.amount * chance.between(2, 30) / 100),
            performed_at,
            response: chance.percent(60).then(|| r#"{"refilled":true}"#.to_owned()),
        })
    }

    pub fn cancel(&mut self, chance: &mut Chance) -> Payload {
        let reason = chance.percent(80).then(|| chance.pick(&ORDER_CANCELLED).to_owned());
        Payload::OrderCancelled(OrderCancelled { reason })
    }

    fn next_replay(&mut self) -> u64 {
        self.replays_made += 1;
        self.replays_made
    }

    fn request(&self, chance: &mut Chance) -> Request {
        let (rule, label, _) = chance.pick(&RULES);
        let ruled = chance.percent(40);
        let metadata = label.filter(|_| ruled).map(|label| ("label".to_owned(), label.to_owned()));
        Request {
            amount: self.money(self.amount * chance.between(10, 100) / 100),
            rule_ids: if ruled { vec![rule.to_owned()] } else { Vec::new() },
            rule_metadata: metadata.into_iter().collect(),
        }
    }

    /// Chosen so that the margin mostly passes, and sometimes warns or fails.
    fn cost(&self, chance: &mut Chance) -> Money {
        let margin_percent = match chance.below(100) {
            0..68 => chance.between(20, 45),
            68..88 => chance.between(11, 18),
            _ => chance.between(-4, 10),
        };
        self.money(self.amount * (100 - margin_percent) / 100)
    }

    #[expect(clippy::expect_used, reason = "the catalog's currencies are codes of three letters, and a test picks all")]
    fn money(&self, ten_thousandths: i64) -> Money {
        let currency = Currency::parse(self.provider.currency).expect("a currency of the catalog");
        Money { units: Decimal::from_ten_thousandths(ten_thousandths).unwrap_or_default(), currency }
    }

    /// Derives an id that belongs to this order.
    fn derived(&self, kind: &str, number: u64) -> Uuid {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&number.to_be_bytes());
        name[8..8 + kind.len()].copy_from_slice(kind.as_bytes());
        Uuid::new_v5(&self.id, &name)
    }
}

fn guardrails(chance: &mut Chance) -> Guardrails {
    Guardrails {
        minimum_margin_absolute: Decimal::from_ten_thousandths(500).filter(|_| chance.percent(40)),
        minimum_margin_percent: Some(MINIMUM_PERCENT),
        warning_margin_percent: chance.percent(90).then_some(WARNING_PERCENT),
    }
}

fn service_rules(chance: &mut Chance) -> Vec<ServiceRule> {
    let applies = |(id, label, priority): &(&str, Option<&str>, Option<i32>)| ServiceRule {
        id: (*id).to_owned(),
        label: label.map(str::to_owned),
        priority: *priority,
    };
    RULES.iter().filter(|_| chance.percent(20)).map(applies).collect()
}
