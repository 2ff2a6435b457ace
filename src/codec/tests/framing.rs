//! What a value's first bytes say, and what its headers do where they say nothing.

use crate::codec::{Decode, Decoder, Limits};
use crate::domain::log::position::Position;
use crate::domain::log::record::{Header, RawRecord, Stream};
use crate::domain::log::rejection::Reason;

fn decode(value: &[u8], header: Option<&str>) -> Decode {
    Decoder::new(Limits::default()).decode(&RawRecord {
        stream: Stream::Orders,
        position: Position { partition: 0, offset: 0 },
        key: None,
        value: Some(value.to_vec().into()),
        headers: header.map(|name| Header { key: name.to_owned(), value: None }).into_iter().collect(),
        recorded_at: None,
    })
}

#[track_caller]
fn malformed(value: &[u8], header: Option<&str>, words: &str) {
    match decode(value, header) {
        Decode::Rejected(rejection) if rejection.reason == Reason::Malformed => {
            assert!(rejection.detail.contains(words), "{}", rejection.detail);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_id_that_no_registry_gives_is_not_asked_for() {
    assert_eq!(decode(&[0, 0, 0, 0, 1, 7], None), Decode::NeedsSchema(1));
    assert_eq!(decode(&[0, 0x7f, 0xff, 0xff, 0xff, 7], None), Decode::NeedsSchema(i32::MAX as u32));
    malformed(&[0, 0x80, 0, 0, 0, 7], None, "above 2147483647");
    malformed(&[0, 0xff, 0xff, 0xff, 0xff, 7], None, "above 2147483647");
    // Apicurio's serializer, with its own ids.
    malformed(&[0, 0, 0, 0, 0, 0, 0, 0, 5, 7], None, "8 bytes");
    malformed(&[3, 0, 1, 2], None, "AWS Glue");
}

#[test]
fn a_schema_that_a_header_names_is_told() {
    malformed(&[2, 4], Some("__value_schema_id"), "header __value_schema_id");
    malformed(&[2, 4], Some("apicurio.value.globalId"), "header apicurio.value.globalId");
    malformed(&[2, 4], Some("traceparent"), "neither 00");
}
