//! A run's summary and metadata: `SUMMARY 00 METADATA`, up to what is shown of the run.

use std::sync::LazyLock;

use foldback::codec::{Decode, Decoded, Decoder, Limits};
use foldback::domain::log::record::Stream;
use foldback::domain::runs::run::Run;
use foldback::domain::runs::status::status_payload;
use foldback::domain::runs::summary::{DRIFTS_MAX, Drift, FIELD_CHARS_MAX, drift};
use serde_json::{Map, Value};

use super::framing::decode;
use super::{Target, avro};

pub const SUMMARIES: Target = Target { name: "summaries", run, per_byte: 150, at_least: 1024 * 1024, words: WORDS };

const WORDS: &[&str] = &[
    r#""alertsDigest":[{"providerId":"p","reasons":["#,
    r#""loadAlertsDigest":"#,
    r#""autoPausedProviders":["#,
    r#""autoResumedProviders":"#,
    r#""scheduledBacklog":"#,
    r#""nextScheduledAt":"#,
    r#"{"$serde_json::private::Number":"1"}"#,
    r#"{"\u0024serde_json::private::RawValue":"1"}"#,
    r#""\ud800""#,
    r#""\udc00\ud800""#,
    r#""\u0000""#,
    "[[[[[[[[",
    r#"{"a":{"a":{"a":"#,
    "1e400",
    "-1e-400",
    "1e99999999999999999999",
    "NaN",
    "-Infinity",
    "123456789012345678901234567890.5",
    "1e18446744073709551616",
];

fn run(bytes: &[u8]) -> bool {
    static DECODER: LazyLock<Decoder> = LazyLock::new(|| Decoder::new(Limits::default()));
    static FRAMING: LazyLock<Vec<u8>> = LazyLock::new(|| avro::single_object(Stream::Runs));
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (summary, metadata) = (parts.next().unwrap_or_default(), parts.next().unwrap_or(b"{}"));
    let value = value(&FRAMING, summary, metadata);
    let Decode::Event(Decoded::Run(run)) = decode(&DECODER, Stream::Runs, &value) else { return false };
    shown(&run);
    true
}

fn value(framing: &[u8], summary: &[u8], metadata: &[u8]) -> Vec<u8> {
    let mut value = framing.to_vec();
    for id in [b"00000000-0000-0000-0000-000000000001", b"00000000-0000-0000-0000-000000000002"] {
        avro::bytes(id, &mut value);
    }
    // Revision, type, status, no start, end.
    value.extend_from_slice(&[2, 0, 2, 0, 0]);
    avro::bytes(summary, &mut value);
    avro::bytes(metadata, &mut value);
    // The backlog, no next time, the alerts.
    value.extend_from_slice(&[2, 14, 0, 2, 4]);
    value
}

/// What Postgres, Redis and HTTP are given of the run.
fn shown(run: &Run) {
    let drifts = drift(run);
    assert!(drifts.len() <= DRIFTS_MAX);
    assert!(drifts.iter().all(|drift| drift.field.chars().count() <= FIELD_CHARS_MAX + 1 && !drift.label().is_empty()));
    assert!(drifts.is_sorted_by(|one, next| one.field < next.field));
    reads_back(&Drift::to_json(&drifts));
    for object in [&run.summary, &run.metadata, &status_payload(run)] {
        reads_back(&Value::Object(Map::clone(object)));
    }
}

fn reads_back(value: &Value) {
    let text = value.to_string();
    assert_eq!(serde_json::from_str::<Value>(&text).expect("what is written can be read"), *value);
    assert!(!has_nul(value), "Postgres stores no U+0000");
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(object) => object.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}
