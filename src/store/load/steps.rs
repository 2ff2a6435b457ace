//! Records how far a load is, so that an interrupted one can resume.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::store::error::StoreError;
use crate::store::generations::Generation;

const TABLES: &str = include_str!("../sql/load_tables.sql");

/// In the order of execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Every partition is at its target.
    Folded,
    /// Every slice's orders are written.
    Settled,
    /// The events of contested orders, and copies, have been moved out of the history.
    Parted,
    Keyed,
    /// Contested orders have been refolded.
    Untangled,
}

impl Step {
    fn as_str(self) -> &'static str {
        match self {
            Step::Folded => "folded",
            Step::Settled => "settled",
            Step::Parted => "parted",
            Step::Keyed => "keyed",
            Step::Untangled => "untangled",
        }
    }
}

/// Creates the load's own tables, for this many slices of events. All or nothing, as `is_loading` assumes.
pub async fn begin(conn: &mut PgConnection, generation: Generation, slices: i64) -> Result<(), StoreError> {
    let mut tx = conn.begin().await?;
    sqlx::raw_sql(generation.sql(TABLES)).execute(&mut *tx).await?;
    let sql = "insert into {schema}.load_steps (step, number) values ('slices', $1)";
    sqlx::query(generation.sql(sql)).bind(slices).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// Whether a load of the generation has started and its tables still exist.
pub async fn is_loading(conn: &mut PgConnection, generation: Generation) -> Result<bool, StoreError> {
    let sql = "select to_regclass('{schema}.load_steps') is not null";
    Ok(sqlx::query_scalar(generation.sql(sql)).fetch_one(conn).await?)
}

/// The number of slices.
pub async fn slices(conn: &mut PgConnection, generation: Generation) -> Result<i64, StoreError> {
    let sql = "select number from {schema}.load_steps where step = 'slices'";
    sqlx::query_scalar(generation.sql(sql)).fetch_optional(conn).await?.ok_or_else(|| StoreError::Corrupt {
        table: "load_steps",
        detail: "the number of slices is missing".to_owned(),
    })
}

pub async fn is_done(conn: &mut PgConnection, generation: Generation, step: Step) -> Result<bool, StoreError> {
    let sql = "select exists (select from {schema}.load_steps where step = $1)";
    Ok(sqlx::query_scalar(generation.sql(sql)).bind(step.as_str()).fetch_one(conn).await?)
}

/// Returns whether the step was not recorded before.
pub async fn finish(conn: &mut PgConnection, generation: Generation, step: Step) -> Result<bool, StoreError> {
    let sql = "insert into {schema}.load_steps (step) values ($1) on conflict do nothing";
    let recorded = sqlx::query(generation.sql(sql)).bind(step.as_str()).execute(conn).await?;
    Ok(recorded.rows_affected() == 1)
}

/// Removes everything that a load has written, including its own tables, so that it can start over. All or nothing.
pub async fn begin_again(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let mut tx = conn.begin().await?;
    let sql = "truncate {schema}.provider_order_events, {schema}.provider_orders, {schema}.replays, {schema}.refills,
                   {schema}.automation_runs, {schema}.telemetry_counts, {schema}.provider_names, {schema}.dead_letters,
                   {schema}.checkpoints";
    sqlx::query(generation.sql(sql)).execute(&mut *tx).await?;
    drop_tables(&mut tx, generation).await?;
    Ok(tx.commit().await?)
}

/// Fails if the load's spilled events are lost.
pub(super) async fn check_marker(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let table = "select to_regclass('{schema}.load_marker') is not null";
    let row = "select exists (select from {schema}.load_marker)";
    for sql in [table, row] {
        let is_there: bool = sqlx::query_scalar(generation.sql(sql)).fetch_one(&mut *conn).await?;
        if !is_there {
            return Err(StoreError::LoadLost(generation.0));
        }
    }
    Ok(())
}

/// Drops the load's own tables: the generation is complete without them.
pub async fn drop_tables(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let sql = "drop table if exists {schema}.load_events, {schema}.load_tangled, {schema}.load_copies,
               {schema}.load_slices, {schema}.load_telemetry, {schema}.load_marker, {schema}.load_counts, {schema}.load_claims,
               {schema}.load_members, {schema}.load_leases, {schema}.load_steps";
    sqlx::query(generation.sql(sql)).execute(conn).await?;
    Ok(())
}
