use bytes::Bytes;
use uuid::Uuid;

use super::*;
use crate::codec::{Decoder, Framing, Limits, encode_order, newest};
use crate::config::Config;
use crate::domain::log::rejection::Reason;
use crate::domain::orders::event::{OrderCancelled, Payload};
use crate::observe::health::Readiness;
use crate::registry::Resolver;

const SCHEMA_ID: u32 = 7;
const AT: StreamPartition = StreamPartition { stream: Stream::Orders, index: 3 };
const OFFSET: i64 = 40;

fn event() -> OrderEvent {
    OrderEvent {
        event_id: Uuid::from_u128(1),
        provider_order_id: Uuid::from_u128(2),
        sequence: 5,
        occurred_at: Timestamp::MIN,
        payload: Payload::OrderCancelled(OrderCancelled { reason: None }),
    }
}

fn record() -> RawRecord {
    let value = encode_order(&event(), Framing::Confluent(SCHEMA_ID)).unwrap();
    RawRecord {
        stream: AT.stream,
        position: Position { partition: AT.index, offset: OFFSET },
        key: Some(Bytes::from(event().provider_order_id.to_string())),
        value: Some(value.into()),
        headers: Vec::new(),
        recorded_at: None,
    }
}

/// Knows no schema of the registry yet.
fn load_decoder(refused: RefusedRecords) -> LoadDecoder {
    let decoder = Decoder::new(Limits::default());
    let resolver = Resolver::new(&Config::from_toml("", "").unwrap(), decoder.clone(), Readiness::default()).unwrap();
    LoadDecoder { decoding: EventDecoder::new(decoder, resolver), sample: KeySample::ALL, refused: Arc::new(refused) }
}

fn learn(decoder: &LoadDecoder) {
    decoder.decoding.decoder.learn(SCHEMA_ID, newest(Stream::Orders).unwrap().json, &[]).unwrap();
}

fn decode(decoder: &LoadDecoder) -> LoadItem {
    match decoder.decode(record()) {
        DecodedRecord::Item(item) => item,
        DecodedRecord::Wait(id) => panic!("it waits for schema {id}"),
    }
}

/// Both ways an event is one to fold: what is put beside is never folded as an event of an order.
#[tokio::test]
async fn an_event_whose_schema_arrives_between_the_two_calls_is_folded() {
    let decoder = load_decoder(RefusedRecords::default());
    let record = record();
    assert!(decoder.decode_borrowed(record.view()).is_none(), "its schema was not known");
    learn(&decoder);
    let LoadItem::Event { event: folded, position, .. } = decode(&decoder) else { panic!("it is not folded") };
    assert_eq!((*folded, position), (event(), record.position));
    let (borrowed, _) = decoder.decode_borrowed(record.view()).unwrap();
    assert!(matches!(borrowed, LoadItem::Event { .. }));
}

#[tokio::test]
async fn what_another_generation_rejected_is_rejected_and_told() {
    let mut refused = RefusedRecords::default();
    refused.push(AT, OFFSET, Reason::SchemaUnknown);
    let decoder = load_decoder(refused);
    learn(&decoder);
    assert!(decoder.decode_borrowed(record().view()).is_none());
    let LoadItem::Other { item, forced } = decode(&decoder) else { panic!("it is folded") };
    let Content::Rejected(rejection) = item.content else { panic!("it is not rejected") };
    assert_eq!((rejection.reason, forced), (Reason::SchemaUnknown, true));
}
