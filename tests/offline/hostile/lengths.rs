//! A record of some dozens of bytes that claims to hold 2^62 of something allocates nothing for it.

use foldback::codec::{Decode, Decoder, Limits, newest};
use foldback::domain::log::position::Position;
use foldback::domain::log::record::{RecordView, Stream};
use foldback::domain::log::rejection::Reason;
use serde_json::{Value, json};

use super::targets::allocation::peak_of;
use super::targets::avro::{bytes, long, single_object};

const HUGE: i64 = 1 << 62;
/// What the fields before it take, and the sentence.
const BYTES_MAX: usize = 4 * 1024;
const ID: &[u8] = b"00000000-0000-0000-0000-000000000001";

/// What reading a value's bytes needs no more than, and the sentence of its refusal.
fn refused(decoder: &Decoder, value: &[u8]) -> String {
    let position = Position { partition: 0, offset: 0 };
    let key = Some(ID);
    let view = RecordView { stream: Stream::Orders, position, key, value: Some(value), recorded_at: None };
    let (decode, peak) = peak_of(|| decoder.decode_view(view));
    let Decode::Rejected(rejection) = decode else { panic!("{decode:?}") };
    assert!(peak <= BYTES_MAX, "{value:?} takes {peak} bytes: {}", rejection.detail);
    assert_eq!(rejection.reason, Reason::Malformed, "{}", rejection.detail);
    rejection.detail
}

/// Writes a part of a value.
type Write<'w> = &'w dyn Fn(&mut Vec<u8>);

fn written(parts: &[Write<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    parts.iter().for_each(|part| part(&mut out));
    out
}

fn envelope(out: &mut Vec<u8>) {
    bytes(ID, out);
    bytes(ID, out);
    out.extend_from_slice(&[2, 2]);
}

#[test]
fn a_length_of_2_to_the_62_in_an_event_allocates_nothing() {
    let decoder = Decoder::new(Limits::default());
    let framing = single_object(Stream::Orders);
    let framed = |out: &mut Vec<u8>| out.extend_from_slice(&framing);
    let huge = |out: &mut Vec<u8>| long(HUGE, out);
    // A refill's amount; a scheduled replay, up to its rules.
    let refill = |out: &mut Vec<u8>| {
        long(7, out);
        bytes(ID, out);
    };
    let replay = |out: &mut Vec<u8>| {
        long(2, out);
        bytes(ID, out);
        bytes(&[1], out);
        bytes(b"EUR", out);
        out.push(0);
    };
    let none = |out: &mut Vec<u8>| out.push(0);
    let negative = |out: &mut Vec<u8>| long(-HUGE, out);
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("string", written(&[&framed, &huge]), "the datum is truncated at byte 10"),
        ("bytes", written(&[&framed, &envelope, &refill, &huge]), "truncated"),
        ("array", written(&[&framed, &envelope, &replay, &huge]), "truncated"),
        ("array of empty texts", written(&[&framed, &envelope, &replay, &huge, &none]), "truncated"),
        ("map", written(&[&framed, &envelope, &replay, &none, &huge]), "truncated"),
        ("branch", written(&[&framed, &envelope, &huge]), "an index is outside the writer's schema"),
        ("negative string", written(&[&framed, &negative]), "a length is negative"),
        ("block", written(&[&framed, &envelope, &replay, &negative, &huge]), "a block is truncated"),
    ];
    for (name, value, problem) in cases {
        let sentence = refused(&decoder, &value);
        assert!(sentence.starts_with("the value does not decode with its writer's schema: "), "{name}: {sentence}");
        assert!(sentence.contains(problem), "{name}: {sentence}");
    }
}

/// Orders with a first field of this type, which is skipped.
fn skipping(kind: Value) -> String {
    let mut schema: Value = serde_json::from_str(newest(Stream::Orders).unwrap().json).unwrap();
    schema["fields"].as_array_mut().unwrap().insert(0, json!({"name": "skipped", "type": kind}));
    schema.to_string()
}

#[test]
fn a_length_of_2_to_the_62_in_what_is_skipped_allocates_nothing() {
    let decoder = Decoder::new(Limits::default());
    let array = |items: Value| json!({"type": "array", "items": items});
    let map = |values: Value| json!({"type": "map", "values": values});
    let empty = json!({"type": "record", "name": "E", "fields": []});
    let fixed = |size: u32| json!({"type": "fixed", "name": "F", "size": size});
    let (cut, many) = ("the datum is truncated", "the datum has more items than foldback accepts");
    for (kind, counts, problem) in [
        (json!("bytes"), 1, cut),
        (json!("string"), 1, cut),
        (fixed(i32::MAX as u32), 0, cut),
        (array(json!("null")), 1, many),
        (array(fixed(0)), 1, many),
        (array(empty), 1, many),
        (array(json!("long")), 1, "a number is truncated"),
        (map(json!("null")), 1, "a number is truncated"),
        (array(array(json!("null"))), 2, many),
        (array(array(map(json!("bytes")))), 3, "a number is truncated"),
        (array(json!(["null", "bytes"])), 1, "a number is truncated"),
    ] {
        decoder.learn(1, &skipping(kind.clone()), &[]).unwrap();
        let mut value = vec![0, 0, 0, 0, 1];
        (0..counts).for_each(|_| long(HUGE, &mut value));
        let sentence = refused(&decoder, &value);
        assert!(sentence.contains(problem), "{kind}: {sentence}");
    }
    let size = json!({"type": "fixed", "name": "F", "size": HUGE});
    let error = decoder.learn(1, &skipping(size), &[]).unwrap_err().to_string();
    assert!(error.contains("`fulfillment.automation.F` has no size, or none that can be"), "{error}");
}
