//! Slots of the counts that nobody adds to any more. Each rebalance may leave some behind, and every read adds them all up.

use sqlx::postgres::PgConnection;

use super::counts::adding;
use crate::store::error::StoreError;
use crate::store::generations::Generation;

/// Others are merged into it; no worker has it for its own.
const MERGED: i32 = -1;

/// Where there are more slots than `slots_max`, moves up to `rows_max` rows of one of them.
///
/// Sums stay what they are at every moment: one statement takes and adds. It leaves out rows that a worker has locked, so
/// that it never waits for one; and as a statement it ends by itself, whatever becomes of its client, so that no worker
/// waits for it in vain.
pub async fn merge(
    conn: &mut PgConnection,
    generation: Generation,
    slots_max: i64,
    rows_max: i64,
) -> Result<(), StoreError> {
    // One look into the key's index for each slot. Any of them: the one that a worker uses is soon there again.
    let moving = "with recursive slots as (
                   (select slot from {schema}.telemetry_counts where slot > $1 order by slot limit 1)
                   union all
                   select (select next.slot from {schema}.telemetry_counts next
                            where next.slot > slots.slot order by next.slot limit 1)
                     from slots where slots.slot is not null
               ), chosen as materialized (
                   select slot from slots
                    where slot is not null and (select count(slot) from slots) > $2 order by random() limit 1
               ), taken as materialized (
                   select ctid from {schema}.telemetry_counts where slot = (select slot from chosen)
                    limit $3 for update skip locked
               ), gone as (
                   delete from {schema}.telemetry_counts where ctid = any (array(select ctid from taken))
                   returning kind, provider_id, service_id, rule_id, label, count
               )";
    let sql = format!("{moving} {}", adding("select $1, gone.* from gone where count <> 0 order by 2, 3, 4, 5, 6"));
    sqlx::query(generation.sql(&sql)).bind(MERGED).bind(slots_max).bind(rows_max).execute(conn).await?;
    Ok(())
}
