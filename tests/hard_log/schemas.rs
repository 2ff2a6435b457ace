//! The writers' schemas of the hard log: the first versions, older and newer ones, and ones of a careless publisher.

use serde_json::{Value, json};

pub const ORDERS_V1: &str = include_str!("../../schemas/provider-order-event.avsc");
pub const RUNS_V1: &str = include_str!("../../schemas/automation-run-event.avsc");

/// `C3 01` and the fingerprints that the contract gives for the first versions.
pub const ORDERS_SINGLE_OBJECT: [u8; 10] = [0xC3, 0x01, 0x16, 0x9b, 0x60, 0x63, 0x78, 0xa7, 0x54, 0xb0];
pub const RUNS_SINGLE_OBJECT: [u8; 10] = [0xC3, 0x01, 0x82, 0x4a, 0x10, 0x5b, 0xc2, 0xe6, 0x5e, 0x87];

/// Which schema wrote a record, and how it is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Writer {
    /// Single-object encoding with the first version.
    Single,
    V1,
    /// Without the fields that have defaults, and with a narrower sequence.
    Older,
    /// With further fields, a further payload branch and further enum symbols.
    Newer,
    /// Decimals of another scale.
    Scale2,
    Scale6,
}

pub const REGISTERED: [Writer; 5] = [Writer::V1, Writer::Older, Writer::Newer, Writer::Scale2, Writer::Scale6];

pub fn orders(writer: Writer) -> Value {
    let mut schema: Value = serde_json::from_str(ORDERS_V1).unwrap();
    match writer {
        Writer::Single | Writer::V1 => {}
        Writer::Older => older_orders(&mut schema),
        Writer::Newer => newer_orders(&mut schema),
        Writer::Scale2 => rescale(&mut schema, 2),
        Writer::Scale6 => rescale(&mut schema, 6),
    }
    schema
}

/// A schema of runs has no decimals: the rescaled ones are the first version.
pub fn runs(writer: Writer) -> Value {
    let mut schema: Value = serde_json::from_str(RUNS_V1).unwrap();
    match writer {
        Writer::Older => drop_fields(&mut schema, &["revision", "started_at", "next_scheduled_at", "metadata"]),
        Writer::Newer => newer_runs(&mut schema),
        _ => {}
    }
    schema
}

/// Fields that [`Writer::Older`] doesn't write, by payload: what it wrote reads as their defaults.
pub fn absent_from_older(payload: &str) -> &'static [&'static str] {
    match payload {
        "OrderPlaced" => &["service_action", "guardrails", "service_rules"],
        "OrderAmended" => &["guardrails", "service_rules"],
        "ReplayScheduled" | "ReplayExecuted" => &["rule_metadata"],
        "ReplayFailed" => &["rule_ids", "rule_metadata", "response"],
        "OrderCancelled" => &["reason"],
        _ => &[],
    }
}

fn older_orders(schema: &mut Value) {
    for branch in branches(schema) {
        let absent = absent_from_older(branch["name"].as_str().unwrap());
        drop_fields(branch, absent);
    }
    // int is promoted to long by schema resolution
    schema["fields"][2]["type"] = json!("int");
}

fn newer_orders(schema: &mut Value) {
    add_field(schema, json!({"name": "trace", "type": ["null", "string"], "default": null}));
    let branches = branches(schema);
    let placed = &mut branches[0];
    add_field(placed, json!({"name": "campaign", "type": "string", "default": "none"}));
    for field in placed["fields"].as_array_mut().unwrap() {
        if field["name"] == "amount" {
            let exponent = json!({"name": "exponent", "type": "int", "default": 2});
            field["type"]["fields"].as_array_mut().unwrap().insert(1, exponent);
        }
        if field["name"] == "service_rules" {
            let tags = json!({"name": "tags", "type": {"type": "map", "values": "string"}, "default": {}});
            add_field(&mut field["type"]["items"], tags);
        }
    }
    // in the middle, so that the known branches change their index
    branches.insert(
        1,
        json!({"type": "record", "name": "OrderAudited", "fields": [{"name": "auditor", "type": "string"}]}),
    );
}

fn newer_runs(schema: &mut Value) {
    add_field(schema, json!({"name": "host", "type": "string", "default": "unknown"}));
    for field in schema["fields"].as_array_mut().unwrap() {
        match field["name"].as_str().unwrap() {
            "status" => field["type"]["symbols"].as_array_mut().unwrap().insert(1, json!("SKIPPED")),
            "run_type" => field["type"]["symbols"].as_array_mut().unwrap().insert(0, json!("AUDIT")),
            _ => {}
        }
    }
}

fn rescale(schema: &mut Value, scale: u8) {
    match schema {
        Value::Object(object) if object.get("logicalType") == Some(&json!("decimal")) => {
            object.insert("scale".into(), json!(scale));
        }
        Value::Object(object) => object.values_mut().for_each(|value| rescale(value, scale)),
        Value::Array(array) => array.iter_mut().for_each(|value| rescale(value, scale)),
        _ => {}
    }
}

fn branches(schema: &mut Value) -> &mut Vec<Value> {
    schema["fields"][4]["type"].as_array_mut().unwrap()
}

fn add_field(record: &mut Value, field: Value) {
    record["fields"].as_array_mut().unwrap().push(field);
}

fn drop_fields(record: &mut Value, names: &[&str]) {
    record["fields"].as_array_mut().unwrap().retain(|field| !names.contains(&field["name"].as_str().unwrap()));
}
