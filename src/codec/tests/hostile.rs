//! Schemas and datums that are small for what they would have a careless reader do. tests/hostile bounds their memory.

use serde_json::json;

use super::schemas::{datum, orders, read_order, refused};
use super::*;

type Json = serde_json::Value;

fn record(name: &str, fields: Json) -> Json {
    json!({"type": "record", "name": name, "fields": fields})
}

fn field(name: &str, kind: Json) -> Json {
    json!({"name": name, "type": kind})
}

fn nulls(count: usize) -> Json {
    (0..count).map(|i| field(&format!("n{i}"), json!("null"))).collect()
}

/// Orders with a first field that we don't read.
fn skipping(kind: Json) -> String {
    orders(|schema| schema["fields"].as_array_mut().unwrap().insert(0, field("skipped", kind)))
}

fn cancelled() -> OrderEvent {
    event(Payload::OrderCancelled(OrderCancelled { reason: None }))
}

#[test]
fn fields_without_a_byte_are_counted_like_items() {
    let records = |fields: usize| skipping(json!({"type": "array", "items": record("N", nulls(fields))}));
    // 30,000 records.
    let datum = [&[0xe0, 0xd4, 0x03, 0][..], &datum(&cancelled())].concat();
    assert_eq!(read_order(&records(1), &[], &datum), Ok(cancelled()));
    let refusal = read_order(&records(4_000), &[], &datum).unwrap_err();
    assert!(refusal.contains("more items than foldback accepts"), "{refusal}");
}

#[test]
fn fields_without_a_byte_of_what_is_read_are_counted_too() {
    let rules = |more: usize| {
        orders(|schema| {
            let rule = &mut schema["fields"][4]["type"][0]["fields"][10]["type"]["items"];
            assert_eq!(rule["name"], "ServiceRule");
            rule["fields"].as_array_mut().unwrap().extend(nulls(more).as_array().unwrap().iter().cloned());
        })
    };
    let rule = ServiceRule { id: String::new(), label: None, priority: None };
    let placed = OrderPlaced { service_rules: vec![rule; 30_000], ..placed() };
    let event = event(Payload::OrderPlaced(placed));
    assert_eq!(read_order(&rules(1), &[], &datum(&event)), Ok(event.clone()));
    let refusal = read_order(&rules(4_000), &[], &datum(&event)).unwrap_err();
    assert!(refusal.contains("more items than foldback accepts"), "{refusal}");
}

#[test]
fn fields_that_are_skipped_count_as_ways_to_read_a_schema() {
    let found = |fields: usize| {
        let schema = orders(|schema| {
            let money = &mut schema["fields"][4]["type"][0]["fields"][7]["type"];
            assert_eq!(money["name"], "Money");
            money["fields"].as_array_mut().unwrap().extend(nulls(fields).as_array().unwrap().iter().cloned());
        });
        compatibility(Stream::Orders, &schema, &[]).unwrap().broken
    };
    assert_eq!(found(1_000), Vec::<String>::new());
    assert!(found(4_000).iter().any(|detail| detail.contains("in more ways than foldback plans for")));
}

#[test]
fn symbols_count_as_ways_to_read_a_schema() {
    let symbols: Vec<String> = (0..2_500).map(|i| format!("S{i}")).collect();
    let run = |i: usize| {
        let types = ["RunType", "RunStatus"].map(|name| match i {
            0 => json!({"type": "enum", "name": name, "symbols": symbols}),
            _ => json!(format!("n0.{name}")),
        });
        let [run_type, status] = types;
        let fields = [
            ("event_id", json!("string")),
            ("run_id", json!("string")),
            ("run_type", run_type),
            ("status", status),
            ("ran_at", json!("long")),
        ];
        record(
            &format!("n{i}.AutomationRunRecorded"),
            fields.map(|(name, kind)| field(name, kind)).into_iter().collect(),
        )
    };
    let schema: Json = (0..10).map(run).collect();
    let broken = compatibility(Stream::Runs, &schema.to_string(), &[]).unwrap().broken;
    assert!(broken.iter().any(|detail| detail.contains("in more ways than foldback plans for")), "{}", broken.len());
}

/// Each text is as deep as one may be, and refers to the one before it: in all, far deeper than the stack is.
#[test]
fn schemas_that_refer_to_each_other_are_laid_out_one_by_one() {
    let text = |i: usize| {
        let inner = if i == 0 { json!("int") } else { json!(format!("R{}", i - 1)) };
        let nested = (0..58).fold(inner, |inner, _| json!({"type": "array", "items": inner}));
        record(&format!("R{i}"), json!([field("f", nested)])).to_string()
    };
    let referenced: Vec<String> = (0..100).map(text).collect();
    let schema = skipping(json!("R99"));
    let datum = [&[0][..], &datum(&cancelled())].concat();
    assert_eq!(read_order(&schema, &referenced, &datum), Ok(cancelled()));
}

/// It becomes the detail of every dead letter with this schema.
#[test]
fn what_is_no_type_is_told_in_a_short_sentence() {
    let error = refused(&"9".repeat(1_000_000));
    assert!(error.contains("is not a type") && error.len() < 500, "{} bytes", error.len());
}
