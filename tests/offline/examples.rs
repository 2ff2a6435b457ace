//! The examples in schemas/examples, and the bytes that they are on the wire. A changed byte is a broken promise.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use foldback::codec::{
    Decode, Decoded, Decoder, Framing, Limits, Schema, encode_order, encode_run, fingerprint, newest,
};
use foldback::domain::log::position::Position;
use foldback::domain::log::record::{RawRecord, Stream};
use foldback::domain::orders::event::{OrderEvent, Payload};
use foldback::domain::runs::run::{Run, RunStatus, RunType};
use foldback::domain::timestamp::Timestamp;
use serde_json::Value;
use uuid::Uuid;

const REGISTRY_ID: u32 = 7;

fn id(value: &Value) -> Uuid {
    value.as_str().unwrap().parse().unwrap()
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().map(|text| Timestamp::parse(text).unwrap())
}

fn order(example: &Value) -> OrderEvent {
    let event_type = example["event_type"].as_str().unwrap();
    let payload = Payload::read_json(event_type, &example["payload"].to_string()).unwrap();
    assert_eq!(payload_json(&payload), example["payload"], "{event_type} has fields that were not read");
    OrderEvent {
        event_id: id(&example["event_id"]),
        provider_order_id: id(&example["provider_order_id"]),
        sequence: example["sequence"].as_i64().unwrap(),
        occurred_at: time(&example["occurred_at"]).unwrap(),
        payload,
    }
}

fn payload_json(payload: &Payload) -> Value {
    let mut json = Vec::new();
    payload.write_json(&mut json);
    serde_json::from_slice(&json).unwrap()
}

fn run(example: &Value) -> Run {
    Run {
        event_id: id(&example["event_id"]),
        run_id: id(&example["run_id"]),
        revision: i32::try_from(example["revision"].as_i64().unwrap()).unwrap(),
        run_type: RunType::parse(example["run_type"].as_str().unwrap()).unwrap(),
        status: RunStatus::parse(example["status"].as_str().unwrap()).unwrap(),
        started_at: time(&example["started_at"]),
        ran_at: time(&example["ran_at"]).unwrap(),
        summary: example["summary"].as_object().unwrap().clone(),
        metadata: example["metadata"].as_object().unwrap().clone(),
        backlog_total: example["backlog_total"].as_i64(),
        next_scheduled_at: time(&example["next_scheduled_at"]),
        alerts_sent: example["alerts_sent"].as_i64().map(|sent| i32::try_from(sent).unwrap()),
        unreadable: None,
    }
}

fn single(stream: Stream) -> Framing {
    Framing::SingleObject(fingerprint(&Schema::parse(newest(stream).unwrap().json).unwrap()))
}

fn record(stream: Stream, key: Uuid, value: &[u8]) -> RawRecord {
    RawRecord {
        stream,
        position: Position { partition: 0, offset: 0 },
        key: Some(Bytes::from(key.to_string())),
        value: Some(Bytes::copy_from_slice(value)),
        headers: Vec::new(),
        recorded_at: None,
    }
}

fn hex(value: &[u8]) -> String {
    value.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes in both framings, having decoded the one that needs no registry.
fn on_the_wire(example: &Value) -> [String; 2] {
    let (stream, key, decoded) = if example["run_id"].is_string() {
        let run = run(example);
        (Stream::Runs, run.run_id, Decoded::Run(Box::new(run)))
    } else {
        let event = order(example);
        (Stream::Orders, event.provider_order_id, Decoded::Order(Box::new(event)))
    };
    let encode = |framing| match &decoded {
        Decoded::Order(event) => encode_order(event, framing).unwrap(),
        Decoded::Run(run) => encode_run(run, framing).unwrap(),
    };
    let (confluent, single) = (encode(Framing::Confluent(REGISTRY_ID)), encode(single(stream)));
    assert_eq!(confluent[5..], single[10..], "only the framing differs");
    let decoder = Decoder::new(Limits::default());
    assert_eq!(decoder.decode(&record(stream, key, &confluent)), Decode::NeedsSchema(REGISTRY_ID));
    assert_eq!(decoder.decode(&record(stream, key, &single)), Decode::Event(decoded));
    [hex(&confluent), hex(&single)]
}

#[test]
fn the_examples_are_these_bytes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/examples");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert_eq!(paths.len(), 10, "nine payloads and a run");
    let mut text = String::new();
    for path in paths {
        let example = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let [confluent, single] = on_the_wire(&example);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        text += &format!("{name}\n  confluent     {confluent}\n  single object {single}\n");
    }
    insta::assert_snapshot!("on_the_wire", text);
}
