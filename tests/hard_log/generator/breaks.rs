//! How a sound event is made to break one rule. Each ends in the reason that the contract gives.

use serde_json::{Value, json};

use crate::hard_log::schemas::Writer;

pub struct Break {
    pub reason: &'static str,
    /// None: any that writes the first version's fields.
    pub writer: Option<Writer>,
    pub apply: fn(&mut Value),
}

const fn invalid(apply: fn(&mut Value)) -> Break {
    Break { reason: "invalid", writer: None, apply }
}

const fn malformed(apply: fn(&mut Value)) -> Break {
    Break { reason: "malformed", writer: None, apply }
}

const fn invalid_by(writer: Writer, apply: fn(&mut Value)) -> Break {
    Break { reason: "invalid", writer: Some(writer), apply }
}

/// Of an event whose payload is an OrderPlaced.
pub const ORDER_TABLE: &[Break] = &[
    invalid(|event| event["sequence"] = json!(0)),
    invalid(|event| event["sequence"] = json!(-1)),
    invalid(|event| event["sequence"] = json!((1_i64 << 53) + 1)),
    invalid(|event| event["sequence"] = json!(i64::MAX)),
    invalid(|event| event["event_id"] = json!("not a uuid")),
    invalid(|event| event["event_id"] = json!("")),
    invalid(|event| event["event_id"] = json!("6f9619ff8b86d011b42d00c04fc964ff")),
    invalid(|event| event["provider_order_id"] = json!("{6f9619ff-8b86-d011-b42d-00c04fc964ff}")),
    invalid(|event| event["occurred_at"] = json!(253_402_300_800_000_000_i64)),
    invalid(|event| event["occurred_at"] = json!(-62_135_596_800_000_001_i64)),
    invalid(|event| event["occurred_at"] = json!(i64::MIN)),
    invalid(|event| event["payload"]["order_id"] = json!("x")),
    invalid(|event| event["payload"]["order_item_id"] = json!("00000000-0000-0000-0000-00000000000g")),
    invalid(|event| event["payload"]["provider_id"] = json!("")),
    invalid(|event| event["payload"]["provider_id"] = json!("p".repeat(65))),
    invalid(|event| event["payload"]["service_id"] = json!("")),
    invalid(|event| event["payload"]["service_id"] = json!("\u{1F4E6}".repeat(65))),
    invalid(|event| event["payload"]["provider_id"] = json!("a\0b")),
    invalid(|event| event["payload"]["provider_name"] = json!("\0")),
    invalid(|event| event["payload"]["service_action"] = json!("end\0")),
    invalid(|event| event["payload"]["provider_reference"] = json!("r".repeat(257))),
    invalid(|event| event["payload"]["service_rules"] = json!([{"id": "r".repeat(257)}])),
    invalid(|event| event["payload"]["service_rules"] = json!([{"id": "r", "label": "l".repeat(257)}])),
    invalid(|event| event["payload"]["service_rules"] = json!([{"id": "a"}, {"id": "b\0"}])),
    // U+D800 as bytes: decodes, and is no character
    invalid(|event| event["payload"]["service_action"] = json!({"$bytes": "61eda08062"})),
    malformed(|event| event["payload"]["service_action"] = json!({"$bytes": "c328"})),
    malformed(|event| event["payload"]["provider_id"] = json!({"$bytes": "ff"})),
    malformed(|event| event["payload"]["provider_name"] = json!({"$bytes": "e282"})),
    // 19 digits: 100000000000000.0000, and its negative
    invalid(|event| event["payload"]["amount"]["units"] = json!("100000000000000.0000")),
    invalid(|event| event["payload"]["amount"]["units"] = json!("-100000000000000.0000")),
    invalid(|event| {
        event["payload"]["amount"]["units"] = json!({"$bytes": "7fffffffffffffffffffffffffffffffffffffff"})
    }),
    invalid(|event| event["payload"]["provider_cost"] = json!({"units": "999999999999999.9999", "currency": "EUR"})),
    invalid(|event| event["payload"]["guardrails"] = json!({"minimum_margin_absolute": "100000000000000.0000"})),
    invalid_by(Writer::Scale2, |event| {
        event["payload"]["amount"]["units"] = json!("100000000000000.01");
        event["payload"]["provider_cost"] = json!(null);
        event["payload"]["guardrails"] = json!(null);
    }),
    invalid_by(Writer::Scale6, |event| event["payload"]["amount"]["units"] = json!("1.000001")),
    invalid(|event| event["payload"]["amount"]["currency"] = json!("eur")),
    invalid(|event| event["payload"]["amount"]["currency"] = json!("EURO")),
    invalid(|event| event["payload"]["amount"]["currency"] = json!("")),
    invalid(|event| event["payload"]["amount"]["currency"] = json!("\u{c9}UR")),
    invalid(|event| event["payload"]["amount"]["currency"] = json!("E1R")),
    invalid(|event| event["payload"]["provider_cost"] = json!({"units": "1.0000", "currency": "usd"})),
    invalid(|event| limit(event, "minimum_margin_percent", "NaN")),
    invalid(|event| limit(event, "minimum_margin_percent", "inf")),
    invalid(|event| limit(event, "warning_margin_percent", "-inf")),
    invalid(|event| limit(event, "warning_margin_percent", "2e6")),
    invalid(|event| limit(event, "minimum_margin_percent", "-1000000.0000000001")),
    invalid(|event| payload(event, "OrderAmended", json!({"provider_reference": "r".repeat(257)}))),
    invalid(|event| payload(event, "OrderCancelled", json!({"reason": "\0"}))),
    invalid(|event| payload(event, "ReplayCancelled", json!({"replay_id": "x"}))),
    invalid(|event| payload(event, "ReplayRescheduled", json!({"replay_id": UUID, "scheduled_for": i64::MAX}))),
    invalid(|event| payload(event, "ReplayScheduled", scheduled("rule_ids", json!(["r".repeat(257)])))),
    invalid(|event| payload(event, "ReplayScheduled", scheduled("rule_metadata", json!({"a\0": "b"})))),
    invalid(|event| payload(event, "ReplayScheduled", scheduled("rule_metadata", json!({"a": "\0"})))),
    invalid(|event| payload(event, "ReplayExecuted", scheduled("performed_at", json!(i64::MIN)))),
    invalid(|event| payload(event, "ReplayFailed", scheduled("error", json!("\0")))),
    invalid(|event| payload(event, "RefillRecorded", refill("refill_id", json!("")))),
    invalid(|event| payload(event, "RefillRecorded", refill("response", json!("{\"a\":\"\0\"}")))),
];

/// Of a run's report.
pub const RUN_TABLE: &[Break] = &[
    invalid(|event| event["event_id"] = json!("not a uuid")),
    invalid(|event| event["run_id"] = json!("1")),
    invalid(|event| event["ran_at"] = json!(253_402_300_800_000_000_i64)),
    invalid(|event| event["started_at"] = json!(-62_135_596_800_000_001_i64)),
    invalid(|event| event["next_scheduled_at"] = json!(i64::MAX)),
    invalid(|event| event["summary"] = json!("[]")),
    invalid(|event| event["summary"] = json!("null")),
    invalid(|event| event["summary"] = json!("")),
    invalid(|event| event["summary"] = json!("{\"a\":1")),
    invalid(|event| event["summary"] = json!("{\"a\":1} x")),
    invalid(|event| event["summary"] = json!("\"{}\"")),
    invalid(|event| event["summary"] = json!("{\"a\":\"\\u0000\"}")),
    invalid(|event| event["summary"] = json!("{\"a\":[{\"b\\u0000\":1}]}")),
    invalid(|event| event["summary"] = json!("{\"a\":\"\\ud800\"}")),
    invalid(|event| event["summary"] = json!("{\"a\":1}\0")),
    invalid(|event| event["summary"] = json!("{\"a\":01}")),
    invalid(|event| event["summary"] = json!("{\"a\":NaN}")),
    invalid(|event| event["summary"] = json!(format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200)))),
    // JSON, and more than Postgres can hold
    invalid(|event| event["summary"] = json!("{\"a\":1e200000}")),
    invalid(|event| event["summary"] = json!("{\"a\":[{\"b\":-1E+999999}]}")),
    invalid(|event| event["metadata"] = json!("{\"a\":1e200000}")),
    invalid(|event| event["metadata"] = json!("[1]")),
    invalid(|event| event["metadata"] = json!("7")),
    invalid(|event| event["metadata"] = json!("{\"\\u0000\":1}")),
    invalid(|event| event["summary"] = json!({"$bytes": "7b2261223a22eda080227d"})),
    malformed(|event| event["summary"] = json!({"$bytes": "7b2261223a22c3227d"})),
    malformed(|event| event["metadata"] = json!({"$bytes": "ff"})),
];

const UUID: &str = "6f9619ff-8b86-d011-b42d-00c04fc964ff";

fn limit(event: &mut Value, name: &str, text: &str) {
    event["payload"]["guardrails"] = json!({ name: {"$double": text} });
}

fn payload(event: &mut Value, branch: &str, mut payload: Value) {
    payload["$branch"] = json!(branch);
    event["payload"] = payload;
}

/// Enough for each of scheduled, executed and failed.
fn scheduled(name: &str, value: Value) -> Value {
    let amount = json!({"units": "1.0000", "currency": "EUR"});
    let mut payload = json!({"replay_id": UUID, "requested_amount": amount, "performed_at": 0, "error": ""});
    payload[name] = value;
    payload
}

fn refill(name: &str, value: Value) -> Value {
    let amount = json!({"units": "1.0000", "currency": "EUR"});
    let mut payload = json!({"refill_id": UUID, "amount": amount, "performed_at": 0});
    payload[name] = value;
    payload
}
