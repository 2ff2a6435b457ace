//! Tries a commit's values in tables with the same columns and nothing else: no trigger, no index, no constraint.
//!
//! A value that Postgres refuses there is the record's fault. One that it refuses only in a generation's own tables is
//! not: somebody has added something to them.

use sqlx::postgres::PgConnection;

use super::order_rows::OrderRows;
use crate::domain::change::ChangeSet;
use crate::domain::log::record::Topics;
use crate::store::error::StoreError;
use crate::store::generations::Generation;
use crate::store::tables::copy::Rows;
use crate::store::tables::orders::{ORDERS, REFILLS, REPLAYS};
use crate::store::tables::runs::RUNS;
use crate::store::tables::{DEAD_LETTERS, dead_letters, history, runs};

/// Within the caller's transaction, to be rolled back.
pub(super) async fn copy(
    conn: &mut PgConnection,
    generation: Generation,
    changes: &ChangeSet,
    topics: &Topics,
) -> Result<(), StoreError> {
    let mut events = Rows::new();
    for entry in changes.events.iter().chain(&changes.replaced) {
        history::encode(entry.into(), &topics.orders, &mut events);
    }
    history::copy_bare(conn, generation, events.all()).await?;
    let rows = OrderRows::of(changes);
    let mut run_rows = Rows::new();
    changes.runs.iter().for_each(|entry| runs::encode(entry, &topics.runs, &mut run_rows));
    let letters = dead_letters::rows(&changes.dead_letters, topics);
    for (table, rows) in [(&ORDERS, rows.orders), (&REPLAYS, rows.replays), (&REFILLS, rows.refills)] {
        table.stage(conn, rows.new).await?;
        table.stage(conn, rows.known).await?;
    }
    RUNS.stage(conn, run_rows).await?;
    DEAD_LETTERS.stage(conn, letters).await
}
