//! Encoding rows of the history for COPY, of the events of dev/bench's two loads.

// The loads of dev/bench, of which each bench uses a part.
#[allow(dead_code)]
#[path = "bench/loads/mod.rs"]
mod loads;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use foldback::domain::change::HistoryEntry;
use foldback::domain::log::position::Position;
use foldback::domain::timestamp::Timestamp;
use foldback::samples::SampleEvent;
use foldback::store::tables::copy::Rows;
use foldback::store::tables::history::encode;

use loads::LoadKind;

const ROWS: usize = 10_000;
const PROVIDERS: u64 = 24;

fn entries(load: LoadKind) -> Vec<HistoryEntry> {
    let recorded_at = Some(Timestamp::MIN);
    let events = load.events(Timestamp::MIN, PROVIDERS).filter_map(|event| match event {
        SampleEvent::Order(event) => Some(event),
        SampleEvent::Run(_) => None,
    });
    let entry = |(event, offset)| HistoryEntry { event, position: Position { partition: 0, offset }, recorded_at };
    events.take(ROWS).zip(0..).map(entry).collect()
}

fn rows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode 10,000 rows of the history");
    group.throughput(Throughput::Elements(ROWS as u64));
    for load in LoadKind::ALL {
        let (entries, mut rows) = (entries(load), Rows::new());
        group.bench_function(load.name(), |bencher| {
            bencher.iter(|| {
                rows.clear();
                entries.iter().for_each(|entry| encode(entry.into(), "provider-orders", &mut rows));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, rows);
criterion_main!(benches);
