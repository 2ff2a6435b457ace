//! Folding a batch of the events of dev/bench's two loads, into nothing and into known orders.

// The loads of dev/bench, of which each bench uses a part.
#[allow(dead_code)]
#[path = "bench/loads/mod.rs"]
mod loads;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use foldback::domain::log::position::Position;
use foldback::domain::log::record::{RawRecord, Stream};
use foldback::domain::orders::event::OrderEvent;
use foldback::domain::timestamp::Timestamp;
use foldback::projection::{Content, Item, Known, fold};
use foldback::samples::SampleEvent;

use loads::LoadKind;

/// Of a batch, as live with defaults.
const BATCH: usize = 10_000;
const PROVIDERS: u64 = 24;

fn items(load: LoadKind, count: usize) -> Vec<Item> {
    let events = load.events(Timestamp::MIN, PROVIDERS).filter_map(|event| match event {
        SampleEvent::Order(event) => Some(event),
        SampleEvent::Run(_) => None,
    });
    events.take(count).zip(0..).map(|(event, offset)| item(event, offset)).collect()
}

fn item(event: OrderEvent, offset: i64) -> Item {
    let record = RawRecord {
        stream: Stream::Orders,
        position: Position { partition: 0, offset },
        key: None,
        value: None,
        headers: Vec::new(),
        recorded_at: None,
    };
    Item { record, content: Content::Order(Box::new(event)) }
}

fn folds(criterion: &mut Criterion) {
    for load in LoadKind::ALL {
        let items = items(load, 2 * BATCH);
        let (first, second) = items.split_at(BATCH);
        let mut known = Known::default();
        for order in fold(first, &known).changes.orders {
            known.orders.insert(order.provider_order_id, order);
        }
        let mut group = criterion.benchmark_group(format!("fold 10,000 {} events", load.name()));
        group.throughput(Throughput::Elements(BATCH as u64)).sample_size(20);
        group.bench_function("of orders that are new", |bencher| {
            bencher.iter_batched(Known::default, |known| fold(first, &known), BatchSize::LargeInput);
        });
        group.bench_function("of orders that are known", |bencher| {
            bencher.iter_batched(|| &known, |known| fold(second, known), BatchSize::LargeInput);
        });
        group.finish();
    }
}

criterion_group!(benches, folds);
criterion_main!(benches);
