//! Realistic sample events: orders, their replays and refills, and the runs of the automation workers.
//!
//! The same settings give the same events, so publishing them twice only adds duplicates.

mod catalog;
mod order;
mod pending;
pub mod publish;
pub mod random;
mod runs;

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::orders::event::{OrderEvent, Payload};
use crate::domain::runs::run::Run;
use crate::domain::timestamp::Timestamp;

use order::OpenOrder;
use pending::{Pending, due_and_pickup};
use random::Chance;
use runs::Workers;

/// One of this many events is a run.
const RUN_EVERY: u64 = 200;
const OPEN_ORDERS_MIN: usize = 20;
const NAMESPACE: Uuid = Uuid::from_u128(0x6a1c_5b5e_7d0f_4d57_9b5c_2f0e_83a4_7c11);

/// Determines the sample events: equal settings give equal events.
#[derive(Debug, Clone, Copy)]
pub struct SampleSettings {
    pub seed: u64,
    /// Time of the first event.
    pub base: Timestamp,
    /// Time between two events.
    pub step_micros: i64,
}

/// One generated event, of either topic.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleEvent {
    Order(OrderEvent),
    Run(Run),
}

/// Endless iterator of events.
#[derive(Debug)]
pub struct Sample {
    settings: SampleSettings,
    chance: Chance,
    namespace: Uuid,
    events: u64,
    orders_placed: u64,
    /// By number, oldest first.
    open: BTreeMap<u64, OpenOrder>,
    pending: Pending,
    workers: Workers,
}

impl Sample {
    pub fn new(settings: SampleSettings) -> Sample {
        let name = format!("{} {} {}", settings.seed, settings.base, settings.step_micros);
        let namespace = Uuid::new_v5(&NAMESPACE, name.as_bytes());
        Sample {
            settings,
            chance: Chance::new(settings.seed),
            namespace,
            events: 0,
            orders_placed: 0,
            open: BTreeMap::new(),
            pending: Pending::default(),
            workers: Workers::new(namespace),
        }
    }

    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.events).unwrap_or(i64::MAX).saturating_mul(self.settings.step_micros);
        Timestamp::from_micros(self.settings.base.micros().saturating_add(passed)).unwrap_or(Timestamp::MAX)
    }

    /// The next event: of which order, and what happens.
    fn happen(&mut self, now: Timestamp) -> OrderEvent {
        if let Some((order, replay)) = self.pending.take_due(now) {
            return self.on_order(order, now, |order, chance| order.finish_replay(replay, now, chance));
        }
        let Some(number) = self.any_open() else { return self.place(now) };
        match self.chance.below(100) {
            0..14 => self.place(now),
            14..30 => self.on_order(number, now, |order, chance| Some(order.amend(chance))),
            30..62 => self.schedule(number, now),
            62..72 => self.reschedule(number, now),
            72..78 => self.cancel_replay(number, now),
            78..90 => self.on_order(number, now, |order, chance| Some(order.refill(now, chance))),
            90..96 => self.on_order(number, now, |order, chance| Some(order.run_by_hand(now, chance))),
            _ => self.cancel_order(number, now),
        }
    }

    /// Picks an open order that can still have events, and drops finished ones.
    fn any_open(&mut self) -> Option<u64> {
        let (first, last) = (*self.open.first_key_value()?.0, *self.open.last_key_value()?.0);
        if self.open.len() < OPEN_ORDERS_MIN && self.chance.percent(60) {
            return None;
        }
        let from = first + self.chance.below(last - first + 1);
        let number = *self.open.range(from..).next()?.0;
        let order = self.open.get(&number)?;
        if order.lives_on() {
            return Some(number);
        }
        if order.replays.is_empty() {
            self.open.remove(&number);
        }
        None
    }

    fn place(&mut self, now: Timestamp) -> OrderEvent {
        let number = self.orders_placed;
        self.orders_placed += 1;
        let (mut order, payload) = OpenOrder::place(&self.namespace, number, &mut self.chance);
        self.workers.saw_order(&payload);
        let event = order.event(now, payload);
        self.open.insert(number, order);
        event
    }

    /// Places a new order if the order has no further event.
    fn on_order(
        &mut self,
        number: u64,
        now: Timestamp,
        act: impl FnOnce(&mut OpenOrder, &mut Chance) -> Option<Payload>,
    ) -> OrderEvent {
        let Some(order) = self.open.get_mut(&number) else { return self.place(now) };
        let Some(payload) = act(order, &mut self.chance) else { return self.place(now) };
        self.workers.saw_outcome(order.provider, &payload);
        order.event(now, payload)
    }

    fn schedule(&mut self, number: u64, now: Timestamp) -> OrderEvent {
        let time = due_and_pickup(now, self.pending.is_full(), &mut self.chance);
        let Some(order) = self.open.get_mut(&number) else { return self.place(now) };
        let (replay, payload) = order.schedule(time.due, &mut self.chance);
        self.pending.add(number, replay, time);
        order.event(now, payload)
    }

    fn reschedule(&mut self, number: u64, now: Timestamp) -> OrderEvent {
        let Some(replay) = self.open.get(&number).and_then(OpenOrder::newest_replay) else {
            return self.schedule(number, now);
        };
        let time = due_and_pickup(now, self.pending.is_full(), &mut self.chance);
        self.pending.remove(number, replay);
        self.pending.add(number, replay, time);
        self.on_order(number, now, |order, _| order.reschedule(replay, time.due))
    }

    fn cancel_replay(&mut self, number: u64, now: Timestamp) -> OrderEvent {
        let Some(replay) = self.open.get(&number).and_then(OpenOrder::newest_replay) else {
            return self.schedule(number, now);
        };
        self.pending.remove(number, replay);
        self.on_order(number, now, |order, chance| order.cancel_replay(replay, chance))
    }

    fn cancel_order(&mut self, number: u64, now: Timestamp) -> OrderEvent {
        let Some(mut order) = self.open.remove(&number) else { return self.place(now) };
        for replay in order.replays.keys() {
            self.pending.remove(number, *replay);
        }
        let payload = order.cancel(&mut self.chance);
        order.event(now, payload)
    }
}

impl Iterator for Sample {
    type Item = SampleEvent;

    fn next(&mut self) -> Option<SampleEvent> {
        let now = self.now();
        self.events += 1;
        if self.events.is_multiple_of(RUN_EVERY) {
            let run = self.workers.run(now, &self.pending, &mut self.chance);
            return Some(SampleEvent::Run(run));
        }
        Some(SampleEvent::Order(self.happen(now)))
    }
}

#[cfg(test)]
mod tests;
