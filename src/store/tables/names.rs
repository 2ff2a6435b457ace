//! Providers' names: each slot stores its newest, a view shows the newest of all slots.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::domain::change::NamedBy;
use crate::store::error::StoreError;
use crate::store::generations::Generation;

/// Keeps the greatest candidate of each provider.
pub async fn propose(
    conn: &mut PgConnection,
    generation: Generation,
    slot: i32,
    names: &BTreeMap<String, NamedBy>,
) -> Result<(), StoreError> {
    if names.is_empty() {
        return Ok(());
    }
    let sql = "insert into {schema}.provider_names as stored
                   (slot, provider_id, name, occurred_at, provider_order_id, sequence)
               select $1, * from unnest($2::text[], $3::text[], $4::timestamptz[], $5::uuid[], $6::bigint[])
               on conflict (slot, provider_id) do update
                  set name = excluded.name, occurred_at = excluded.occurred_at,
                      provider_order_id = excluded.provider_order_id, sequence = excluded.sequence
                where (excluded.occurred_at, excluded.provider_order_id, excluded.sequence)
                    > (stored.occurred_at, stored.provider_order_id, stored.sequence)";
    let providers: Vec<&str> = names.keys().map(String::as_str).collect();
    let values: Vec<&str> = names.values().map(|named_by| named_by.name.as_str()).collect();
    let times: Vec<_> = names.values().map(|named_by| named_by.occurred_at.to_datetime()).collect();
    let orders: Vec<Uuid> = names.values().map(|named_by| named_by.provider_order_id).collect();
    let sequences: Vec<i64> = names.values().map(|named_by| named_by.sequence).collect();
    sqlx::query(generation.sql(sql))
        .bind(slot)
        .bind(providers)
        .bind(values)
        .bind(times)
        .bind(orders)
        .bind(sequences)
        .execute(conn)
        .await?;
    Ok(())
}

/// Recomputes providers' names from the history, after one of their OrderPlaced was displaced. Scans the whole
/// history, but is as rare as two events with one sequence in two partitions.
pub async fn find_again(
    conn: &mut PgConnection,
    generation: Generation,
    slot: i32,
    providers: &BTreeSet<String>,
) -> Result<(), StoreError> {
    if providers.is_empty() {
        return Ok(());
    }
    let providers: Vec<&str> = providers.iter().map(String::as_str).collect();
    let forget = "delete from {schema}.provider_names where provider_id = any($1)";
    sqlx::query(generation.sql(forget)).bind(&providers).execute(&mut *conn).await?;
    let find = "insert into {schema}.provider_names (slot, provider_id, name, occurred_at, provider_order_id, sequence)
                select distinct on (payload->>'provider_id')
                       $1, payload->>'provider_id', payload->>'provider_name', occurred_at, provider_order_id, sequence
                  from {schema}.provider_order_events
                 where event_type = 'order_placed' and payload->>'provider_name' is not null
                   and payload->>'provider_id' = any($2)
                 order by payload->>'provider_id', occurred_at desc, provider_order_id desc, sequence desc";
    sqlx::query(generation.sql(find)).bind(slot).bind(&providers).execute(conn).await?;
    Ok(())
}
