//! Everything that is written of one provider order.

use serde_json::Value;
use uuid::Uuid;

use super::{Source, envelope, payloads};
use crate::hard_log::meaning::{Draft, Meaning, OrderEvent};

/// The largest sequence that is allowed.
pub const SEQUENCE_MAX: i64 = 1 << 53;

pub fn records_of_one_order(source: &mut Source) -> Vec<Draft> {
    let order = source.uuid();
    let home = source.partition();
    let homes = if source.chance(0.35) { vec![0, 1, 2, 3] } else { vec![home] };
    let ids = Ids { replays: uuids(source, 3), refills: uuids(source, 2) };
    let placed = source.chance(0.88);

    let mut log = Vec::new();
    for (step, sequence) in sequences(source).into_iter().enumerate() {
        let (name, payload) = payload(source, &ids, placed, step == 0);
        let event = OrderEvent {
            event_id: source.uuid(),
            order_id: order,
            sequence,
            occurred_micros: source.time(),
            name,
            payload,
        };
        write(source, &mut log, &event, &homes);
        while source.chance(0.07) {
            let rival = rival(source, &ids, placed, &event);
            write(source, &mut log, &rival, &homes);
        }
    }
    log
}

struct Ids {
    replays: Vec<Uuid>,
    refills: Vec<Uuid>,
}

/// 1, 2, 3, … with holes; sometimes with no start, sometimes with an end that is far away.
fn sequences(source: &mut Source) -> Vec<i64> {
    let count = 1 + source.below(19) as i64;
    let holes = if source.chance(0.3) { 0.2 } else { 0.02 };
    let mut all: Vec<i64> = (1..=count).filter(|_| !source.chance(holes)).collect();
    match source.below(40) {
        0 => all.push(SEQUENCE_MAX),
        1 => all.push(i64::from(i32::MAX) + 1),
        _ if all.is_empty() => all.push(count),
        _ => {}
    }
    all
}

fn payload(source: &mut Source, ids: &Ids, placed: bool, first: bool) -> (&'static str, Value) {
    if placed && (first || source.chance(0.06)) {
        return ("OrderPlaced", payloads::order_placed(source));
    }
    let (replay, refill) = (source.pick(&ids.replays), source.pick(&ids.refills));
    match source.below(21) {
        0..4 => ("OrderAmended", payloads::order_amended(source)),
        4..8 => ("ReplayScheduled", payloads::replay_scheduled(source, replay)),
        8..11 => ("ReplayRescheduled", payloads::replay_rescheduled(source, replay)),
        11..14 => ("ReplayExecuted", payloads::replay_executed(source, replay)),
        14..16 => ("ReplayFailed", payloads::replay_failed(source, replay)),
        16 => ("ReplayCancelled", payloads::replay_cancelled(source, replay)),
        17..20 => ("RefillRecorded", payloads::refill_recorded(source, refill)),
        _ => ("OrderCancelled", payloads::order_cancelled(source)),
    }
}

/// Another event with the same sequence: the same fact told anew, or another one.
fn rival(source: &mut Source, ids: &Ids, placed: bool, event: &OrderEvent) -> OrderEvent {
    let (name, payload) = match source.below(4) {
        0 => (event.name, event.payload.clone()),
        1 if placed => ("OrderPlaced", payloads::order_placed(source)),
        _ => payload(source, ids, placed, false),
    };
    OrderEvent { event_id: source.uuid(), occurred_micros: source.time(), name, payload, ..event.clone() }
}

/// Once, and sometimes again: in the same partition, in another, in another encoding.
fn write(source: &mut Source, log: &mut Vec<Draft>, event: &OrderEvent, homes: &[i32]) {
    let home = source.pick(homes);
    log.push(envelope::order_record(source, event, home));
    while source.chance(0.12) {
        let other = if source.chance(0.5) { home } else { source.partition() };
        log.push(envelope::order_record(source, event, other));
    }
    if source.chance(0.01) {
        let lost = OrderEvent { event_id: source.uuid(), sequence: event.sequence + 1000, ..event.clone() };
        log.push(aborted(envelope::order_record(source, &lost, home)));
    }
    if source.chance(0.005) {
        log.push(aborted(envelope::order_record(source, event, home)));
    }
}

fn aborted(draft: Draft) -> Draft {
    Draft { meaning: Meaning::Aborted(Box::new(draft.meaning)), ..draft }
}

fn uuids(source: &mut Source, most: usize) -> Vec<Uuid> {
    (0..1 + source.below(most)).map(|_| source.uuid()).collect()
}
