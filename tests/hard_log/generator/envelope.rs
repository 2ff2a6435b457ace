//! From an event to a record: writer's schema, framing, key, headers.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{SchemaIds, Source};
use crate::hard_log::meaning::{Draft, Headers, Meaning, OrderEvent, RunEvent, Topic};
use crate::hard_log::schemas::{self, ORDERS_SINGLE_OBJECT, RUNS_SINGLE_OBJECT, Writer};
use crate::support::encode::Encoder;

/// The encoder and the frame of every writer's schema.
pub struct Writers {
    orders: HashMap<Writer, (Encoder, Vec<u8>)>,
    runs: HashMap<Writer, (Encoder, Vec<u8>)>,
}

impl Writers {
    pub fn new(ids: &SchemaIds) -> Self {
        let frame = |id: &u32| [&[0][..], &id.to_be_bytes()].concat();
        let mut orders: HashMap<_, _> =
            ids.orders.iter().map(|(&w, id)| (w, (Encoder::new(schemas::orders(w)), frame(id)))).collect();
        let mut runs: HashMap<_, _> =
            ids.runs.iter().map(|(&w, id)| (w, (Encoder::new(schemas::runs(w)), frame(id)))).collect();
        orders.insert(Writer::Single, (Encoder::new(schemas::orders(Writer::V1)), ORDERS_SINGLE_OBJECT.to_vec()));
        runs.insert(Writer::Single, (Encoder::new(schemas::runs(Writer::V1)), RUNS_SINGLE_OBJECT.to_vec()));
        Self { orders, runs }
    }

    /// Frame and datum.
    pub fn write(&self, topic: Topic, writer: Writer, datum: &Value) -> Vec<u8> {
        let (encoder, frame) = &self.of(topic)[&writer];
        [frame.clone(), encoder.encode(datum)].concat()
    }

    pub fn frame(&self, topic: Topic, writer: Writer) -> &[u8] {
        &self.of(topic)[&writer].1
    }

    fn of(&self, topic: Topic) -> &HashMap<Writer, (Encoder, Vec<u8>)> {
        match topic {
            Topic::Orders => &self.orders,
            Topic::Runs => &self.runs,
        }
    }
}

/// The datum of an order's event.
pub fn order_datum(event: &OrderEvent) -> Value {
    let mut payload = event.payload.clone();
    payload["$branch"] = json!(event.name);
    json!({
        "event_id": event.event_id.to_string(),
        "provider_order_id": event.order_id.to_string(),
        "sequence": event.sequence,
        "occurred_at": event.occurred_micros,
        "payload": payload,
    })
}

pub fn run_datum(event: &RunEvent) -> Value {
    json!({
        "event_id": event.event_id.to_string(),
        "run_id": event.run_id.to_string(),
        "revision": event.revision,
        "run_type": event.run_type.to_uppercase(),
        "status": event.status.to_uppercase(),
        "started_at": event.started_micros,
        "ran_at": event.ran_micros,
        "summary": event.summary,
        "metadata": event.metadata,
        "backlog_total": event.backlog_total,
        "next_scheduled_at": event.next_scheduled_micros,
        "alerts_sent": event.alerts_sent,
    })
}

/// Writers that can express the event without losing anything of it.
pub fn writers_for(event: &OrderEvent) -> Vec<Writer> {
    let mut able =
        vec![Writer::Single, Writer::Single, Writer::V1, Writer::V1, Writer::V1, Writer::Newer, Writer::Newer];
    if event.sequence <= i64::from(i32::MAX) && older_can_say(event.name, &event.payload) {
        able.extend([Writer::Older; 4]);
    }
    if decimals(&event.payload).iter().all(|text| text.ends_with("00") && text.len() < 14) {
        able.extend([Writer::Scale2; 2]);
    }
    if decimals(&event.payload).iter().all(|text| text.len() < 14) {
        able.push(Writer::Scale6);
    }
    able
}

/// A committed record of the event in this partition.
pub fn order_record(source: &mut Source, event: &OrderEvent, partition: i32) -> Draft {
    let writer = source.pick(&writers_for(event));
    let value = source.writers.write(Topic::Orders, writer, &order_datum(event));
    let key = key_text(source, &event.order_id.to_string());
    draft(source, Topic::Orders, partition, Some(key), Some(value), Meaning::Order(event.clone()))
}

pub fn run_record(source: &mut Source, event: &RunEvent, partition: i32) -> Draft {
    let mut able = vec![Writer::Single, Writer::V1, Writer::V1, Writer::Newer];
    let sparse = event.started_micros.is_none() && event.next_scheduled_micros.is_none();
    if sparse && event.revision == 1 && event.metadata == "{}" {
        able.extend([Writer::Older; 4]);
    }
    let writer = source.pick(&able);
    let mut datum = run_datum(event);
    if writer == Writer::Newer && event.status == "unknown" && source.chance(0.5) {
        // a symbol that we don't know reads as the enum's default
        datum["status"] = json!("SKIPPED");
    }
    let value = source.writers.write(Topic::Runs, writer, &datum);
    let key = key_text(source, &event.run_id.to_string());
    draft(source, Topic::Runs, partition, Some(key), Some(value), Meaning::Run(event.clone()))
}

pub fn draft(
    source: &mut Source,
    topic: Topic,
    partition: i32,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    meaning: Meaning,
) -> Draft {
    let headers = headers(source);
    Draft { topic, partition, key, value, headers, timestamp_millis: source.timestamp_millis(), meaning }
}

fn headers(source: &mut Source) -> Headers {
    let all: Headers = vec![
        ("traceparent".into(), Some(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_vec())),
        ("nothing".into(), None),
        ("empty".into(), Some(Vec::new())),
        ("bytes".into(), Some(vec![0, 0xFF, 0xC3, 0x28])),
        ("traceparent".into(), Some(b"again".to_vec())),
        ("caf\u{e9} \u{1F4E6}".into(), Some("\u{e9}".as_bytes().to_vec())),
    ];
    if source.chance(0.6) { Vec::new() } else { (0..source.below(5)).map(|_| source.pick(&all)).collect() }
}

/// Uuids may come in any case.
fn key_text(source: &mut Source, id: &str) -> Vec<u8> {
    if source.chance(0.1) { id.to_uppercase().into_bytes() } else { id.as_bytes().to_vec() }
}

fn older_can_say(name: &str, payload: &Value) -> bool {
    // an OrderAmended's default is null, and [] says something else
    let empty =
        |value: &Value| value.is_null() || (name != "OrderAmended" && (*value == json!([]) || *value == json!({})));
    schemas::absent_from_older(name).iter().all(|field| empty(&payload[*field]))
}

/// The decimals of a payload: `units` of every Money, and the absolute limit.
fn decimals(payload: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let fields = payload.as_object().into_iter().flat_map(Map::iter);
    for (name, value) in fields {
        match value {
            Value::String(text) if name == "units" || name == "minimum_margin_absolute" => found.push(text.clone()),
            Value::Object(_) => found.extend(decimals(value)),
            _ => {}
        }
    }
    found
}
