//! Counts a generation's rows, for the checks before it goes live.

use sqlx::postgres::PgConnection;

use super::keys::FILLED;
use crate::domain::log::positions::TopicPositions;
use crate::store::error::StoreError;
use crate::store::generations::{Generation, live_projection};

/// Row counts of a generation, for the `counts` check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Facts {
    pub events: i64,
    pub orders: i64,
    /// Sequences that the orders have seen: one history row for each.
    pub sequences: i64,
    /// Orders according to the telemetry counts.
    pub counted_orders: i64,
}

pub async fn facts(conn: &mut PgConnection, generation: Generation) -> Result<Facts, StoreError> {
    // The comparison runs at the same time and takes longer: parallel workers here would slow it down.
    sqlx::query("set max_parallel_workers_per_gather = 0").execute(&mut *conn).await?;
    let sql = "select (select count(*) from {schema}.provider_order_events) as events,
                      orders.orders, orders.sequences,
                      (select coalesce(sum(count), 0)::bigint from {schema}.telemetry_counts where kind = 'orders')
                          as counted_orders
                 from (select count(*) as orders, coalesce(sum(last_sequence - missing_events), 0)::bigint as sequences
                         from {schema}.provider_orders) orders";
    Ok(sqlx::query_as(generation.sql(sql)).fetch_one(conn).await?)
}

/// A provider whose backlog isn't what it should be; `None`: the replays of unknown provider.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Miscounted {
    pub provider_id: Option<String>,
    pub counted: i64,
    pub scheduled: i64,
}

/// Providers whose counted backlog differs from the number of their scheduled replays.
pub async fn miscounted_backlogs(
    conn: &mut PgConnection,
    generation: Generation,
) -> Result<Vec<Miscounted>, StoreError> {
    let sql = "select provider_id, sum(counted)::bigint as counted, sum(scheduled)::bigint as scheduled
                 from (select provider_id, count as counted, 0 as scheduled
                         from {schema}.telemetry_counts where kind = 'scheduled'
                       union all
                       select provider_id, 0, 1 from {schema}.replays where status = 'scheduled') both_counts
                group by provider_id having sum(counted) <> sum(scheduled) order by provider_id limit 1000";
    Ok(sqlx::query_as(generation.sql(sql)).fetch_all(conn).await?)
}

/// Ids of schemas that the registry didn't know when the live generation asked, in records that are dead letters since.
pub async fn unknown_schemas(conn: &mut PgConnection) -> Result<Vec<u32>, StoreError> {
    let live = live_projection(conn).await?.generation;
    let sql = "select distinct ('x' || encode(substring(value from 2 for 4), 'hex'))::bit(32)::bigint
                 from {schema}.dead_letters
                where reason = 'schema_unknown' and length(value) >= 5 and get_byte(value, 0) = 0 limit 10000";
    let ids: Vec<i64> = sqlx::query_scalar(live.sql(sql)).fetch_all(conn).await?;
    Ok(ids.into_iter().filter_map(|id| u32::try_from(id).ok()).collect())
}

/// Which of the tables behind the views have rows, in the order of `FILLED`.
pub async fn filled(conn: &mut PgConnection, generation: Generation) -> Result<Vec<(&'static str, bool)>, StoreError> {
    let mut filled = Vec::new();
    for table in FILLED {
        let sql = generation.sql(&format!("select exists (select from {{schema}}.{table})"));
        filled.push((table, sqlx::query_scalar(sql).fetch_one(&mut *conn).await?));
    }
    Ok(filled)
}

/// Records that the load has read, by topic and partition.
pub async fn record_counts(conn: &mut PgConnection, generation: Generation) -> Result<TopicPositions, StoreError> {
    let sql = "select topic, partition, records from {schema}.load_counts";
    let rows: Vec<(String, i32, i64)> = sqlx::query_as(generation.sql(sql)).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(topic, partition, records)| ((topic, partition), records)).collect())
}
