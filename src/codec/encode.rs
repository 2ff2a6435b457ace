//! Domain event -> value bytes, by the newest bundled schemas: the other direction of decoding, for `publish`.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::orders::event::{Guardrails, OrderAmended, OrderEvent, OrderPlaced, Payload, ServiceRule};
use crate::domain::orders::money::{Decimal, Money};
use crate::domain::runs::run::{Run, RunStatus, RunType};
use crate::domain::timestamp::Timestamp;

use super::framing::Framing;

pub fn encode_order(event: &OrderEvent, framing: Framing) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    framing.write(&mut out);
    uuid(&mut out, event.event_id);
    uuid(&mut out, event.provider_order_id);
    long(&mut out, event.sequence);
    time(&mut out, event.occurred_at);
    payload(&mut out, &event.payload);
    out
}

pub fn encode_run(run: &Run, framing: Framing) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    framing.write(&mut out);
    uuid(&mut out, run.event_id);
    uuid(&mut out, run.run_id);
    long(&mut out, i64::from(run.revision));
    long(&mut out, if run.run_type == RunType::Replay { 0 } else { 1 });
    long(&mut out, run_status(run.status));
    optional(&mut out, run.started_at, time);
    time(&mut out, run.ran_at);
    json(&mut out, &run.summary);
    json(&mut out, &run.metadata);
    optional(&mut out, run.backlog_total, long);
    optional(&mut out, run.next_scheduled_at, time);
    optional(&mut out, run.alerts_sent.map(i64::from), long);
    out
}

fn run_status(status: RunStatus) -> i64 {
    match status {
        RunStatus::Unknown => 0,
        RunStatus::Success => 1,
        RunStatus::Partial => 2,
        RunStatus::Failed => 3,
    }
}

/// The union's branch, then its fields, both in the schema's order.
fn payload(out: &mut Vec<u8>, payload: &Payload) {
    match payload {
        Payload::OrderPlaced(placed) => {
            long(out, 0);
            order_placed(out, placed);
        }
        Payload::OrderAmended(amended) => {
            long(out, 1);
            order_amended(out, amended);
        }
        Payload::ReplayScheduled(scheduled) => {
            long(out, 2);
            uuid(out, scheduled.replay_id);
            money(out, scheduled.requested_amount);
            optional(out, scheduled.scheduled_for, time);
            request(out, &scheduled.rule_ids, &scheduled.rule_metadata);
        }
        Payload::ReplayRescheduled(rescheduled) => {
            long(out, 3);
            uuid(out, rescheduled.replay_id);
            optional(out, rescheduled.scheduled_for, time);
        }
        Payload::ReplayExecuted(executed) => {
            long(out, 4);
            uuid(out, executed.replay_id);
            money(out, executed.requested_amount);
            time(out, executed.performed_at);
            optional(out, executed.response.as_deref(), text);
            request(out, &executed.rule_ids, &executed.rule_metadata);
        }
        Payload::ReplayFailed(failed) => {
            long(out, 5);
            uuid(out, failed.replay_id);
            money(out, failed.requested_amount);
            time(out, failed.performed_at);
            text(out, &failed.error);
            optional(out, failed.response.as_deref(), text);
            request(out, &failed.rule_ids, &failed.rule_metadata);
        }
        Payload::ReplayCancelled(cancelled) => {
            long(out, 6);
            uuid(out, cancelled.replay_id);
            optional(out, cancelled.reason.as_deref(), text);
        }
        Payload::RefillRecorded(refill) => {
            long(out, 7);
            uuid(out, refill.refill_id);
            money(out, refill.amount);
            time(out, refill.performed_at);
            optional(out, refill.response.as_deref(), text);
        }
        Payload::OrderCancelled(cancelled) => {
            long(out, 8);
            optional(out, cancelled.reason.as_deref(), text);
        }
    }
}

fn order_placed(out: &mut Vec<u8>, placed: &OrderPlaced) {
    uuid(out, placed.order_id);
    uuid(out, placed.order_item_id);
    text(out, &placed.provider_id);
    optional(out, placed.provider_name.as_deref(), text);
    text(out, &placed.service_id);
    optional(out, placed.service_action.as_deref(), text);
    optional(out, placed.provider_reference.as_deref(), text);
    money(out, placed.amount);
    optional(out, placed.provider_cost, money);
    optional(out, placed.guardrails, guardrails);
    service_rules(out, &placed.service_rules);
}

fn order_amended(out: &mut Vec<u8>, amended: &OrderAmended) {
    optional(out, amended.amount, money);
    optional(out, amended.provider_cost, money);
    optional(out, amended.guardrails, guardrails);
    optional(out, amended.provider_reference.as_deref(), text);
    optional(out, amended.service_rules.as_deref(), service_rules);
}

fn long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    // No slice has more than i64::MAX bytes.
    long(out, value.len() as i64);
    out.extend_from_slice(value);
}

fn text(out: &mut Vec<u8>, value: &str) {
    bytes(out, value.as_bytes());
}

fn uuid(out: &mut Vec<u8>, value: Uuid) {
    text(out, value.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
}

fn time(out: &mut Vec<u8>, value: Timestamp) {
    long(out, value.micros());
}

/// `["null", T]`.
fn optional<T>(out: &mut Vec<u8>, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        None => long(out, 0),
        Some(value) => {
            long(out, 1);
            write(out, value);
        }
    }
}

fn decimal(out: &mut Vec<u8>, value: Decimal) {
    let digits = value.ten_thousandths().to_be_bytes();
    let sign = if value.ten_thousandths() < 0 { 0xff } else { 0x00 };
    // The fewest bytes whose first bit still shows the sign.
    let redundant = digits.windows(2).take_while(|pair| pair[0] == sign && (pair[0] ^ pair[1]) & 0x80 == 0).count();
    bytes(out, &digits[redundant..]);
}

fn money(out: &mut Vec<u8>, value: Money) {
    decimal(out, value.units);
    text(out, value.currency.as_str());
}

fn guardrails(out: &mut Vec<u8>, value: Guardrails) {
    optional(out, value.minimum_margin_absolute, decimal);
    optional(out, value.minimum_margin_percent, double);
    optional(out, value.warning_margin_percent, double);
}

fn double(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// One block of all items, then the end.
fn list<T>(out: &mut Vec<u8>, items: impl ExactSizeIterator<Item = T>, write: impl Fn(&mut Vec<u8>, T)) {
    if items.len() > 0 {
        long(out, items.len() as i64);
        items.for_each(|item| write(out, item));
    }
    long(out, 0);
}

fn service_rules(out: &mut Vec<u8>, rules: &[ServiceRule]) {
    list(out, rules.iter(), |out, rule| {
        text(out, &rule.id);
        optional(out, rule.label.as_deref(), text);
        optional(out, rule.priority.map(i64::from), long);
    });
}

fn request(out: &mut Vec<u8>, rule_ids: &[String], rule_metadata: &BTreeMap<String, String>) {
    list(out, rule_ids.iter(), |out, id| text(out, id));
    list(out, rule_metadata.iter(), |out, (key, value)| {
        text(out, key);
        text(out, value);
    });
}

fn json(out: &mut Vec<u8>, object: &serde_json::Map<String, serde_json::Value>) {
    // A map with text keys always serializes.
    text(out, &serde_json::to_string(object).unwrap_or_else(|_| "{}".to_owned()));
}
