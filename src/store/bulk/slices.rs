//! Partial states, joined slice by slice into the rows of orders.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use futures::TryStreamExt;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};
use uuid::Uuid;

use crate::domain::order::Order;
use crate::domain::telemetry::Counts;
use crate::store::copy::Copy;
use crate::store::error::StoreError;
use crate::store::generation::Generation;
use crate::store::orders::{self, ORDERS, REFILLS, REPLAYS};
use crate::store::write::add_counts;

/// Which slice an order's states lie in (FNV-1a of its id).
pub fn slice_of(id: Uuid, slices: i64) -> i32 {
    let hash = id
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // Below the number of slices, which is small.
    (hash % slices.unsigned_abs().max(1)) as i32
}

/// The slices whose orders are not written yet. Makes their states quick to find first.
pub async fn open_slices(conn: &mut PgConnection, generation: Generation, slices: i64) -> Result<Vec<i32>, StoreError> {
    let index = "create index if not exists load_states_slice on {schema}.load_states (slice)";
    sqlx::query(generation.sql(index)).execute(&mut *conn).await?;
    let done: Vec<i32> =
        sqlx::query_scalar(generation.sql("select slice from {schema}.load_slices")).fetch_all(conn).await?;
    let done: BTreeSet<i32> = done.into_iter().collect();
    let all = 0..i32::try_from(slices).unwrap_or(i32::MAX);
    Ok(all.filter(|slice| !done.contains(slice)).collect())
}

/// Joins the partial states of a slice and writes its orders, replays, refills and counts, in one transaction.
/// `slot`: whose counts they go to; no other slice is settled into the same at the same time.
pub async fn settle_slice(
    conn: &mut PgConnection,
    generation: Generation,
    slice: i32,
    slot: i32,
) -> Result<(), StoreError> {
    let mut tx = conn.begin().await?;
    let (states, tangled) = joined(&mut tx, generation, slice).await?;
    let mut counts = Counts::default();
    states.values().for_each(|order| order.contribute(&mut counts, 1));
    write_orders(&mut tx, generation, &states).await?;
    add_counts(&mut tx, generation, slot, &counts).await?;
    let found: Vec<Uuid> = tangled.iter().copied().collect();
    let sql = "insert into {schema}.load_tangled (slice, provider_order_id) select $1, * from unnest($2::uuid[])
               on conflict do nothing";
    sqlx::query(generation.sql(sql)).bind(slice).bind(found).execute(&mut *tx).await?;
    let sql = "insert into {schema}.load_slices (slice) values ($1)";
    sqlx::query(generation.sql(sql)).bind(slice).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

async fn joined(
    conn: &mut PgConnection,
    generation: Generation,
    slice: i32,
) -> Result<(HashMap<Uuid, Order>, BTreeSet<Uuid>), StoreError> {
    let sql = "select provider_order_id from {schema}.load_tangled where slice = $1";
    let tangled: Vec<Uuid> = sqlx::query_scalar(generation.sql(sql)).bind(slice).fetch_all(&mut *conn).await?;
    let mut tangled: BTreeSet<Uuid> = tangled.into_iter().collect();
    let mut orders: HashMap<Uuid, Order> = HashMap::new();
    let sql = generation.sql("select provider_order_id, state from {schema}.load_states where slice = $1");
    let mut rows = sqlx::query(sql).bind(slice).fetch(conn);
    while let Some(row) = rows.try_next().await? {
        let id: Uuid = row.try_get(0)?;
        if tangled.contains(&id) {
            continue;
        }
        let state: Order = postcard::from_bytes(row.try_get(1)?).map_err(|error| StoreError::Corrupt {
            table: "load_states",
            detail: format!("the state of order {id}: {error}"),
        })?;
        match orders.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(state);
            }
            Entry::Occupied(mut entry) => {
                if !entry.get_mut().join(state) {
                    entry.remove();
                    tangled.insert(id);
                }
            }
        }
    }
    orders.values_mut().for_each(|order| order.version = 1);
    Ok((orders, tangled))
}

async fn write_orders(
    conn: &mut PgConnection,
    generation: Generation,
    states: &HashMap<Uuid, Order>,
) -> Result<(), StoreError> {
    let table = |name: &str| format!("{}.{name}", generation.schema());
    let mut copy = Copy::begin(conn, &table(ORDERS.name), &ORDERS.column_list()).await?;
    for order in states.values() {
        orders::encode_order(order, &mut copy.rows);
        copy.flush().await?;
    }
    copy.finish().await?;
    let mut copy = Copy::begin(conn, &table(REPLAYS.name), &REPLAYS.column_list()).await?;
    for order in states.values() {
        for replay in order.replays.values() {
            orders::encode_replay(order, replay, &mut copy.rows);
        }
        copy.flush().await?;
    }
    copy.finish().await?;
    let mut copy = Copy::begin(conn, &table(REFILLS.name), &REFILLS.column_list()).await?;
    for order in states.values() {
        for refill in order.refills.values() {
            orders::encode_refill(order.provider_order_id, refill, &mut copy.rows);
        }
        copy.flush().await?;
    }
    copy.finish().await?;
    Ok(())
}
