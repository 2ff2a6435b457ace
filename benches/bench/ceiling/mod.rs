//! The ceiling: consume, decode and COPY the history alone, folding nothing. No fold that keeps a history is faster.

pub mod reader;
pub mod row;

use std::time::Instant;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use tokio::runtime::Handle;

use crate::Result;
use crate::deployment::Deployment;
use crate::log::Log;
use crate::meter::{Meter, Spent};
use crate::proc::cpu_seconds;
use crate::servers::Servers;

use reader::{Decoding, Reader, record};
use row::{Batch, Row};

/// Of a transaction; as in the figures of issue 15.
const ROWS_MAX: u64 = 20_000;
/// As many workers as foldback starts by default.
const WORKERS_MAX: usize = 4;
const TABLE: &str = "bench.history";

/// When the key (provider_order_id, sequence) is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Before the first row, as live.
    InPlace,
    /// After the last one, as in a rebuild.
    AtTheEnd,
}

/// What the loop came to.
#[derive(Debug, Clone, Copy)]
pub struct Landed {
    pub rows: u64,
    pub seconds: f64,
    pub spent: Spent,
}

impl Landed {
    /// Rows a second, with the key.
    pub fn rate(&self) -> f64 {
        self.rows as f64 / self.seconds
    }
}

/// Lands the whole history of a log in a database that was migrated.
pub async fn land(servers: &Servers, log: &Log, deployment: &Deployment, row: Row, key: Key) -> Result<Landed> {
    let mut conn = connect(deployment).await?;
    let table = row.create(TABLE);
    let sql = format!("create schema if not exists bench; drop table if exists {TABLE}; {table}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await?;
    let add_key = format!("alter table {TABLE} add primary key (provider_order_id, sequence)");
    if key == Key::InPlace {
        sqlx::raw_sql(AssertSqlSafe(add_key.clone())).execute(&mut conn).await?;
    }
    sqlx::query("checkpoint").execute(&mut conn).await?;
    let (meter, own_before, started) = (Meter::start(servers)?, cpu_seconds("self")?, Instant::now());
    let rows = copy_all(servers, log, deployment, row).await?;
    if key == Key::AtTheEnd {
        sqlx::raw_sql(AssertSqlSafe(add_key)).execute(&mut conn).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let spent = meter.read(servers, cpu_seconds("self")? - own_before)?;
    Ok(Landed { rows, seconds, spent })
}

async fn copy_all(servers: &Servers, log: &Log, deployment: &Deployment, row: Row) -> Result<u64> {
    let decoding = Decoding::new(servers)?;
    let ends = tokio::task::block_in_place(|| log.order_ends(servers))?;
    let workers = std::thread::available_parallelism()?.get().min(WORKERS_MAX);
    let mut running = Vec::new();
    for worker in 0..workers {
        let its: Vec<(i32, i64)> = ends.iter().copied().skip(worker).step_by(workers).collect();
        let mut worker = Worker {
            reader: Reader::new(servers, &log.orders, &its)?,
            decoding: decoding.clone(),
            conn: connect(deployment).await?,
            topic: log.orders.clone(),
            batch: Batch::new(row),
            written: 0,
        };
        running.push(tokio::task::spawn_blocking(move || worker.run()));
    }
    let mut rows = 0;
    for worker in running {
        rows += worker.await??;
    }
    Ok(rows)
}

async fn connect(deployment: &Deployment) -> Result<PgConnection> {
    let mut conn = PgConnection::connect(&deployment.database_url).await?;
    // As foldback itself, for which the log is the source of truth.
    sqlx::query("set synchronous_commit = off").execute(&mut conn).await?;
    Ok(conn)
}

struct Worker {
    reader: Reader,
    decoding: Decoding,
    conn: PgConnection,
    topic: String,
    batch: Batch,
    written: u64,
}

impl Worker {
    /// How many rows were written.
    fn run(&mut self) -> Result<u64> {
        let Worker { reader, decoding, conn, topic, batch, written } = self;
        let handle = Handle::current();
        let mut flush = |batch: &mut Batch| -> Result<()> {
            *written += handle.block_on(batch.copy(conn, TABLE))?;
            batch.clear();
            Ok(())
        };
        reader.read(|message| {
            if let Some(entry) = decoding.entry(&record(message)) {
                batch.push(&entry, topic);
            }
            if batch.count() == ROWS_MAX { flush(batch) } else { Ok(()) }
        })?;
        flush(batch)?;
        Ok(self.written)
    }
}
