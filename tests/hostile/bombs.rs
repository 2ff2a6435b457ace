//! Inputs that are too large for a file: small for what they would have a careless reader do.

use foldback::codec::newest;
use foldback::domain::log::record::Stream;
use serde_json::{Value as Json, json};

use super::avro::long;

/// A name, the target, and the input.
pub fn bombs() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let schemas = [
        ("references_upon_references", references(100, 58)),
        ("records_within_records", schema(&within(38, 4_700))),
        ("wide_records_in_many_places", schema(&amounts(2_500, 900))),
        ("wide_enums_in_many_places", schema(&runs_of_symbols(400, 2_500))),
        ("a_union_of_many_records", schema(&(0..4_900).map(|i| record(&format!("R{i}"), json!([]))).collect())),
        ("an_enum_of_many_symbols", schema(&json!({"type": "enum", "name": "E", "symbols": names(9_900, 390)}))),
        (
            "long_names_of_fields",
            schema(&record("R", names(4_900, 780).iter().map(|name| field(name, json!("null"))).collect())),
        ),
        ("long_namespaces", schema(&long_namespaces(3_000))),
        ("a_long_type", "9".repeat(4_000_000).into_bytes()),
        ("a_long_type_name", json!("x".repeat(4_000_000)).to_string().into_bytes()),
        ("deep_json", "[".repeat(4_000_000).into_bytes()),
    ];
    let mut bombs: Vec<_> = schemas.into_iter().map(|(name, bytes)| (name, "schema", bytes)).collect();
    bombs.extend(data().into_iter().map(|(name, bytes)| (name, "decoding", bytes)));
    bombs.extend(summaries().into_iter().map(|(name, text)| (name, "summaries", text.into_bytes())));
    bombs
}

fn data() -> Vec<(&'static str, Vec<u8>)> {
    let count = |count: i64| {
        let mut datum = Vec::new();
        long(count, &mut datum);
        [datum.as_slice(), &[0; 20]].concat()
    };
    let nulls = |fields: usize| names(fields, 1).iter().map(|name| field(name, json!("null"))).collect::<Json>();
    let long_names = names(900, 780).iter().map(|name| field(name, json!("null"))).collect();
    let array = |items: Json| json!({"type": "array", "items": items});
    vec![
        ("records_of_nulls", datum(&skipped(array(record("N", nulls(4_800)))), &count(90_000))),
        ("records_of_nulls_without_end", datum(&skipped(array(record("N", nulls(4_800)))), &count(1 << 62))),
        ("values_with_long_names", datum(&array(record("N", long_names)), &count(1 << 62))),
        ("rules_of_nulls", datum(&amended_rules(nulls(4_000)), &rules(90_000))),
    ]
}

/// An amendment with so many rules, each a text of one byte.
fn rules(count: i64) -> Vec<u8> {
    let id = b"00000000-0000-0000-0000-000000000001";
    let mut datum = Vec::new();
    super::avro::bytes(id, &mut datum);
    super::avro::bytes(id, &mut datum);
    // Sequence, time, the amendment.
    datum.extend_from_slice(&[2, 2, 0]);
    long(count, &mut datum);
    datum.extend(std::iter::repeat_n(0, usize::try_from(count).expect("it is no negative count") + 1));
    datum
}

/// Orders that are amended by rules with these fields more.
fn amended_rules(mut more: Json) -> Json {
    let fields = more.as_array_mut().expect("fields");
    fields.insert(0, field("id", json!("string")));
    let rules = json!({"type": "array", "items": record("ServiceRule", more)});
    let mut orders = orders();
    orders["fields"][4]["type"] = json!([record("OrderAmended", json!([field("service_rules", rules)]))]);
    orders
}

fn summaries() -> Vec<(&'static str, String)> {
    let entries = |entry: &str, count: usize| format!("[{}{entry}]", format!("{entry},").repeat(count));
    vec![
        ("a_digest_of_many_wrong_entries", format!(r#"{{"alertsDigest":{}}}"#, entries("1", 100_000))),
        ("a_digest_of_many_wrong_reasons", {
            let reasons = format!(r#"{{"providerId":1,"reasons":{}}}"#, entries("1", 150));
            format!(r#"{{"alertsDigest":{}}}"#, entries(&reasons, 300))
        }),
        ("many_unknown_fields", {
            let fields: Vec<String> = (0..20_000).map(|i| format!("\"u{i}\":0")).collect();
            format!("{{{}}}", fields.join(","))
        }),
        ("many_numbers", format!(r#"{{"a":{}}}"#, entries("1e399", 40_000))),
        ("open_brackets", "[".repeat(1_000_000)),
        ("open_objects", "{\"a\":".repeat(200_000)),
        ("backslashes", format!("{{\"a\":\"{}\"}}", "\\\\".repeat(400_000))),
    ]
}

fn schema(json: &Json) -> Vec<u8> {
    json.to_string().into_bytes()
}

fn datum(json: &Json, datum: &[u8]) -> Vec<u8> {
    [schema(json).as_slice(), &[0], datum].concat()
}

fn record(name: &str, fields: Json) -> Json {
    json!({"type": "record", "name": name, "fields": fields})
}

fn field(name: &str, kind: Json) -> Json {
    json!({"name": name, "type": kind})
}

/// So many names, each as long.
fn names(count: usize, length: usize) -> Vec<String> {
    (0..count).map(|i| format!("{}{i}", "n".repeat(length))).collect()
}

fn orders() -> Json {
    serde_json::from_str(newest(Stream::Orders).expect("it is bundled").json).expect("it is JSON")
}

/// Orders with a first field that we don't read.
fn skipped(kind: Json) -> Json {
    let mut orders = orders();
    orders["fields"].as_array_mut().expect("fields").insert(0, field("skipped", kind));
    orders
}

/// Each text has the one before it within so many arrays.
fn references(texts: usize, arrays: usize) -> Vec<u8> {
    let text = |i: usize| {
        let inner = if i == 0 { json!("int") } else { json!(format!("R{}", i - 1)) };
        let nested = (0..arrays).fold(inner, |inner, _| json!({"type": "array", "items": inner}));
        record(&format!("R{i}"), json!([field("f", nested)])).to_string()
    };
    (0..texts).map(text).collect::<Vec<_>>().join("\u{1e}").into_bytes()
}

fn within(levels: usize, fields: usize) -> Json {
    let innermost = record("R", names(fields, 1).iter().map(|name| field(name, json!("int"))).collect());
    (0..levels).fold(innermost, |inner, i| record(&format!("R{i}"), json!([field("f", inner)])))
}

/// Amendments of many namespaces, each of which holds twice an amount of many fields.
fn amounts(fields: usize, amendments: usize) -> Json {
    let mut amount: Vec<Json> = names(fields, 1).iter().map(|name| field(name, json!("int"))).collect();
    amount.extend([field("units", json!("bytes")), field("currency", json!("string"))]);
    let money = record("Money", json!(amount));
    let mut orders = orders();
    let amendment = |i: usize| {
        let amount = if i == 0 { money.clone() } else { json!("n0.Money") };
        let name = format!("n{i}.OrderAmended");
        record(&name, json!([field("amount", amount), field("provider_cost", json!("n0.Money"))]))
    };
    orders["fields"][4]["type"] = (0..amendments).map(amendment).collect();
    orders
}

/// Runs of many namespaces, all with the same types of many symbols.
fn runs_of_symbols(runs: usize, symbols: usize) -> Json {
    let kind = |name: &str| json!({"type": "enum", "name": name, "symbols": names(symbols, 1)});
    let run = |i: usize| {
        let (run_type, status) =
            if i == 0 { (kind("RunType"), kind("RunStatus")) } else { (json!("n0.RunType"), json!("n0.RunStatus")) };
        let field_of = |name: &str, kind: Json| field(name, kind);
        let name = format!("n{i}.AutomationRunRecorded");
        record(
            &name,
            json!([
                field_of("event_id", json!("string")),
                field_of("run_id", json!("string")),
                field_of("run_type", run_type),
                field_of("status", status),
                field_of("ran_at", json!("long"))
            ]),
        )
    };
    (0..runs).map(run).collect()
}

fn long_namespaces(types: usize) -> Json {
    let namespace = "n".repeat(980);
    let field_of = |i: usize| field(&format!("f{i}"), json!({"type": "fixed", "name": format!("F{i}"), "size": 1}));
    json!({"type": "record", "name": "R", "namespace": namespace, "fields": (0..types).map(field_of).collect::<Json>()})
}
