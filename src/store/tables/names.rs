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

/// Forgets names whose OrderPlaced was displaced, and takes the next best of the history: one look into an index for each
/// provider that went by such a name.
pub async fn withdraw(
    conn: &mut PgConnection,
    generation: Generation,
    slot: i32,
    lost: &BTreeSet<(String, NamedBy)>,
) -> Result<(), StoreError> {
    if lost.is_empty() {
        return Ok(());
    }
    let sql = "delete from {schema}.provider_names as stored
                using unnest($1::text[], $2::timestamptz[], $3::uuid[], $4::bigint[])
                      as lost (provider_id, occurred_at, provider_order_id, sequence)
                where (stored.provider_id, stored.occurred_at, stored.provider_order_id, stored.sequence)
                    = (lost.provider_id, lost.occurred_at, lost.provider_order_id, lost.sequence)
            returning stored.provider_id";
    let providers: Vec<&str> = lost.iter().map(|(provider_id, _)| provider_id.as_str()).collect();
    let times: Vec<_> = lost.iter().map(|(_, named_by)| named_by.occurred_at.to_datetime()).collect();
    let orders: Vec<Uuid> = lost.iter().map(|(_, named_by)| named_by.provider_order_id).collect();
    let sequences: Vec<i64> = lost.iter().map(|(_, named_by)| named_by.sequence).collect();
    let nameless: Vec<String> = sqlx::query_scalar(generation.sql(sql))
        .bind(providers)
        .bind(times)
        .bind(orders)
        .bind(sequences)
        .fetch_all(&mut *conn)
        .await?;
    find_again(conn, generation, slot, &nameless.into_iter().collect()).await
}

/// Takes providers' names from the history. The index `provider_names_given` has its rows in this order.
pub async fn find_again(
    conn: &mut PgConnection,
    generation: Generation,
    slot: i32,
    providers: &BTreeSet<String>,
) -> Result<(), StoreError> {
    if providers.is_empty() {
        return Ok(());
    }
    let sql = "insert into {schema}.provider_names as stored
                   (slot, provider_id, name, occurred_at, provider_order_id, sequence)
               select $1, wanted.provider_id, newest.*
                 from unnest($2::text[]) as wanted (provider_id)
                      cross join lateral
                      (select payload->>'provider_name', occurred_at, provider_order_id, sequence
                         from {schema}.provider_order_events
                        where event_type = 'order_placed' and payload->>'provider_name' is not null
                          and payload->>'provider_id' = wanted.provider_id
                        order by occurred_at desc, provider_order_id desc, sequence desc limit 1) as newest
               on conflict (slot, provider_id) do update
                  set name = excluded.name, occurred_at = excluded.occurred_at,
                      provider_order_id = excluded.provider_order_id, sequence = excluded.sequence";
    let providers: Vec<&str> = providers.iter().map(String::as_str).collect();
    sqlx::query(generation.sql(sql)).bind(slot).bind(providers).execute(conn).await?;
    Ok(())
}
