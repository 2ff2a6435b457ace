//! Payloads of every type, as data: decimals as text with four digits, times in microseconds.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Source, words};

pub fn order_placed(source: &mut Source) -> Value {
    let currency = words::currency(source);
    json!({
        "order_id": source.uuid().to_string(),
        "order_item_id": source.uuid().to_string(),
        "provider_id": words::provider_id(source),
        "provider_name": source.maybe(0.7, words::provider_name),
        "service_id": words::service_id(source),
        "service_action": source.maybe(0.4, words::text),
        "provider_reference": source.maybe(0.4, reference),
        "amount": money(source, currency),
        "provider_cost": source.maybe(0.8, |source| cost(source, currency)),
        "guardrails": source.maybe(0.7, guardrails),
        "service_rules": words::service_rules(source),
    })
}

pub fn order_amended(source: &mut Source) -> Value {
    let currency = words::currency(source);
    json!({
        "amount": source.maybe(0.4, |source| money(source, currency)),
        "provider_cost": source.maybe(0.4, |source| cost(source, currency)),
        "guardrails": source.maybe(0.4, guardrails),
        "provider_reference": source.maybe(0.3, reference),
        "service_rules": source.maybe(0.4, words::service_rules),
    })
}

pub fn replay_scheduled(source: &mut Source, replay: Uuid) -> Value {
    let currency = words::currency(source);
    json!({
        "replay_id": replay.to_string(),
        "requested_amount": money(source, currency),
        "scheduled_for": source.maybe(0.8, Source::time),
        "rule_ids": words::rule_ids(source),
        "rule_metadata": words::rule_metadata(source),
    })
}

pub fn replay_rescheduled(source: &mut Source, replay: Uuid) -> Value {
    json!({"replay_id": replay.to_string(), "scheduled_for": source.maybe(0.7, Source::time)})
}

pub fn replay_executed(source: &mut Source, replay: Uuid) -> Value {
    let currency = words::currency(source);
    json!({
        "replay_id": replay.to_string(),
        "requested_amount": money(source, currency),
        "performed_at": source.time(),
        "response": source.maybe(0.6, words::text),
        "rule_ids": words::rule_ids(source),
        "rule_metadata": words::rule_metadata(source),
    })
}

pub fn replay_failed(source: &mut Source, replay: Uuid) -> Value {
    let mut payload = replay_executed(source, replay);
    payload["error"] = json!(words::text(source));
    payload
}

pub fn replay_cancelled(source: &mut Source, replay: Uuid) -> Value {
    json!({"replay_id": replay.to_string(), "reason": source.maybe(0.6, words::text)})
}

pub fn refill_recorded(source: &mut Source, refill: Uuid) -> Value {
    let currency = words::currency(source);
    json!({
        "refill_id": refill.to_string(),
        "amount": money(source, currency),
        "performed_at": source.time(),
        "response": source.maybe(0.6, words::text),
    })
}

pub fn order_cancelled(source: &mut Source) -> Value {
    json!({"reason": source.maybe(0.6, words::text)})
}

fn reference(source: &mut Source) -> String {
    let longest = "\u{1F4E6}".repeat(256);
    source.pick(&["ref-1", "", "日本", &longest]).to_owned()
}

/// Whole hundreds, so that the guardrails' edges are hit, and the ends of the range.
fn money(source: &mut Source, currency: &str) -> Value {
    let units = source.pick(&[
        "100.0000",
        "100.0000",
        "100.0000",
        "200.0000",
        "0.0000",
        "-100.0000",
        "0.0001",
        "33.3300",
        "12.3456",
        "1.5000",
        "99999999999999.9999",
        "-99999999999999.9999",
        "1000000.0000",
    ]);
    json!({"units": units, "currency": currency})
}

/// Against an amount of 100.0000: percentages at, just below and just above the limits.
fn cost(source: &mut Source, currency: &str) -> Value {
    let units = source.pick(&[
        "90.0000",
        "90.0001",
        "89.9999",
        "99.9000",
        "99.8999",
        "99.9001",
        "80.0000",
        "80.0001",
        "100.0000",
        "0.0000",
        "-5.0000",
        "60.0000",
        "99999999999999.9999",
        "-99999999999999.9999",
        "33.3300",
        "180.0000",
        "0.0001",
    ]);
    let currency = if source.chance(0.85) { currency } else { words::currency(source) };
    json!({"units": units, "currency": currency})
}

fn guardrails(source: &mut Source) -> Value {
    let absolute = source.pick(&["10.0000", "0.1000", "0.0000", "20.0000", "-1.0000", "99999999999999.9999"]);
    let percents = [
        "10",
        "10.0",
        "0.1",
        "20",
        "0.30000000000000004",
        "5e-324",
        "-5e-324",
        "0",
        "1e6",
        "-1000000",
        "66.67",
        "1e-7",
        "19.999999999999996",
        "1.7976931348623157e-300",
    ];
    let percent = |source: &mut Source| source.pick(&percents).parse::<f64>().unwrap();
    json!({
        "minimum_margin_absolute": source.maybe(0.5, |_| absolute),
        "minimum_margin_percent": source.maybe(0.6, percent),
        "warning_margin_percent": source.maybe(0.6, percent),
    })
}
