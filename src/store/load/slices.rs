//! Turns the spilled events of a load's slices into rows.

use std::collections::BTreeSet;

use sqlx::postgres::{PgConnection, Postgres};
use sqlx::{Connection, Transaction};
use uuid::Uuid;

use super::telemetry;
use crate::domain::change::Settled;
use crate::domain::orders::order::Order;
use crate::domain::orders::telemetry::Counts;
use crate::store::error::StoreError;
use crate::store::generations::Generation;
use crate::store::tables::copy::{Rows, copy_encoded};
use crate::store::tables::orders::{self, ORDERS, REFILLS, REPLAYS};

/// `fold` in ASCII: of two numbers, which no other advisory lock here has.
const SETTLING: i32 = 0x666f_6c64;
/// Rows are sent at the end of a slice, which is about half of this, unless they are more.
const ROWS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The slice of an order (FNV-1a of its id).
pub fn slice_of(id: Uuid, slices: i64) -> i32 {
    let hash = id
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // Below the number of slices, which is small.
    (hash % slices.unsigned_abs().max(1)) as i32
}

/// Indexes the events of slices, and creates the table of their counts.
pub async fn prepare_settling(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let index = "create index if not exists load_events_slice on {schema}.load_events (slice)";
    sqlx::query(generation.sql(index)).execute(&mut *conn).await?;
    telemetry::prepare(conn, generation).await
}

/// Whether slices can be settled, or have been.
pub async fn is_settling(conn: &mut PgConnection, generation: Generation) -> Result<bool, StoreError> {
    telemetry::is_prepared(conn, generation).await
}

/// The slices whose orders are not written yet.
pub async fn open_slices(conn: &mut PgConnection, generation: Generation, slices: i64) -> Result<Vec<i32>, StoreError> {
    let done: Vec<i32> =
        sqlx::query_scalar(generation.sql("select slice from {schema}.load_slices")).fetch_all(conn).await?;
    let done: BTreeSet<i32> = done.into_iter().collect();
    let all = 0..i32::try_from(slices).unwrap_or(i32::MAX);
    Ok(all.filter(|slice| !done.contains(slice)).collect())
}

/// What was spilled for a slice.
pub struct Slice {
    /// `Piece::events` of each piece.
    pub pieces: Vec<Vec<u8>>,
    /// Orders to leave out.
    pub contested: BTreeSet<Uuid>,
}

/// Some slices being turned into rows, in one transaction. Counts are the same few rows for every slice, so they are
/// written once.
pub struct Settling<'c> {
    tx: Transaction<'c, Postgres>,
    generation: Generation,
    counts: Counts,
    rows: OrderRows,
}

/// Rows of orders, replays and refills, encoded and not sent yet.
#[derive(Default)]
struct OrderRows {
    orders: Rows,
    replays: Rows,
    refills: Rows,
}

impl<'c> Settling<'c> {
    pub async fn begin(conn: &'c mut PgConnection, generation: Generation) -> Result<Settling<'c>, StoreError> {
        let (tx, counts, rows) = (conn.begin().await?, Counts::default(), OrderRows::default());
        Ok(Settling { tx, generation, counts, rows })
    }

    /// Whether this transaction may settle the slice: it is not done, and nobody else is at it.
    pub async fn take(&mut self, slice: i32) -> Result<bool, StoreError> {
        let sql = "select pg_try_advisory_xact_lock($1, $2)";
        let generation = SETTLING.wrapping_add(self.generation.0);
        let is_free: bool = sqlx::query_scalar(sql).bind(generation).bind(slice).fetch_one(&mut *self.tx).await?;
        // Asked behind the lock, by a newer snapshot: whoever had it before may have settled it.
        let sql = "select not exists (select from {schema}.load_slices where slice = $1)";
        let open = sqlx::query_scalar(self.generation.sql(sql)).bind(slice);
        Ok(is_free && open.fetch_one(&mut *self.tx).await?)
    }

    pub async fn read(&mut self, slice: i32) -> Result<Slice, StoreError> {
        let generation = self.generation;
        let sql = "select provider_order_id from {schema}.load_tangled where slice = $1";
        let contested: Vec<Uuid> = sqlx::query_scalar(generation.sql(sql)).bind(slice).fetch_all(&mut *self.tx).await?;
        let sql = "select events from {schema}.load_events where slice = $1";
        let pieces = sqlx::query_scalar(generation.sql(sql)).bind(slice).fetch_all(&mut *self.tx).await?;
        Ok(Slice { pieces, contested: contested.into_iter().collect() })
    }

    /// Takes an order of the slice. Sends rows once they are many, also those of one order: it may have a million replays.
    pub async fn push(&mut self, order: &Order) -> Result<(), StoreError> {
        order.contribute(&mut self.counts, 1);
        orders::encode_order(order, &mut self.rows.orders);
        for replay in order.replays.values() {
            orders::encode_replay(order, replay, &mut self.rows.replays);
            self.send_if_many().await?;
        }
        for refill in order.refills.values() {
            orders::encode_refill(order.provider_order_id, refill, &mut self.rows.refills);
            self.send_if_many().await?;
        }
        self.send_if_many().await
    }

    async fn send_if_many(&mut self) -> Result<(), StoreError> {
        if self.rows.bytes() < ROWS_BYTES_MAX {
            return Ok(());
        }
        self.rows.send(&mut self.tx, self.generation).await
    }

    /// Writes the orders, replays and refills of a slice that are not sent yet, and its facts.
    pub async fn write(&mut self, slice: i32, settled: &Settled) -> Result<(), StoreError> {
        self.rows.send(&mut self.tx, self.generation).await?;
        if !settled.contested.is_empty() {
            let sql =
                "insert into {schema}.load_tangled (slice, provider_order_id) select $1, * from unnest($2::uuid[])
                       on conflict do nothing";
            let contested: Vec<Uuid> = settled.contested.iter().copied().collect();
            sqlx::query(self.generation.sql(sql)).bind(slice).bind(contested).execute(&mut *self.tx).await?;
        }
        if !settled.copies.is_empty() {
            let sql = "insert into {schema}.load_copies (partition, \"offset\")
                       select * from unnest($1::int[], $2::bigint[])";
            let (partitions, offsets): (Vec<i32>, Vec<i64>) =
                settled.copies.iter().map(|position| (position.partition, position.offset)).unzip();
            sqlx::query(self.generation.sql(sql)).bind(partitions).bind(offsets).execute(&mut *self.tx).await?;
        }
        let sql = "insert into {schema}.load_slices (slice) values ($1)";
        sqlx::query(self.generation.sql(sql)).bind(slice).execute(&mut *self.tx).await?;
        Ok(())
    }

    pub async fn commit(mut self) -> Result<(), StoreError> {
        telemetry::put(&mut self.tx, self.generation, &self.counts).await?;
        Ok(self.tx.commit().await?)
    }
}

impl OrderRows {
    fn bytes(&self) -> usize {
        self.orders.end() + self.replays.end() + self.refills.end()
    }

    async fn send(&mut self, conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
        let tables = [(ORDERS, &mut self.orders), (REPLAYS, &mut self.replays), (REFILLS, &mut self.refills)];
        for (table, rows) in tables.into_iter().filter(|(_, rows)| rows.count() > 0) {
            let name = format!("{}.{}", generation.schema(), table.name);
            copy_encoded(conn, &name, &table.column_list(), rows.all()).await?;
            rows.clear();
        }
        Ok(())
    }
}
