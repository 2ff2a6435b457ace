//! Decoding one event, beside apache-avro's resolving read of the same bytes into its generic value.

use apache_avro::reader::datum::GenericDatumReader;
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use foldback::codec::{Decode, Decoder, Framing, Limits, encode_order};
use foldback::domain::log::position::Position;
use foldback::domain::log::record::{RawRecord, Stream};
use foldback::domain::orders::event::{OrderEvent, OrderPlaced, Payload, ServiceRule};
use foldback::domain::orders::money::{Currency, Decimal, Money};
use foldback::domain::timestamp::Timestamp;
use uuid::Uuid;

const SCHEMA: &str = include_str!("../schemas/provider-order-event.avsc");
const FINGERPRINT: u64 = u64::from_le_bytes([0x16, 0x9b, 0x60, 0x63, 0x78, 0xa7, 0x54, 0xb0]);

fn event() -> Option<OrderEvent> {
    let money = |units| Some(Money { units: Decimal::from_ten_thousandths(units)?, currency: Currency::parse("EUR")? });
    Some(OrderEvent {
        event_id: Uuid::from_u128(1),
        provider_order_id: Uuid::from_u128(2),
        sequence: 1,
        occurred_at: Timestamp::from_micros(1_700_000_000_000_000)?,
        payload: Payload::OrderPlaced(OrderPlaced {
            order_id: Uuid::from_u128(3),
            order_item_id: Uuid::from_u128(4),
            provider_id: "provider-1".into(),
            provider_name: Some("Provider one".into()),
            service_id: "service-1".into(),
            service_action: None,
            provider_reference: Some("reference".into()),
            amount: money(1_234_500)?,
            provider_cost: money(1_000_000),
            guardrails: None,
            service_rules: vec![ServiceRule { id: "rule".into(), label: Some("Rule".into()), priority: Some(1) }],
        }),
    })
}

fn decode(criterion: &mut Criterion) {
    let (Some(event), Ok(schema)) = (event(), apache_avro::Schema::parse_str(SCHEMA)) else { return };
    let Ok(value) = encode_order(&event, Framing::SingleObject(FINGERPRINT)) else { return };
    let datum = value[10..].to_vec();
    let record = RawRecord {
        stream: Stream::Orders,
        position: Position { partition: 0, offset: 0 },
        key: Some(Bytes::from(event.provider_order_id.to_string())),
        value: Some(Bytes::from(value)),
        headers: Vec::new(),
        recorded_at: None,
    };
    let decoder = Decoder::new(Limits::default());
    assert!(matches!(decoder.decode(&record), Decode::Event(_)));
    let built = GenericDatumReader::builder(&schema).build();
    let resolving = GenericDatumReader::builder(&schema).reader_schema(&schema).build();
    let (Ok(built), Ok(resolving)) = (built, resolving) else { return };
    let mut group = criterion.benchmark_group("decode one OrderPlaced");
    group.throughput(Throughput::Elements(1));
    group.bench_function("foldback: bytes to checked domain event", |bencher| {
        bencher.iter(|| decoder.decode(&record));
    });
    group.bench_function("apache-avro: bytes to resolved generic value", |bencher| {
        bencher.iter(|| resolving.read_value(&mut datum.as_slice()));
    });
    group.bench_function("apache-avro: bytes to generic value, no resolution", |bencher| {
        bencher.iter(|| built.read_value(&mut datum.as_slice()));
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
