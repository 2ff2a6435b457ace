use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::domain::orders::event::Payload;
use crate::domain::orders::order::Order;
use crate::domain::runs::run::{Run, RunType};
use crate::domain::timestamp::Timestamp;

use super::{Sample, SampleEvent, SampleSettings};

const COUNT: usize = 20_000;

fn settings(seed: u64) -> SampleSettings {
    let base = Timestamp::parse("2026-11-23T10:00:00Z").unwrap();
    SampleSettings { seed, base, step_micros: 20_000 }
}

fn sample(seed: u64) -> Vec<SampleEvent> {
    Sample::new(settings(seed)).take(COUNT).collect()
}

fn fold(events: &[SampleEvent]) -> BTreeMap<Uuid, Order> {
    let mut orders = BTreeMap::new();
    for event in events {
        let SampleEvent::Order(event) = event else { continue };
        let order: &mut Order =
            orders.entry(event.provider_order_id).or_insert_with(|| Order::new(event.provider_order_id));
        assert_eq!(i64::try_from(order_events(order)).unwrap() + 1, event.sequence, "a hole, or out of order");
        assert!(order.apply(event.sequence, event.occurred_at, event.payload.clone()));
    }
    orders
}

fn order_events(order: &Order) -> u64 {
    order.last_event.sequence.unsigned_abs()
}

fn runs(events: &[SampleEvent]) -> Vec<&Run> {
    fn run(event: &SampleEvent) -> Option<&Run> {
        if let SampleEvent::Run(run) = event { Some(run) } else { None }
    }
    events.iter().filter_map(run).collect()
}

#[test]
fn a_seed_gives_the_same_events_and_another_seed_others() {
    assert!(sample(7) == sample(7));
    let ids = |seed| sample(seed).into_iter().map(|event| event_id(&event)).collect::<BTreeSet<_>>();
    let (one, other) = (ids(7), ids(8));
    assert_eq!(one.len(), COUNT, "an event id stands twice");
    assert!(one.is_disjoint(&other));
}

fn event_id(event: &SampleEvent) -> Uuid {
    match event {
        SampleEvent::Order(event) => event.event_id,
        SampleEvent::Run(run) => run.event_id,
    }
}

#[test]
fn every_kind_of_event_and_every_state_occurs() {
    let events = sample(1);
    let types: BTreeSet<_> = events
        .iter()
        .filter_map(|event| if let SampleEvent::Order(event) = event { Some(event.payload.event_type()) } else { None })
        .collect();
    assert_eq!(types.len(), 9, "{types:?}");
    let orders = fold(&events);
    let statuses: BTreeSet<_> = orders.values().map(|order| order.guardrail_status().as_str()).collect();
    assert_eq!(statuses, BTreeSet::from(["idle", "pass", "warn", "fail"]));
    let providers: BTreeSet<_> = orders.values().filter_map(Order::provider_id).collect();
    assert_eq!(providers.len(), 12);
    let labels = orders.values().flat_map(|order| &order.service_rules.value).filter(|rule| rule.label.is_some());
    assert!(labels.count() > 100);
}

#[test]
fn replays_fall_due_within_seconds_and_hours_ahead() {
    let waits: Vec<Option<i64>> = sample(1)
        .iter()
        .filter_map(|event| match event {
            SampleEvent::Order(event) => match event.payload.clone() {
                Payload::ReplayScheduled(scheduled) => {
                    Some(scheduled.scheduled_for.map(|due| (due.micros() - event.occurred_at.micros()) / 1_000_000))
                }
                _ => None,
            },
            SampleEvent::Run(_) => None,
        })
        .collect();
    for expected in [None, Some(0..60), Some(60..600), Some(3600..8 * 3600)] {
        let found = waits.iter().filter(|wait| match (&expected, wait) {
            (Some(range), Some(wait)) => range.contains(wait),
            (expected, wait) => expected.is_none() && wait.is_none(),
        });
        assert!(found.count() > 50, "{expected:?}");
    }
}

#[test]
fn runs_report_without_drift() {
    let events = sample(3);
    let runs = runs(&events);
    assert_eq!(runs.len(), COUNT / 200);
    let schema = serde_json::from_str(include_str!("../../schemas/run-summary.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for run in &runs {
        let summary = serde_json::Value::Object(run.summary.clone());
        let problems: Vec<String> = schema.iter_errors(&summary).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{problems:?} in {summary}");
    }
    for run_type in [RunType::Replay, RunType::Alert] {
        assert!(runs.iter().filter(|run| run.run_type == run_type).count() > 30);
    }
    assert!(runs.iter().any(|run| run.revision == 2));
    assert!(runs.iter().any(|run| run.alerts_sent > Some(0)));
}

#[test]
fn the_last_replay_run_reports_the_backlog_of_the_events_before_it() {
    let events = sample(5);
    let is_replay = |event: &SampleEvent| matches!(event, SampleEvent::Run(run) if run.run_type == RunType::Replay && run.revision == 1);
    let at = events.iter().rposition(is_replay).unwrap();
    let SampleEvent::Run(run) = &events[at] else { unreachable!() };
    let orders = fold(&events[..at]);
    let scheduled = orders
        .values()
        .flat_map(|order| order.replays.values().filter(|replay| order.replay_status(replay).as_str() == "scheduled"));
    let due: Vec<Option<Timestamp>> = scheduled.map(|replay| replay.schedule.value).collect();
    assert_eq!(run.backlog_total, Some(due.len() as i64));
    assert_eq!(run.next_scheduled_at, due.into_iter().flatten().min());
}
