//! What a publisher's bytes become.

mod agreement;
mod describe;
mod framing;
mod hostile;
mod kinds;
mod schemas;

use std::sync::LazyLock;

use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::log::position::Position;
use crate::domain::log::record::{RawRecord, Stream};
use crate::domain::log::rejection::Reason;
use crate::domain::orders::event::*;
use crate::domain::orders::money::{Currency, Decimal, Money};
use crate::domain::runs::run::{Run, RunStatus, RunType};
use crate::domain::timestamp::Timestamp;

use super::avro::schema::Schema;
use super::prepared::{Prepared, Readers};
use super::*;

const ID: Uuid = Uuid::from_u128(0x11);

fn record(stream: Stream, key: Option<&str>, value: Option<Vec<u8>>) -> RawRecord {
    RawRecord {
        stream,
        position: Position { partition: 0, offset: 0 },
        key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
        value: value.map(Bytes::from),
        headers: Vec::new(),
        recorded_at: None,
    }
}

fn decode(stream: Stream, value: &[u8]) -> Decode {
    // Parsing the bundled schemas takes longer than all the decoding.
    static DECODER: LazyLock<Decoder> = LazyLock::new(|| Decoder::new(Limits::default()));
    DECODER.decode(&record(stream, Some(&ID.to_string()), Some(value.to_vec())))
}

fn reason(decode: Decode) -> Option<Reason> {
    match decode {
        Decode::Rejected(rejection) => Some(rejection.reason),
        _ => None,
    }
}

fn single(stream: Stream) -> Framing {
    static FINGERPRINTS: LazyLock<[u64; 2]> = LazyLock::new(|| {
        [Stream::Orders, Stream::Runs].map(|stream| fingerprint(&Schema::parse(newest(stream).unwrap().json).unwrap()))
    });
    Framing::SingleObject(FINGERPRINTS[usize::from(stream == Stream::Runs)])
}

fn money(ten_thousandths: i64) -> Money {
    Money { units: Decimal::from_ten_thousandths(ten_thousandths).unwrap(), currency: Currency::parse("EUR").unwrap() }
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

fn placed() -> OrderPlaced {
    OrderPlaced {
        order_id: Uuid::from_u128(1),
        order_item_id: Uuid::from_u128(2),
        provider_id: "acme".to_owned(),
        provider_name: Some("Acme ä".to_owned()),
        service_id: "likes".to_owned(),
        service_action: None,
        provider_reference: Some(String::new()),
        amount: money(123_400),
        provider_cost: Some(money(-129)),
        guardrails: Some(Guardrails {
            minimum_margin_absolute: Some(Decimal::from_ten_thousandths(128).unwrap()),
            minimum_margin_percent: Some(10.5),
            warning_margin_percent: None,
        }),
        service_rules: vec![ServiceRule { id: "r1".to_owned(), label: None, priority: Some(-3) }],
    }
}

fn payloads() -> Vec<Payload> {
    let rule_ids = vec!["r1".to_owned(), String::new()];
    let rule_metadata: std::collections::BTreeMap<_, _> = [("k".to_owned(), "v".to_owned())].into();
    let (replay_id, response) = (Uuid::from_u128(7), Some("{}".to_owned()));
    let (requested_amount, performed_at) = (money(1), time(1_700_000_000_123_456));
    vec![
        Payload::OrderPlaced(placed()),
        Payload::OrderAmended(OrderAmended {
            amount: None,
            provider_cost: Some(money(5)),
            guardrails: None,
            provider_reference: None,
            service_rules: Some(Vec::new()),
        }),
        Payload::ReplayScheduled(ReplayScheduled {
            replay_id,
            requested_amount,
            scheduled_for: Some(performed_at),
            rule_ids: rule_ids.clone(),
            rule_metadata: rule_metadata.clone(),
        }),
        Payload::ReplayRescheduled(ReplayRescheduled { replay_id, scheduled_for: None }),
        Payload::ReplayExecuted(ReplayExecuted {
            replay_id,
            requested_amount,
            performed_at,
            response: response.clone(),
            rule_ids: Vec::new(),
            rule_metadata: Default::default(),
        }),
        Payload::ReplayFailed(ReplayFailed {
            replay_id,
            requested_amount,
            performed_at,
            error: "no".to_owned(),
            response: None,
            rule_ids,
            rule_metadata,
        }),
        Payload::ReplayCancelled(ReplayCancelled { replay_id, reason: Some("why".to_owned()) }),
        Payload::RefillRecorded(RefillRecorded { refill_id: ID, amount: money(0), performed_at, response }),
        Payload::OrderCancelled(OrderCancelled { reason: None }),
    ]
}

fn event(payload: Payload) -> OrderEvent {
    OrderEvent { event_id: Uuid::from_u128(3), provider_order_id: ID, sequence: 1, occurred_at: time(-5), payload }
}

fn run() -> Run {
    let summary = serde_json::from_str(r#"{"big":12345678901234567890123,"x":[null]}"#).unwrap();
    Run {
        event_id: Uuid::from_u128(4),
        run_id: ID,
        revision: -2,
        run_type: RunType::Alert,
        status: RunStatus::Partial,
        started_at: None,
        ran_at: time(1),
        summary,
        metadata: serde_json::Map::new(),
        backlog_total: Some(i64::MIN),
        next_scheduled_at: Some(time(2)),
        alerts_sent: Some(7),
        unreadable: None,
    }
}

#[test]
fn every_payload_survives_the_wire() {
    for payload in payloads() {
        let event = event(payload);
        let value = encode_order(&event, single(Stream::Orders)).unwrap();
        assert_eq!(decode(Stream::Orders, &value), Decode::Event(Decoded::Order(Box::new(event))));
    }
    let value = encode_run(&run(), single(Stream::Runs)).unwrap();
    assert_eq!(decode(Stream::Runs, &value), Decode::Event(Decoded::Run(Box::new(run()))));
}

#[test]
fn cut_off_or_too_long_is_malformed() {
    for payload in payloads() {
        let value = encode_order(&event(payload), single(Stream::Orders)).unwrap();
        for end in 0..value.len() {
            assert_eq!(reason(decode(Stream::Orders, &value[..end])), Some(Reason::Malformed), "{end}");
        }
        let longer = [&value[..], &[0]].concat();
        assert_eq!(reason(decode(Stream::Orders, &longer)), Some(Reason::Malformed));
    }
}

#[test]
fn the_key_is_the_event_s_own_id() {
    let value = encode_order(&event(payloads().remove(0)), single(Stream::Orders)).unwrap();
    let decoder = Decoder::new(Limits::default());
    let with_key = |key: Option<&str>| reason(decoder.decode(&record(Stream::Orders, key, Some(value.clone()))));
    assert_eq!(with_key(Some(&ID.to_string().to_uppercase())), None);
    for key in [None, Some(""), Some("x"), Some(&ID.simple().to_string()[..]), Some(&Uuid::nil().to_string())] {
        assert_eq!(with_key(key), Some(Reason::KeyMismatch), "{key:?}");
    }
}

#[test]
fn reasons_before_the_schema() {
    let decoder = Decoder::new(Limits { value_bytes_max: 20, ..Limits::default() });
    let of = |value: Option<Vec<u8>>| reason(decoder.decode(&record(Stream::Orders, None, value)));
    assert_eq!(of(None), Some(Reason::Malformed));
    assert_eq!(of(Some(vec![])), Some(Reason::Malformed));
    assert_eq!(of(Some(vec![7; 21])), Some(Reason::TooLarge));
    assert_eq!(of(Some(vec![7; 20])), Some(Reason::Malformed));
    assert_eq!(of(Some(vec![0xc3, 1, 0, 0, 0, 0, 0, 0, 0, 0])), Some(Reason::SchemaUnknown));
    let confluent = record(Stream::Orders, None, Some(vec![0, 0, 0, 1, 2]));
    assert_eq!(decoder.decode(&confluent), Decode::NeedsSchema(258));
}

#[test]
fn the_other_stream_s_event_is_incompatible() {
    let value = encode_run(&run(), single(Stream::Runs)).unwrap();
    assert_eq!(reason(decode(Stream::Orders, &value)), Some(Reason::SchemaIncompatible));
    assert_eq!(reason(decode(Stream::Orders, &value[..value.len() - 1])), Some(Reason::Malformed));
}

#[test]
fn broken_rules_are_invalid() {
    let check = |change: fn(&mut OrderEvent, &mut OrderPlaced)| {
        let (mut event, mut placed) = (event(Payload::OrderCancelled(OrderCancelled { reason: None })), placed());
        change(&mut event, &mut placed);
        event.payload = Payload::OrderPlaced(placed);
        reason(decode(Stream::Orders, &encode_order(&event, single(Stream::Orders)).unwrap()))
    };
    assert_eq!(check(|_, placed| placed.provider_id = "ä".repeat(64)), None);
    assert_eq!(check(|event, _| event.sequence = 1 << 53), None);
    let invalid: [fn(&mut OrderEvent, &mut OrderPlaced); 8] = [
        |event, _| event.sequence = 0,
        |event, _| event.sequence = (1 << 53) + 1,
        |_, placed| placed.provider_id.clear(),
        |_, placed| placed.service_id = "s".repeat(65),
        |_, placed| placed.provider_name = Some("\0".to_owned()),
        |_, placed| placed.provider_reference = Some("r".repeat(257)),
        |_, placed| placed.guardrails.as_mut().unwrap().minimum_margin_percent = Some(f64::NAN),
        |_, placed| placed.guardrails.as_mut().unwrap().warning_margin_percent = Some(1e6 + 1.0),
    ];
    for (index, change) in invalid.into_iter().enumerate() {
        assert_eq!(check(change), Some(Reason::Invalid), "{index}");
    }
}

#[test]
fn surrogates_are_invalid_and_other_broken_text_is_malformed() {
    let value = encode_order(
        &event(Payload::OrderCancelled(OrderCancelled { reason: Some("@@@".to_owned()) })),
        single(Stream::Orders),
    )
    .unwrap();
    let with = |bytes: &[u8; 3]| {
        let mut value = value.clone();
        let end = value.len();
        value[end - 3..].copy_from_slice(bytes);
        reason(decode(Stream::Orders, &value))
    };
    assert_eq!(with(b"\xed\xa0\x80"), Some(Reason::Invalid));
    assert_eq!(with(b"\xff@@"), Some(Reason::Malformed));
}

fn avro_value(json: &serde_json::Value) -> apache_avro::types::Value {
    use apache_avro::types::Value;
    match json {
        serde_json::Value::Number(number) => Value::Long(number.as_i64().unwrap()),
        serde_json::Value::String(text) => Value::String(text.clone()),
        serde_json::Value::Array(items) => Value::Array(items.iter().map(avro_value).collect()),
        serde_json::Value::Object(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (key.clone(), avro_value(value))).collect())
        }
        other => panic!("{other} is not used here"),
    }
}

/// Encodes by apache-avro, a second opinion on the format, and reads by our plan.
fn read_as(schema: &str, json: serde_json::Value) -> Result<String, Reason> {
    let avro = apache_avro::Schema::parse_str(schema).unwrap();
    let value = avro_value(&json).resolve(&avro).unwrap();
    let writer = apache_avro::writer::datum::GenericDatumWriter::builder(&avro).build().unwrap();
    let datum = writer.write_value_to_vec(value).unwrap();
    let readers = Readers::new();
    let prepared = Prepared::parse(schema, &[], &readers).unwrap();
    let value = prepared.read(Stream::Runs, &datum).map_err(|rejection| rejection.reason)?;
    super::rules::run(value).map(|run| format!("{run:?}")).map_err(|_| Reason::Invalid)
}

fn run_schema(ran_at: &str, status_symbols: &str, more: &str) -> String {
    format!(
        r#"{{"type":"record","name":"AutomationRunRecorded","namespace":"elsewhere","fields":[
        {{"name":"run_id","type":"string"}}, {{"name":"event_id","type":"string"}}{more},
        {{"name":"run_type","type":{{"type":"enum","name":"RunType","symbols":["ALERT","REPLAY","OTHER"]}}}},
        {{"name":"status","type":{{"type":"enum","name":"RunStatus","symbols":{status_symbols}}}}},
        {{"name":"ran_at","type":{ran_at}}}]}}"#
    )
}

#[test]
fn another_writer_s_schema_is_resolved() {
    let json = |run_type: &str| {
        serde_json::json!({"run_id": ID.to_string(), "event_id": ID.to_string(), "note": ["x"], "run_type": run_type,
            "status": "GONE", "ran_at": 1000})
    };
    let millis = r#"{"type":"long","logicalType":"timestamp-millis"}"#;
    let more = r#", {"name":"note","type":{"type":"array","items":"string"}}"#;
    let read = read_as(&run_schema(millis, r#"["GONE"]"#, more), json("REPLAY")).unwrap();
    for part in ["revision: 1", "run_type: Replay", "status: Unknown", "ran_at: Timestamp(1000000)", "summary: {}"] {
        assert!(read.contains(part), "{part} is not in {read}");
    }
    let read = read_as(&run_schema("\"long\"", r#"["GONE"]"#, more), json("OTHER"));
    assert_eq!(read, Err(Reason::SchemaIncompatible));
    let read = read_as(&run_schema("\"string\"", r#"["GONE"]"#, more), {
        let mut json = json("ALERT");
        json["ran_at"] = "1".into();
        json
    });
    assert_eq!(read, Err(Reason::SchemaIncompatible));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), runs: bool) {
        let stream = if runs { Stream::Runs } else { Stream::Orders };
        let mut value = Vec::new();
        single(stream).write(&mut value);
        value.extend_from_slice(&bytes);
        prop_assert!(reason(decode(stream, &value)).is_some());
    }

    #[test]
    fn every_decimal_survives_the_wire(units in -999_999_999_999_999_999i64..1_000_000_000_000_000_000) {
        let event = event(Payload::RefillRecorded(RefillRecorded {
            refill_id: ID, amount: money(units), performed_at: time(0), response: None,
        }));
        let value = encode_order(&event, single(Stream::Orders)).unwrap();
        prop_assert_eq!(decode(Stream::Orders, &value), Decode::Event(Decoded::Order(Box::new(event))));
    }
}
