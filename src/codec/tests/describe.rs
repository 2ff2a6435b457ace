//! What people are shown of a value, good or bad.

use std::sync::Arc;

use serde_json::json;

use super::super::prepared::Prepared;
use super::*;
use crate::domain::log::described::{Described, SchemaName};

fn describe(value: &[u8]) -> Described {
    static DECODER: LazyLock<Decoder> = LazyLock::new(|| Decoder::new(Limits::default()));
    DECODER.describe(value)
}

/// A datum in Confluent framing, by a schema of the registry.
fn described_by(schema: &str, datum: &[u8]) -> Described {
    let decoder = Decoder::new(Limits::default());
    let prepared = Prepared::parse(schema, &[], decoder.readers()).unwrap();
    decoder.cache().put(1, Entry::Ready(Arc::new(prepared)), None);
    decoder.describe(&[&[0, 0, 0, 0, 1], datum].concat())
}

fn refill() -> Vec<u8> {
    let event = event(Payload::RefillRecorded(RefillRecorded {
        refill_id: ID,
        amount: money(-12_345),
        performed_at: time(1_700_000_000_000_000),
        response: Some("ok".to_owned()),
    }));
    // The rules refuse it: what is shown is what was written.
    encode_order(&OrderEvent { sequence: 0, ..event }, single(Stream::Orders)).unwrap()
}

#[test]
fn a_value_is_shown_by_its_writer_s_fields_whatever_the_rules_say() {
    let described = describe(&refill());
    assert_eq!(described.framing, Some(SchemaName::Fingerprint("169b606378a754b0".to_owned())));
    assert_eq!(described.schema.as_deref(), Some("ProviderOrderEvent"));
    assert_eq!(described.problem, None);
    let record = described.record.unwrap();
    assert_eq!(record["sequence"], json!(0));
    let payload = json!({"RefillRecorded": {"refill_id": ID, "amount": {"units": "-1.2345", "currency": "EUR"},
        "performed_at": "2023-11-14T22:13:20.000000+00:00", "response": "ok"}});
    assert_eq!(record["payload"], payload);
}

#[test]
fn where_reading_stops_is_told_and_what_was_read_is_kept() {
    let whole = refill();
    let described = describe(&whole[..whole.len() - 2]);
    let problem = described.problem.unwrap();
    assert!(problem.contains("the datum is truncated at byte "), "{problem}");
    assert!(problem.ends_with("in payload.RefillRecorded.response"), "{problem}");
    assert_eq!(described.record.unwrap()["payload"]["RefillRecorded"]["amount"]["currency"], "EUR");
    let problem = describe(&[whole, vec![1]].concat()).problem.unwrap();
    assert!(problem.contains("left over"), "{problem}");
}

#[test]
fn a_value_without_a_schema_says_which_one_is_missing() {
    let described = describe(&[0, 0, 0, 0, 7, 1]);
    assert_eq!((described.framing, described.missing_schema), (Some(SchemaName::RegistryId(7)), Some(7)));
    let described = describe(&[0xc3, 0x01, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(described.problem.unwrap().contains("0102030405060708"));
    let described = describe(b"nonsense");
    assert_eq!(described.framing, None);
    assert!(described.problem.unwrap().contains("neither 00"));
}

#[test]
fn a_small_value_never_becomes_a_large_description() {
    // A list that holds itself, two million deep; two million items of no bytes; a text of a gigabyte that isn't there.
    let list = r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}"#;
    let problem = described_by(list, &[2; 2_000_000]).problem.unwrap();
    assert!(problem.contains("nested too deeply"), "{problem}");
    let nulls = r#"{"type":"array","items":"null"}"#;
    let described = described_by(nulls, &[0x80, 0x92, 0xf4, 0x01, 0]);
    assert!(described.problem.unwrap().contains("more than can be shown"));
    assert!(described.record.unwrap().as_array().unwrap().len() <= 20_000);
    let text = described_by(r#""string""#, &[0x80, 0xa8, 0xd6, 0xb9, 0x07]);
    assert!(text.problem.unwrap().contains("truncated"));
    let long = [&[0x80, 0x89, 0x7a][..], &[b'x'; 1_000_000]].concat();
    assert!(described_by(r#""string""#, &long).problem.unwrap().contains("longer than can be shown"));
}

#[test]
fn every_type_has_a_form() {
    let schema = r#"{"type":"record","name":"R","fields":[
        {"name":"a","type":"boolean"},{"name":"b","type":"bytes"},{"name":"c","type":"double"},
        {"name":"d","type":{"type":"map","values":"int"}},{"name":"e","type":["null","int","string"]},
        {"name":"f","type":{"type":"fixed","name":"F","size":16,"logicalType":"uuid"}},
        {"name":"g","type":{"type":"enum","name":"E","symbols":["X","Y"]}},
        {"name":"h","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"i","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":0}}]}"#;
    let nan = f64::NAN.to_le_bytes();
    let parts: [&[u8]; 9] =
        [&[1], &[2, 0xff], &nan, &[2, 2, b'k', 1, 0], &[4, 2, b't'], &[7; 16], &[2], &[0], &[4, 0xff, 0x38]];
    let described = described_by(schema, &parts.concat());
    assert_eq!(described.problem, None);
    let record = json!({"a": true, "b": "/w==", "c": "NaN", "d": {"k": -1}, "e": {"string": "t"},
        "f": "07070707-0707-0707-0707-070707070707", "g": "Y", "h": "1970-01-01T00:00:00.000000+00:00", "i": "-200"});
    assert_eq!(described.record, Some(record));
}

proptest! {
    #[test]
    fn no_bytes_make_a_description_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), runs: bool) {
        let stream = if runs { Stream::Runs } else { Stream::Orders };
        let mut value = Vec::new();
        single(stream).write(&mut value);
        value.extend_from_slice(&bytes);
        describe(&value);
        describe(&bytes);
    }
}
