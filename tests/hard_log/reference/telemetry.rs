//! Telemetry of each provider and of all, counted from the finished orders and replays.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::View;
use super::history::History;
use super::orders::Order;
use super::replays::Replays;

pub fn view(history: &History<'_>, orders: &BTreeMap<Uuid, Order>, replays: &Replays) -> View {
    let providers: BTreeSet<&str> = orders.values().filter_map(Order::provider).collect();
    let names = names(history);
    let row = |provider: &str| {
        let telemetry = telemetry(orders, replays, |named| named == Some(provider));
        let row = json!({"provider_id": provider, "provider_name": names.get(provider), "telemetry": telemetry});
        (provider.to_owned(), row)
    };
    providers.into_iter().map(row).collect()
}

pub fn aggregate(orders: &BTreeMap<Uuid, Order>, replays: &Replays) -> Value {
    telemetry(orders, replays, |_| true)
}

/// Of each provider: the name with the greatest (occurred_at, order, sequence), superseded ones included.
fn names(history: &History<'_>) -> BTreeMap<String, String> {
    let mut named: Vec<_> = history.events().map(|standing| standing.event).collect();
    named.retain(|event| event.name == "OrderPlaced" && event.payload["provider_name"].is_string());
    named.sort_by_key(|event| (event.occurred_micros, event.order_id, event.sequence));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    named.iter().map(|event| (text(&event.payload["provider_id"]), text(&event.payload["provider_name"]))).collect()
}

fn telemetry(orders: &BTreeMap<Uuid, Order>, replays: &Replays, of: impl Fn(Option<&str>) -> bool) -> Value {
    let orders: Vec<&Order> = orders.values().filter(|order| of(order.provider())).collect();
    let replays: Vec<_> = replays.values().filter(|replay| of(replay.provider())).collect();
    let executed: usize = replays.iter().map(|replay| replay.executed).sum();
    let failed: usize = replays.iter().map(|replay| replay.failed).sum();
    json!({
        "totalOrders": orders.iter().filter(|order| !order.row["placed_at"].is_null()).count(),
        "replays": {
            "total": executed + failed,
            "executed": executed,
            "failed": failed,
            "scheduled": replays.iter().filter(|replay| replay.is_scheduled()).count(),
        },
        "guardrails": guardrails(&orders),
        "guardrailHitsByService": by_service(&orders, guardrails, |counts| counts["evaluated"] != 0),
        "ruleOverridesByService": by_service(&orders, overrides, |counts| counts["totalOverrides"] != 0),
    })
}

fn guardrails(orders: &[&Order]) -> Value {
    let count = |status: &str| orders.iter().filter(|order| order.row["guardrail_status"] == status).count();
    let (pass, warn, fail) = (count("pass"), count("warn"), count("fail"));
    json!({"evaluated": pass + warn + fail, "pass": pass, "warn": warn, "fail": fail})
}

fn by_service(orders: &[&Order], make: fn(&[&Order]) -> Value, counts: fn(&Value) -> bool) -> Value {
    let mut services: BTreeMap<&str, Vec<&Order>> = BTreeMap::new();
    for order in orders {
        if let Some(service) = order.row["service_id"].as_str() {
            services.entry(service).or_default().push(order);
        }
    }
    let made = services.into_iter().map(|(service, orders)| (service.to_owned(), make(&orders)));
    Value::Object(made.filter(|(_, value)| counts(value)).collect())
}

fn overrides(orders: &[&Order]) -> Value {
    let rules: Vec<&Value> = orders.iter().flat_map(|order| order.row["service_rules"].as_array().unwrap()).collect();
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    let summed = |id: &str| {
        let same: Vec<_> = rules.iter().filter(|rule| rule["id"] == id).collect();
        // Rust compares text by code point, as UTF-8 keeps that order
        let label = same.iter().filter_map(|rule| rule["label"].as_str()).min();
        json!({"id": id, "label": label, "count": same.len()})
    };
    let by_id: Map<String, Value> = ids.into_iter().map(|id| (id.to_owned(), summed(id))).collect();
    json!({"totalOverrides": rules.len(), "rules": by_id})
}
