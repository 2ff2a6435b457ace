//! Any order, any repeats, any batching: equal views. A store in memory stands in for Postgres.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use super::{Content, Folded, Incumbent, Item, Known, StoredRun, fold, known};
use crate::domain::change::{ChangeSet, ChangedPart, HistoryEntry, NamedBy, RunEntry};
use crate::domain::log::dead_letter::ConflictKey;
use crate::domain::log::position::Position;
use crate::domain::log::record::{RawRecord, Stream};
use crate::domain::orders::event::*;
use crate::domain::orders::money::{Currency, Decimal, Money};
use crate::domain::orders::order::Order;
use crate::domain::orders::telemetry::{Counts, Telemetry};
use crate::domain::runs::run::{Run, RunStatus, RunType};
use crate::domain::timestamp::Timestamp;

/// What Postgres would hold.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub orders: HashMap<Uuid, Arc<Order>>,
    pub history: BTreeMap<(Uuid, i64), HistoryEntry>,
    lost: BTreeMap<ConflictKey, Position>,
    pub counts: Counts,
    pub names: BTreeMap<String, NamedBy>,
    runs: BTreeMap<Uuid, RunEntry>,
}

/// What readers would see of it.
#[derive(Debug, PartialEq)]
pub(super) struct Views {
    pub orders: BTreeMap<Uuid, Order>,
    history: BTreeMap<(Uuid, i64), HistoryEntry>,
    lost: BTreeMap<ConflictKey, Position>,
    telemetry: Telemetry,
    names: BTreeMap<String, NamedBy>,
    runs: BTreeMap<Uuid, RunEntry>,
}

impl Memory {
    pub fn take(&mut self, items: &[Item]) -> Folded {
        let folded = fold(items, &self.known(items));
        let changes = &folded.changes;
        self.assert_new(changes);
        for order in &changes.orders {
            let stored = self.orders.get(&order.provider_order_id).map_or(0, |order| order.version);
            assert_eq!(order.version, stored + 1, "the version check of the upsert");
            self.orders.insert(order.provider_order_id, order.clone());
        }
        for entry in changes.events.iter().chain(&changes.replaced) {
            self.history.insert((entry.event.provider_order_id, entry.event.sequence), entry.clone());
        }
        for conflict in &changes.withdrawn {
            assert!(self.lost.remove(conflict).is_some(), "a dead letter that is withdrawn was there");
        }
        for displaced in &changes.displaced {
            self.lost.insert(displaced.conflict, displaced.position);
        }
        for dead_letter in &changes.dead_letters {
            self.lost.insert(dead_letter.conflict.unwrap(), dead_letter.record.position);
        }
        for (key, count) in changes.counts.iter() {
            self.counts.add(&key.as_counted(), count);
        }
        for entry in &changes.runs {
            self.runs.insert(entry.run.run_id, entry.clone());
        }
        self.name(&folded);
        folded
    }

    /// Rows that are said to be new are written without looking for others of their key.
    fn assert_new(&self, changes: &ChangeSet) {
        let order = |id: &Uuid| self.orders.get(id);
        let replay = |part: &ChangedPart| order(&part.provider_order_id)?.replays.get(&part.id);
        let refill = |part: &ChangedPart| order(&part.provider_order_id)?.refills.get(&part.id);
        assert!(changes.orders.iter().all(|it| it.is_new() == order(&it.provider_order_id).is_none()));
        assert!(changes.replays.iter().all(|part| part.is_new == replay(part).is_none()));
        assert!(changes.refills.iter().all(|part| part.is_new == refill(part).is_none()));
    }

    fn name(&mut self, folded: &Folded) {
        for (provider_id, named_by) in &folded.changes.names {
            let newest = self.names.get(provider_id).is_none_or(|other| named_by > other);
            if newest {
                self.names.insert(provider_id.clone(), named_by.clone());
            }
        }
        let mut nameless = BTreeSet::new();
        for (provider_id, lost) in &folded.changes.lost_names {
            // By its place alone, as in the database: an event of the same time may have another name.
            let place = |named_by: &NamedBy| (named_by.occurred_at, named_by.provider_order_id, named_by.sequence);
            if self.names.get(provider_id).is_some_and(|named_by| place(named_by) == place(lost)) {
                self.names.remove(provider_id);
                nameless.insert(provider_id);
            }
        }
        for (provider_id, named_by) in names_of(self.history.values()) {
            if nameless.contains(&provider_id) {
                self.names.insert(provider_id, named_by);
            }
        }
    }

    fn known(&self, items: &[Item]) -> Known {
        let orders = known::order_ids(items);
        let mut known = Known {
            orders: orders.iter().filter_map(|id| Some((*id, self.orders.get(id)?.clone()))).collect(),
            ..Known::default()
        };
        for run_id in known::run_ids(items) {
            if let Some(entry) = self.runs.get(&run_id) {
                let (event_id, revision) = (entry.run.event_id, entry.run.revision);
                known.runs.insert(run_id, StoredRun { event_id, revision, position: entry.position });
            }
        }
        let contested: BTreeSet<_> = known.contested(items).into_iter().collect();
        for pair in &contested {
            let entry = &self.history[pair];
            known.standing.insert(*pair, Incumbent { event_id: entry.event.event_id, position: entry.position });
        }
        for (conflict, position) in &self.lost {
            if contested.contains(&(conflict.provider_order_id, conflict.sequence)) {
                known.add_lost(*conflict, *position);
            }
        }
        for id in known.to_fold_again(items) {
            let history = self.history.values().filter(|entry| entry.event.provider_order_id == id);
            known.histories.insert(id, history.cloned().collect());
        }
        known
    }

    pub fn views(&self) -> Views {
        let mut from_scratch = Counts::default();
        let mut orders = BTreeMap::new();
        for (id, order) in &self.orders {
            order.contribute(&mut from_scratch, 1);
            orders.insert(*id, Order { version: 0, ..order.as_ref().clone() });
        }
        let telemetry = Telemetry::sum(self.counts.iter());
        assert_eq!(self.counts, from_scratch, "counts kept by deltas are those from scratch");
        Views {
            orders,
            history: self.history.clone(),
            lost: self.lost.clone(),
            telemetry,
            names: self.names.clone(),
            runs: self.runs.clone(),
        }
    }
}

pub(super) fn names_of<'h>(history: impl Iterator<Item = &'h HistoryEntry>) -> BTreeMap<String, NamedBy> {
    let mut names: BTreeMap<String, NamedBy> = BTreeMap::new();
    for entry in history {
        let Payload::OrderPlaced(placed) = &entry.event.payload else { continue };
        let Some(name) = placed.provider_name.clone() else { continue };
        let named_by = NamedBy {
            occurred_at: entry.event.occurred_at,
            provider_order_id: entry.event.provider_order_id,
            sequence: entry.event.sequence,
            name,
        };
        let newest = names.get(&placed.provider_id).is_none_or(|other| named_by > *other);
        if newest {
            names.insert(placed.provider_id.clone(), named_by);
        }
    }
    names
}

fn money() -> impl Strategy<Value = Money> {
    let currency = prop_oneof![Just("EUR"), Just("USD")];
    (-50_000i64..200_000, currency).prop_map(|(units, currency)| Money {
        units: Decimal::from_ten_thousandths(units).unwrap(),
        currency: Currency::parse(currency).unwrap(),
    })
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0i64..5).prop_map(|hour| Timestamp::from_micros(1_700_000_000_000_000 + hour * 3_600_000_000).unwrap())
}

fn guardrails() -> impl Strategy<Value = Guardrails> {
    let absolute = prop::option::of((0i64..30_000).prop_map(|units| Decimal::from_ten_thousandths(units).unwrap()));
    let percent = || prop::option::of((0i32..60).prop_map(|percent| f64::from(percent) / 2.0));
    (absolute, percent(), percent()).prop_map(|(absolute, minimum, warning)| Guardrails {
        minimum_margin_absolute: absolute,
        minimum_margin_percent: minimum,
        warning_margin_percent: warning,
    })
}

fn rules() -> impl Strategy<Value = Vec<ServiceRule>> {
    let rule = (0u8..3, prop::option::of(prop_oneof![Just("a"), Just("b")])).prop_map(|(id, label)| ServiceRule {
        id: format!("rule-{id}"),
        label: label.map(str::to_owned),
        priority: None,
    });
    prop::collection::vec(rule, 0..3)
}

fn placed() -> impl Strategy<Value = Payload> {
    let name = prop::option::of(prop_oneof![Just("Name one"), Just("Name two")]);
    (0u8..2, name, 0u8..2, money(), prop::option::of(money()), prop::option::of(guardrails()), rules()).prop_map(
        |(provider, name, service, amount, provider_cost, guardrails, service_rules)| {
            Payload::OrderPlaced(OrderPlaced {
                order_id: Uuid::from_u128(7),
                order_item_id: Uuid::from_u128(8),
                provider_id: format!("provider-{provider}"),
                provider_name: name.map(str::to_owned),
                service_id: format!("service-{service}"),
                service_action: None,
                provider_reference: None,
                amount,
                provider_cost,
                guardrails,
                service_rules,
            })
        },
    )
}

fn amended() -> impl Strategy<Value = Payload> {
    use prop::option::of as option;
    let reference = option(prop_oneof![Just("ref-1"), Just("ref-2")]);
    (option(money()), option(money()), option(guardrails()), reference, option(rules())).prop_map(
        |(amount, provider_cost, guardrails, reference, service_rules)| {
            let provider_reference = reference.map(str::to_owned);
            Payload::OrderAmended(OrderAmended { amount, provider_cost, guardrails, provider_reference, service_rules })
        },
    )
}

fn of_replay() -> impl Strategy<Value = Payload> {
    (0u8..5, 0u128..3, money(), prop::option::of(time()), time()).prop_map(
        |(kind, replay, requested_amount, scheduled_for, performed_at)| {
            let replay_id = Uuid::from_u128(100 + replay);
            let (rule_ids, rule_metadata) = (vec![format!("{kind}")], BTreeMap::new());
            match kind {
                0 => Payload::ReplayScheduled(ReplayScheduled {
                    replay_id,
                    requested_amount,
                    scheduled_for,
                    rule_ids,
                    rule_metadata,
                }),
                1 => Payload::ReplayRescheduled(ReplayRescheduled { replay_id, scheduled_for }),
                2 => Payload::ReplayExecuted(ReplayExecuted {
                    replay_id,
                    requested_amount,
                    performed_at,
                    response: None,
                    rule_ids,
                    rule_metadata,
                }),
                3 => Payload::ReplayFailed(ReplayFailed {
                    replay_id,
                    requested_amount,
                    performed_at,
                    error: "refused".into(),
                    response: Some("{}".into()),
                    rule_ids,
                    rule_metadata,
                }),
                _ => Payload::ReplayCancelled(ReplayCancelled { replay_id, reason: Some("late".into()) }),
            }
        },
    )
}

fn payload() -> impl Strategy<Value = Payload> {
    let refill = (0u128..2, money(), time()).prop_map(|(refill, amount, performed_at)| {
        let refill_id = Uuid::from_u128(200 + refill);
        Payload::RefillRecorded(RefillRecorded { refill_id, amount, performed_at, response: None })
    });
    let cancelled = Just(Payload::OrderCancelled(OrderCancelled { reason: Some("gone".into()) }));
    prop_oneof![2 => placed(), 2 => amended(), 5 => of_replay(), 1 => refill, 1 => cancelled]
}

/// An event's content follows from its id: a redelivered event is the same event.
fn contents() -> impl Strategy<Value = Vec<Content>> {
    let order = (0u128..3, 1i64..8, time(), payload()).prop_map(|(order, sequence, occurred_at, payload)| {
        Content::Order(Box::new(OrderEvent {
            event_id: Uuid::nil(),
            provider_order_id: Uuid::from_u128(order + 1),
            sequence,
            occurred_at,
            payload,
        }))
    });
    let run = (0u128..2, 1i32..4, time()).prop_map(|(run, revision, ran_at)| {
        Content::Run(Box::new(Run {
            event_id: Uuid::nil(),
            run_id: Uuid::from_u128(run + 50),
            revision,
            run_type: RunType::Replay,
            status: RunStatus::Success,
            started_at: None,
            ran_at,
            summary: Default::default(),
            metadata: Default::default(),
            backlog_total: None,
            next_scheduled_at: None,
            alerts_sent: None,
            unreadable: None,
        }))
    });
    prop::collection::vec(prop_oneof![8 => order, 1 => run], 1..25).prop_map(|mut contents| {
        for (n, content) in contents.iter_mut().enumerate() {
            let event_id = Uuid::from_u128(1000 + n as u128);
            match content {
                Content::Order(event) => event.event_id = event_id,
                Content::Run(run) => run.event_id = event_id,
                Content::Rejected(_) => {}
            }
        }
        contents
    })
}

/// A log: every event at least once, some again, each copy at a position of its own.
pub(super) fn log() -> impl Strategy<Value = Vec<Item>> {
    contents()
        .prop_flat_map(|contents| {
            let copies = prop::collection::vec(any::<prop::sample::Index>(), 0..10);
            (Just(contents), copies)
        })
        .prop_flat_map(|(contents, copies)| {
            let again: Vec<Content> = copies.iter().map(|copy| copy.get(&contents).clone()).collect();
            let all: Vec<Content> = contents.into_iter().chain(again).collect();
            let positions: Vec<i64> = (0..all.len() as i64).collect();
            (Just(all), Just(positions).prop_shuffle())
        })
        .prop_map(|(contents, positions)| contents.into_iter().zip(positions).map(item).collect())
}

pub(super) fn item((content, at): (Content, i64)) -> Item {
    let stream = if matches!(content, Content::Run(_)) { Stream::Runs } else { Stream::Orders };
    let position = Position { partition: (at % 3) as i32, offset: at / 3 };
    let record = RawRecord { stream, position, key: None, value: None, headers: Vec::new(), recorded_at: None };
    Item { record, content }
}

pub(super) fn cut(items: &[Item], lengths: &[usize]) -> Views {
    let mut memory = Memory::default();
    let (mut rest, mut lengths) = (items, lengths.iter().cycle());
    while !rest.is_empty() {
        let length = lengths.next().copied().unwrap_or(1).min(rest.len());
        let (batch, behind) = rest.split_at(length);
        memory.take(batch);
        rest = behind;
    }
    memory.views()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn any_order_any_repeats_any_batching_gives_equal_views(
        (log, shuffled) in log().prop_flat_map(|log| (Just(log.clone()), Just(log).prop_shuffle())),
        repeated in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        lengths in prop::collection::vec(1usize..6, 1..5),
    ) {
        let expected = cut(&log, &[log.len()]);
        prop_assert_eq!(&cut(&log, &[1]), &expected);
        prop_assert_eq!(&cut(&shuffled, &lengths), &expected);
        let again: Vec<Item> = repeated.iter().map(|index| index.get(&log).clone()).collect();
        let twice: Vec<Item> = shuffled.into_iter().chain(again).collect();
        prop_assert_eq!(&cut(&twice, &lengths), &expected);
    }

    #[test]
    fn one_event_of_each_contested_sequence_stands_and_each_other_is_one_dead_letter(log in log()) {
        let views = cut(&log, &[3]);
        let mut first: BTreeMap<(Uuid, i64), BTreeMap<Uuid, Position>> = BTreeMap::new();
        for item in &log {
            let Content::Order(event) = &item.content else { continue };
            let claims = first.entry((event.provider_order_id, event.sequence)).or_default();
            let position = claims.entry(event.event_id).or_insert(item.record.position);
            *position = item.record.position.min(*position);
        }
        let mut lost = BTreeMap::new();
        for ((provider_order_id, sequence), claims) in first {
            let (winner, at) = claims.iter().min_by_key(|(_, position)| **position).unwrap();
            let standing = &views.history[&(provider_order_id, sequence)];
            prop_assert_eq!((standing.event.event_id, standing.position), (*winner, *at));
            for (event_id, position) in claims.iter().filter(|(event_id, _)| *event_id != winner) {
                lost.insert(ConflictKey { provider_order_id, sequence, event_id: *event_id }, *position);
            }
        }
        prop_assert_eq!(&views.lost, &lost);
        prop_assert_eq!(&views.names, &names_of(views.history.values()));
    }
}
