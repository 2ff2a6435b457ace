//! Small events: orders of 3 to 6 events, interleaved among many open ones, of many providers and services.

use std::collections::BTreeMap;

use foldback::domain::orders::event::{
    OrderAmended, OrderCancelled, OrderEvent, OrderPlaced, Payload, RefillRecorded, ReplayExecuted, ReplayFailed,
    ReplayScheduled,
};
use foldback::domain::orders::money::{Currency, Decimal, Money};
use foldback::domain::timestamp::Timestamp;
use foldback::samples::random::Chance;
use uuid::Uuid;

const SERVICES: u64 = 60;
const EVENTS_LEAST: u64 = 3;
const EVENTS_MOST: u64 = 6;
/// How far ahead replays are scheduled, at most.
const AHEAD_MICROS: u64 = 86_400_000_000;

/// What decides the events: equal settings give equal events.
#[derive(Debug, Clone, Copy)]
pub struct SmallSettings {
    pub seed: u64,
    /// Time of the first event, and between two of them.
    pub base: Timestamp,
    pub step_micros: i64,
    pub open_orders: usize,
    pub providers: u64,
}

/// An endless log.
pub struct Small {
    settings: SmallSettings,
    chance: Chance,
    events: i64,
    open: Vec<Option<Open>>,
}

/// An order that has events to come.
struct Open {
    id: Uuid,
    sequence: i64,
    left: u64,
    replay: Option<Uuid>,
}

impl Small {
    pub fn new(settings: SmallSettings) -> Small {
        let open = std::iter::repeat_with(|| None).take(settings.open_orders.max(1)).collect();
        Small { settings, chance: Chance::new(settings.seed), events: 0, open }
    }

    fn now(&self) -> Timestamp {
        let passed = self.events.saturating_mul(self.settings.step_micros);
        Timestamp::from_micros(self.settings.base.micros().saturating_add(passed)).unwrap_or(Timestamp::MAX)
    }

    fn placed(&mut self) -> Payload {
        let provider = self.chance.below(self.settings.providers);
        Payload::OrderPlaced(OrderPlaced {
            order_id: id(&mut self.chance),
            order_item_id: id(&mut self.chance),
            provider_id: format!("p{provider:02}"),
            provider_name: None,
            service_id: format!("s{:02}", self.chance.below(SERVICES)),
            service_action: None,
            provider_reference: None,
            amount: money(&mut self.chance),
            provider_cost: Some(money(&mut self.chance)),
            guardrails: None,
            service_rules: Vec::new(),
        })
    }

    fn later(&mut self, order: &mut Open, now: Timestamp) -> Payload {
        if let Some(replay_id) = order.replay.take() {
            return self.performed(replay_id, now);
        }
        match self.chance.below(100) {
            0..50 => {
                let replay_id = id(&mut self.chance);
                order.replay = Some(replay_id);
                self.scheduled(replay_id, now)
            }
            50..75 => Payload::RefillRecorded(RefillRecorded {
                refill_id: id(&mut self.chance),
                amount: money(&mut self.chance),
                performed_at: now,
                response: Some("{\"refill\":\"accepted by the provider\",\"charge\":0}".into()),
            }),
            75..97 => Payload::OrderAmended(OrderAmended {
                amount: Some(money(&mut self.chance)),
                provider_cost: None,
                guardrails: None,
                provider_reference: Some(format!("reference-{:016x}-of-the-provider-again", self.chance.bits())),
                service_rules: None,
            }),
            _ => Payload::OrderCancelled(OrderCancelled { reason: Some("the customer asked for a refund".into()) }),
        }
    }

    fn scheduled(&mut self, replay_id: Uuid, now: Timestamp) -> Payload {
        let ahead = now.micros().saturating_add(self.chance.below(AHEAD_MICROS) as i64);
        Payload::ReplayScheduled(ReplayScheduled {
            replay_id,
            requested_amount: money(&mut self.chance),
            scheduled_for: Timestamp::from_micros(ahead),
            rule_ids: vec!["rule-slow-start".into()],
            rule_metadata: BTreeMap::from([("cause".into(), "delivery fell behind".into())]),
        })
    }

    fn performed(&mut self, replay_id: Uuid, performed_at: Timestamp) -> Payload {
        let requested_amount = money(&mut self.chance);
        if self.chance.below(10) == 0 {
            return Payload::ReplayFailed(ReplayFailed {
                replay_id,
                requested_amount,
                performed_at,
                error: "the provider did not answer within 30 s".into(),
                response: None,
                rule_ids: Vec::new(),
                rule_metadata: BTreeMap::new(),
            });
        }
        Payload::ReplayExecuted(ReplayExecuted {
            replay_id,
            requested_amount,
            performed_at,
            response: Some("{\"status\":\"accepted\",\"charge\":0}".into()),
            rule_ids: Vec::new(),
            rule_metadata: BTreeMap::new(),
        })
    }
}

impl Iterator for Small {
    type Item = OrderEvent;

    fn next(&mut self) -> Option<OrderEvent> {
        let now = self.now();
        self.events += 1;
        let place = self.chance.below(self.open.len() as u64) as usize;
        let (mut order, payload) = match self.open[place].take() {
            Some(mut order) => {
                let payload = self.later(&mut order, now);
                (order, payload)
            }
            None => {
                let left = EVENTS_LEAST + self.chance.below(EVENTS_MOST - EVENTS_LEAST + 1);
                let order = Open { id: id(&mut self.chance), sequence: 0, left, replay: None };
                (order, self.placed())
            }
        };
        order.sequence += 1;
        order.left -= 1;
        let event_id = id(&mut self.chance);
        let (provider_order_id, sequence) = (order.id, order.sequence);
        self.open[place] = (order.left > 0).then_some(order);
        Some(OrderEvent { event_id, provider_order_id, sequence, occurred_at: now, payload })
    }
}

fn id(chance: &mut Chance) -> Uuid {
    let bits = u128::from(chance.bits()) << 64 | u128::from(chance.bits());
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
}

/// From 1.00 to 400.00 euros.
fn money(chance: &mut Chance) -> Money {
    let units = Decimal::from_ten_thousandths(10_000 + chance.below(3_990_000) as i64).unwrap_or_default();
    Money { units, currency: EUR.with(|currency| *currency) }
}

thread_local! {
    /// Three capital letters are a currency.
    #[allow(clippy::expect_used)]
    static EUR: Currency = Currency::parse("EUR").expect("EUR is a currency");
}
