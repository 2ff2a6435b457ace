//! Each part of the path alone: consume; decode; fold; encode; COPY.

use std::time::Instant;

use foldback::domain::change::HistoryEntry;
use foldback::domain::log::record::RawRecord;
use foldback::projection::{Content, Item, Known, fold};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::Result;
use crate::bench::Bench;
use crate::ceiling::reader::{Decoding, Reader, record};
use crate::ceiling::row::{Batch, Row};
use crate::deployment::Deployment;
use crate::meter::Meter;
use crate::proc::{cpu_seconds, thread_cpu_seconds};
use crate::report::figure::Better;
use crate::report::numbers::whole;

const MEASURE: &str = "parts";
/// As many as are kept in memory.
const RECORDS_MAX: u64 = 500_000;
/// Of a batch, as live with defaults.
const BATCH: usize = 10_000;
const ROWS_MAX: usize = 20_000;
const TABLE: &str = "bench.part";

pub async fn measure(bench: &mut Bench) -> Result<()> {
    for run in 1..=bench.settings.runs {
        for load in bench.settings.loads.clone() {
            let log = bench.log(load, bench.settings.first_length().min(RECORDS_MAX)).await?;
            eprintln!("parts: run {run} of {}, {} events", bench.settings.runs, load.name());
            once(bench, log).await?;
            bench.save()?;
        }
    }
    Ok(())
}

async fn once(bench: &mut Bench, log: usize) -> Result<()> {
    let (load, events) = (bench.at(log).load.name(), bench.at(log).order_events());
    let case = format!("{} events", whole(bench.at(log).events));
    let at = [MEASURE, load, &case];
    let records = tokio::task::block_in_place(|| consume(bench, log, at))?;
    let entries = tokio::task::block_in_place(|| in_memory(bench, at, records))?;
    for row in Row::ALL {
        for key in [false, true] {
            copy(bench, log, at, row, key, &entries).await?;
        }
    }
    debug_assert_eq!(entries.len() as u64, events);
    Ok(())
}

/// Reads once without keeping anything, and again to keep the records.
fn consume(bench: &mut Bench, log: usize, at: [&str; 3]) -> Result<Vec<RawRecord>> {
    let servers = bench.servers.clone();
    let ends = bench.at(log).order_ends(&servers)?;
    let topic = bench.at(log).orders.clone();
    let (meter, own_before, started) = (Meter::start(&servers)?, cpu_seconds("self")?, Instant::now());
    let mut count = 0_u64;
    Reader::new(&servers, &topic, &ends)?.read(|_| {
        count += 1;
        Ok(())
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let spent = meter.read(&servers, cpu_seconds("self")? - own_before)?;
    let micros = |seconds: f64| seconds * 1e6 / count as f64;
    bench.add(at, "consume, rate", "events/s", Better::Neither, count as f64 / seconds);
    bench.add(at, "consume, CPU of the reader", "us/event", Better::Neither, micros(spent.foldback));
    bench.add(at, "consume, CPU of Kafka", "us/event", Better::Neither, micros(spent.kafka));
    let mut records = Vec::new();
    Reader::new(&servers, &topic, &ends)?.read(|message| {
        records.push(record(message));
        Ok(())
    })?;
    Ok(records)
}

/// Decode, fold and encode, each of all records on one thread.
fn in_memory(bench: &mut Bench, at: [&str; 3], records: Vec<RawRecord>) -> Result<Vec<HistoryEntry>> {
    let count = records.len();
    let decoding = Decoding::new(&bench.servers)?;
    // Schemas of the registry are fetched by then.
    records.first().and_then(|first| decoding.entry(first));
    let mut add = |name: &str, seconds: f64| {
        bench.add(at, &format!("{name}, CPU"), "us/event", Better::Less, seconds * 1e6 / count as f64);
    };
    let before = thread_cpu_seconds()?;
    for record in &records {
        std::hint::black_box(decoding.entry(record));
    }
    add("decode", thread_cpu_seconds()? - before);
    let entries: Vec<HistoryEntry> = records.iter().filter_map(|record| decoding.entry(record)).collect();
    let items: Vec<Item> = records
        .into_iter()
        .zip(&entries)
        .map(|(record, entry)| Item { record, content: Content::Order(Box::new(entry.event.clone())) })
        .collect();
    add("fold", fold_all(&items)?);
    let (before, mut batch) = (thread_cpu_seconds()?, Batch::new(Row::Product));
    for chunk in entries.chunks(ROWS_MAX) {
        chunk.iter().for_each(|entry| batch.push(entry, "provider-orders"));
        batch.clear();
    }
    add("encode", thread_cpu_seconds()? - before);
    Ok(entries)
}

/// Seconds of processor time. What is known of orders is kept in memory, as the cache of a worker does.
fn fold_all(items: &[Item]) -> Result<f64> {
    let (mut known, before) = (Known::default(), thread_cpu_seconds()?);
    for batch in items.chunks(BATCH) {
        for order in fold(batch, &known).changes.orders {
            known.orders.insert(order.provider_order_id, order);
        }
    }
    Ok(thread_cpu_seconds()? - before)
}

/// Rows that were encoded before, on one connection.
async fn copy(
    bench: &mut Bench,
    log: usize,
    at: [&str; 3],
    row: Row,
    has_key: bool,
    entries: &[HistoryEntry],
) -> Result<()> {
    let servers = bench.servers.clone();
    let deployment = Deployment::new(&servers, bench.at(log)).await?;
    let mut conn = deployment.connect().await?;
    prepare(&mut conn, row, has_key).await?;
    let topic = bench.at(log).orders.clone();
    let batches: Vec<Batch> = entries
        .chunks(ROWS_MAX)
        .map(|chunk| {
            let mut batch = Batch::new(row);
            chunk.iter().for_each(|entry| batch.push(entry, &topic));
            batch
        })
        .collect();
    let (meter, started) = (Meter::start(&servers)?, Instant::now());
    let mut rows = 0;
    for batch in &batches {
        rows += batch.copy(&mut conn, TABLE).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let spent = meter.read(&servers, 0.0)?;
    let name = format!("COPY of the {}, {}", row.name(), if has_key { "key in place" } else { "no key" });
    bench.add(at, &format!("{name}, rate"), "events/s", Better::Neither, rows as f64 / seconds);
    let micros = spent.postgres * 1e6 / rows as f64;
    bench.add(at, &format!("{name}, CPU of Postgres"), "us/event", Better::Neither, micros);
    drop(conn);
    deployment.drop().await
}

async fn prepare(conn: &mut PgConnection, row: Row, has_key: bool) -> Result<()> {
    let mut sql = format!("set synchronous_commit = off; create schema bench; {};", row.create(TABLE));
    if has_key {
        sql += &format!("alter table {TABLE} add primary key (provider_order_id, sequence);");
    }
    sqlx::raw_sql(AssertSqlSafe(sql + "checkpoint")).execute(conn).await?;
    Ok(())
}
