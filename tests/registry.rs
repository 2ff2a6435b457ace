//! The real registry: taken away and given back, asked for what it does not know, and holding a newer schema.

use std::time::Duration;

use crate::support::{Proxy, Servers, Stack, eventually, http};
use bytes::Bytes;
use foldback::codec::{Decode, Decoded, Decoder, Framing, Limits, encode_order, newest};
use foldback::config::Secret;
use foldback::domain::log::position::Position;
use foldback::domain::log::record::{RawRecord, Stream};
use foldback::domain::log::rejection::Reason;
use foldback::domain::orders::event::{OrderCancelled, OrderEvent, Payload};
use foldback::domain::timestamp::Timestamp;
use foldback::registry::{Registry, RegistrySettings, Resolution};
use uuid::Uuid;

const WITHIN: Duration = Duration::from_secs(20);

fn settings(url: &str, unknown_after_ms: u64) -> RegistrySettings {
    RegistrySettings { url: Some(Secret::new(url)), timeout_ms: 2_000, unknown_after_ms, ..RegistrySettings::default() }
}

/// Registers under a subject of its own: the id.
async fn register(url: &str, schema: &str) -> u32 {
    register_as(url, &format!("t-{}-value", Uuid::now_v7()), serde_json::json!({ "schema": schema })).await
}

/// Apicurio answers 409 to one of two schemas that are registered at the same moment; the second try is taken.
async fn register_as(url: &str, subject: &str, body: serde_json::Value) -> u32 {
    let address = format!("{url}/subjects/{subject}/versions");
    let id = eventually(WITHIN, || async {
        let response = http().post(&address).json(&body).send().await.unwrap();
        let answer: serde_json::Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        answer["id"].as_u64().ok_or(answer)
    });
    u32::try_from(id.await).unwrap()
}

fn event() -> OrderEvent {
    OrderEvent {
        event_id: Uuid::from_u128(1),
        provider_order_id: Uuid::from_u128(2),
        sequence: 1,
        occurred_at: Timestamp::from_micros(1_700_000_000_000_000).unwrap(),
        payload: Payload::OrderCancelled(OrderCancelled { reason: Some("refunded".to_owned()) }),
    }
}

fn record(value: Vec<u8>) -> RawRecord {
    RawRecord {
        stream: Stream::Orders,
        position: Position { partition: 0, offset: 0 },
        key: Some(Bytes::from(event().provider_order_id.to_string())),
        value: Some(Bytes::from(value)),
        headers: Vec::new(),
        recorded_at: None,
    }
}

#[tokio::test]
async fn an_outage_is_waited_out() {
    let servers = Servers::from_env();
    let id = register(&servers.registry, newest(Stream::Orders).unwrap().json).await;
    let mut proxy = Proxy::to(&servers.registry).await;
    proxy.cut().await;
    let decoder = Decoder::new(Limits::default());
    let registry = Registry::new(&settings(proxy.url(), 0), decoder.clone()).unwrap();
    let value = encode_order(&event(), Framing::Confluent(id)).unwrap();
    assert_eq!(decoder.decode(&record(value.clone())), Decode::NeedsSchema(id));

    let waiting = tokio::spawn({
        let registry = registry.clone();
        async move { registry.resolve(id).await }
    });
    let health = registry.health();
    eventually(WITHIN, || async { health.borrow().clone().ok_or("no outage is told") }).await;
    assert!(!waiting.is_finished(), "an outage is no answer, however short unknown_after_ms is");

    proxy.mend().await;
    assert_eq!(tokio::time::timeout(WITHIN, waiting).await.unwrap().unwrap(), Resolution::Ready);
    assert_eq!(*health.borrow(), None);
    assert_eq!(decoder.decode(&record(value)), Decode::Event(Decoded::Order(Box::new(event()))));
}

#[tokio::test]
async fn an_id_that_stays_unknown_is_refused_and_not_before_its_time() {
    let servers = Servers::from_env();
    let decoder = Decoder::new(Limits::default());
    let registry = Registry::new(&settings(&servers.registry, 1_500), decoder.clone()).unwrap();
    let started = std::time::Instant::now();
    let resolution = tokio::time::timeout(WITHIN, registry.resolve(2_000_000_000)).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(1_500), "refused after {:?}", started.elapsed());
    let Resolution::Refused(rejection) = resolution else { panic!("{resolution:?}") };
    assert_eq!(rejection.reason, Reason::SchemaUnknown);
    let value = encode_order(&event(), Framing::Confluent(2_000_000_000)).unwrap();
    assert_eq!(decoder.decode(&record(value)), Decode::Rejected(rejection));
}

/// Our schema with one more branch behind the others.
fn newer_schema() -> String {
    let mut schema: serde_json::Value = serde_json::from_str(newest(Stream::Orders).unwrap().json).unwrap();
    let fields = schema["fields"].as_array_mut().unwrap();
    let payload = fields.iter_mut().find(|field| field["name"] == "payload").unwrap();
    let branch = serde_json::json!({"type": "record", "name": "OrderLost", "fields": []});
    payload["type"].as_array_mut().unwrap().push(branch);
    schema.to_string()
}

#[tokio::test]
async fn a_newer_schema_s_known_branches_decode_and_the_new_one_is_refused() {
    let servers = Servers::from_env();
    let id = register(&servers.registry, &newer_schema()).await;
    let decoder = Decoder::new(Limits::default());
    let registry = Registry::new(&settings(&servers.registry, 0), decoder.clone()).unwrap();
    assert_eq!(tokio::time::timeout(WITHIN, registry.resolve(id)).await.unwrap(), Resolution::Ready);

    let known = encode_order(&event(), Framing::Confluent(id)).unwrap();
    assert_eq!(decoder.decode(&record(known.clone())), Decode::Event(Decoded::Order(Box::new(event()))));

    // The datum ends in the branch 8, then the reason: a branch's index, and 8 characters.
    let mut unknown = known;
    unknown.truncate(unknown.len() - "refunded".len() - 3);
    unknown.push(9 << 1);
    match decoder.decode(&record(unknown)) {
        Decode::Rejected(rejection) => assert_eq!(rejection.reason, Reason::SchemaIncompatible, "{rejection:?}"),
        other => panic!("{other:?}"),
    }
}

/// Takes Money and Guardrails out of our schema, registers each under a subject of its own, and gives the body
/// that registers the rest, which refers to both.
async fn in_parts(url: &str) -> serde_json::Value {
    let mut schema: serde_json::Value = serde_json::from_str(newest(Stream::Orders).unwrap().json).unwrap();
    let mut references = Vec::new();
    for (name, field) in [("Money", "amount"), ("Guardrails", "guardrails")] {
        let fields = schema["fields"][4]["type"][0]["fields"].as_array_mut().unwrap();
        let place = &mut fields.iter_mut().find(|known| known["name"] == field).unwrap()["type"];
        let place = if place.is_array() { &mut place[1] } else { place };
        let mut part = std::mem::replace(place, serde_json::json!(name));
        part["namespace"] = "fulfillment.automation".into();
        let subject = format!("t-{}-{name}", Uuid::now_v7());
        register_as(url, &subject, serde_json::json!({ "schema": part.to_string() })).await;
        let reference = format!("fulfillment.automation.{name}");
        references.push(serde_json::json!({"name": reference, "subject": subject, "version": 1}));
    }
    serde_json::json!({"schema": schema.to_string(), "references": references})
}

#[tokio::test]
async fn a_schema_s_references_are_fetched_and_read() {
    let servers = Servers::from_env();
    let body = in_parts(&servers.registry).await;
    let id = register_as(&servers.registry, &format!("t-{}-value", Uuid::now_v7()), body).await;
    let decoder = Decoder::new(Limits::default());
    let registry = Registry::new(&settings(&servers.registry, 0), decoder.clone()).unwrap();
    assert_eq!(tokio::time::timeout(WITHIN, registry.resolve(id)).await.unwrap(), Resolution::Ready);
    let value = encode_order(&event(), Framing::Confluent(id)).unwrap();
    assert_eq!(decoder.decode(&record(value)), Decode::Event(Decoded::Order(Box::new(event()))));
}

#[tokio::test]
async fn a_subject_s_schema_with_references_passes_the_check() {
    let stack = Stack::new().await;
    let body = in_parts(&stack.servers.registry).await;
    register_as(&stack.servers.registry, &format!("{}-value", stack.orders_topic), body).await;
    let checked = stack.foldback(&["schemas", "check", "--json"]).await.exits(0).json();
    assert_eq!(checked["problems"], serde_json::json!([]));
}

#[tokio::test]
async fn schemas_are_registered_and_checked_by_the_binary() {
    let stack = Stack::new().await;
    let before = stack.foldback(&["schemas", "check"]).await.exits(0);
    assert!(before.stdout.contains("has no version yet"), "{}", before.stdout);

    let first = stack.foldback(&["schemas", "register", "--json"]).await.exits(0).json();
    let again = stack.foldback(&["schemas", "register", "--json"]).await.exits(0).json();
    assert_eq!(first, again);
    assert_eq!(first[0]["subject"], format!("{}-value", stack.orders_topic));

    let checked = stack.foldback(&["schemas", "check", "--json"]).await.exits(0).json();
    assert_eq!(checked, serde_json::json!({"compatible": true, "problems": [], "notes": []}));
}

#[tokio::test]
async fn a_version_that_cannot_be_read_fails_the_check() {
    let stack = Stack::new().await;
    let other = r#"{"type":"record","name":"Other","fields":[{"name":"x","type":"int"}]}"#;
    let subject = format!("{}-value", stack.orders_topic);
    register_as(&stack.servers.registry, &subject, serde_json::json!({ "schema": other })).await;

    let checked = stack.foldback(&["schemas", "check"]).await.exits(1);
    assert!(checked.stdout.contains(&format!("{}-value version 1: ", stack.orders_topic)), "{}", checked.stdout);
    let json = stack.foldback(&["schemas", "check", "--json"]).await.exits(1).json();
    assert_eq!(json["compatible"], false);
}

#[tokio::test]
async fn a_registry_that_is_away_fails_both_verbs_in_a_sentence() {
    let stack = Stack::new().await;
    let away = [("FOLDBACK__SCHEMA_REGISTRY__URL", "http://127.0.0.1:9")];
    for verb in ["check", "register"] {
        let output = stack.foldback_with(&["schemas", verb], &away).await.exits(1);
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        assert!(output.stderr.contains("check schema_registry.url"), "{}", output.stderr);
    }
}
