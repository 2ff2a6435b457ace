//! The reference itself, against results that were worked out by hand.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::hard_log::meaning::{Draft, Meaning, OrderEvent, RunEvent, Stored, Topic};
use crate::hard_log::reference::{Reference, backlog_at};

const ORDER: Uuid = Uuid::from_u128(0xA0);
const REPLAY: &str = "00000000-0000-0000-0000-0000000000b0";

fn stored(partition: i32, offset: i64, meaning: Meaning) -> Stored {
    let draft = Draft {
        topic: Topic::Orders,
        partition,
        key: None,
        value: Some(vec![7]),
        headers: vec![("a".into(), Some(vec![1])), ("a".into(), None)],
        timestamp_millis: 1_700_000_000_001,
        meaning,
    };
    Stored { draft, topic_name: "orders".into(), offset }
}

fn event(id: u128, sequence: i64, name: &'static str, payload: Value) -> Meaning {
    let event_id = Uuid::from_u128(id);
    Meaning::Order(OrderEvent {
        event_id,
        order_id: ORDER,
        sequence,
        occurred_micros: sequence * 1_000_000,
        name,
        payload,
    })
}

fn placed(id: u128, sequence: i64, provider: &str, cost: &str) -> Meaning {
    let payload = json!({
        "order_id": Uuid::nil().to_string(), "order_item_id": Uuid::nil().to_string(), "provider_id": provider,
        "provider_name": format!("name of {provider}"), "service_id": "likes", "service_action": null,
        "provider_reference": null, "amount": {"units": "100.0000", "currency": "EUR"},
        "provider_cost": {"units": cost, "currency": "EUR"},
        "guardrails": {"minimum_margin_absolute": null, "minimum_margin_percent": 10.0, "warning_margin_percent": 20.0},
        "service_rules": [{"id": "r", "label": "b", "priority": null}, {"id": "r", "label": "a", "priority": 1}],
    });
    event(id, sequence, "OrderPlaced", payload)
}

fn scheduled(id: u128, sequence: i64, time: Value) -> Meaning {
    let amount = json!({"units": "1.0000", "currency": "EUR"});
    let payload = json!({"replay_id": REPLAY, "requested_amount": amount, "scheduled_for": time, "rule_ids": ["x"], "rule_metadata": {}});
    event(id, sequence, "ReplayScheduled", payload)
}

fn cancelled(id: u128, sequence: i64) -> Meaning {
    event(id, sequence, "OrderCancelled", json!({"reason": "why"}))
}

fn order_row(log: &[Stored]) -> Value {
    Reference::of(log).views["provider_orders"][&ORDER.to_string()].clone()
}

fn replay_row(log: &[Stored]) -> Value {
    Reference::of(log).views["replays"][&format!("{ORDER} {REPLAY}")].clone()
}

#[test]
fn smallest_position_stands_and_each_rival_is_one_dead_letter() {
    let log = [
        stored(1, 5, placed(1, 1, "late", "95.0000")),
        stored(0, 9, placed(2, 1, "winner", "90.0000")),
        stored(1, 2, placed(1, 1, "late", "95.0000")),
        stored(3, 0, placed(2, 1, "winner", "90.0000")),
    ];
    let reference = Reference::of(&log);
    assert_eq!(order_row(&log)["provider_id"], "winner");
    let letters: Vec<&String> = reference.views["dead_letters"].keys().collect();
    assert_eq!(letters, ["orders 1 2"]);
    let letter = &reference.views["dead_letters"]["orders 1 2"];
    assert_eq!(letter["headers"], json!([{"key": "a", "value": "AQ=="}, {"key": "a", "value": null}]));
    assert_eq!(letter["reason"], "sequence_conflict");
    let providers: Vec<&String> = reference.views["provider_telemetry"].keys().collect();
    assert_eq!(providers, ["winner"]);
}

#[test]
fn guardrails_are_exact_at_their_limits() {
    let status = |cost| order_row(&[stored(0, 0, placed(1, 1, "p", cost))])["guardrail_status"].clone();
    assert_eq!(status("80.0000"), "pass");
    assert_eq!(status("80.0001"), "warn");
    assert_eq!(status("90.0000"), "warn");
    assert_eq!(status("90.0001"), "fail");
}

#[test]
fn amending_keeps_what_it_leaves_null() {
    let payload = json!({"amount": null, "provider_cost": {"units": "1.0000", "currency": "USD"}, "guardrails": null,
        "provider_reference": "ref", "service_rules": []});
    let log = [stored(0, 0, event(2, 3, "OrderAmended", payload)), stored(0, 1, placed(1, 1, "p", "80.0000"))];
    let row = order_row(&log);
    assert_eq!(row["guardrail_status"], "idle");
    assert_eq!(row["provider_cost"].to_string(), "1.0000");
    assert_eq!(row["amount"].to_string(), "100.0000");
    assert_eq!(row["service_rules"], json!([]));
    assert_eq!((&row["last_sequence"], &row["missing_events"]), (&json!(3), &json!(1)));
    assert_eq!(row["last_event_at"], "1970-01-01T00:00:03+00:00");
}

#[test]
fn cancelling_an_order_takes_what_was_scheduled_before() {
    let log = [stored(0, 0, cancelled(1, 5)), stored(0, 1, scheduled(2, 4, json!(null)))];
    assert_eq!(replay_row(&log)["status"], "cancelled");
    assert_eq!(replay_row(&log)["cancel_reason"], Value::Null);
    assert_eq!(replay_row(&log)["provider_id"], Value::Null);
    let log = [stored(0, 0, cancelled(1, 5)), stored(0, 1, scheduled(2, 6, json!(1_500_000)))];
    let reference = Reference::of(&log);
    assert_eq!(replay_row(&log)["status"], "scheduled");
    let row = json!({"provider_id": null, "scheduled_backlog": 1, "next_scheduled_at": "1970-01-01T00:00:01.5+00:00"});
    assert_eq!(reference.views["backlog"][""], row);
    let (all, _) = backlog_at(&reference.scheduled, 1_499_999);
    let shown = json!({"scheduledBacklog": 1, "nextScheduledAt": "1970-01-01T00:00:01.500000+00:00", "overdue": 0});
    assert_eq!(all, shown);
    assert_eq!(backlog_at(&reference.scheduled, 1_500_000).0["overdue"], 1);
}

#[test]
fn telemetry_counts_rules_twice_and_takes_the_smallest_label() {
    let reference = Reference::of(&[stored(0, 0, placed(1, 1, "p", "95.0000"))]);
    let expected = json!({
        "totalOrders": 1,
        "replays": {"total": 0, "executed": 0, "failed": 0, "scheduled": 0},
        "guardrails": {"evaluated": 1, "pass": 0, "warn": 0, "fail": 1},
        "guardrailHitsByService": {"likes": {"evaluated": 1, "pass": 0, "warn": 0, "fail": 1}},
        "ruleOverridesByService": {"likes": {"totalOverrides": 2, "rules": {"r": {"id": "r", "label": "a", "count": 2}}}},
    });
    assert_eq!(reference.aggregate, expected);
    assert_eq!(reference.views["provider_telemetry"]["p"]["telemetry"], expected);
}

#[test]
fn status_payload_fills_in_what_the_summary_lacks_and_drift_is_told() {
    let run = RunEvent {
        event_id: Uuid::nil(),
        run_id: Uuid::from_u128(1),
        revision: 2,
        run_type: "alert",
        status: "partial",
        started_micros: None,
        ran_micros: 1,
        summary: r#"{"alertsSent":null,"odd":1,"autoPaused":"2"}"#.into(),
        metadata: r#"{"alertsDigest":null,"autoPausedProviders":["a",3]}"#.into(),
        backlog_total: Some(7),
        next_scheduled_micros: None,
        alerts_sent: Some(5),
    };
    let older = RunEvent { revision: 1, run_type: "replay", ..run.clone() };
    let reference = Reference::of(&[stored(0, 0, Meaning::Run(run)), stored(0, 1, Meaning::Run(older))]);
    let payload = json!({
        "ranAt": "1970-01-01T00:00:00.000001+00:00",
        "summary": {"alertsSent": null, "odd": 1, "autoPaused": "2", "scheduledBacklog": 7, "autoPausedProviders": ["a", 3]},
        "metadata": {"alertsDigest": null, "autoPausedProviders": ["a", 3]},
        "runId": "00000000-0000-0000-0000-000000000001",
        "status": "partial",
        "revision": 2,
    });
    assert_eq!(reference.alert_history, [payload]);
    assert!(reference.replay_history.is_empty());
    let drift = json!([
        {"field": "alertsSent", "problem": "wrong_type"},
        {"field": "autoPaused", "problem": "wrong_type"},
        {"field": "autoPausedProviders[]", "problem": "wrong_type"},
        {"field": "odd", "problem": "unknown_field"},
    ]);
    assert_eq!(reference.views["automation_runs"]["00000000-0000-0000-0000-000000000001"]["drift"], drift);
}
