//! The transaction in which views and checkpoints move together.

use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tracing::Instrument;
use uuid::Uuid;

use super::bare;
use super::order_rows::OrderRows;
use super::target::WriteTarget;
use crate::domain::change::ChangeSet;
use crate::domain::log::record::Topics;
use crate::domain::log::redrive::Redriven;
use crate::store::connect::Access;
use crate::store::error::StoreError;
use crate::store::generations::{Generation, complete_tables, hold};
use crate::store::redrive;
use crate::store::tables::checkpoints::Advance;
use crate::store::tables::copy::Rows;
use crate::store::tables::orders::{ORDERS, REFILLS, REPLAYS};
use crate::store::tables::runs::RUNS;
use crate::store::tables::write::prepare_to_write;
use crate::store::tables::{DEAD_LETTERS, checkpoints, counts, dead_letters, history, names, runs};

/// Publishers listen here for commits.
pub const CHANGED_CHANNEL: &str = "foldback_changed";

/// A connection that is ready to write one generation.
pub struct Writer {
    pub conn: PgConnection,
    pub generation: Generation,
    target: WriteTarget,
}

/// What one transaction writes.
pub struct Commit<'a> {
    pub changes: &'a ChangeSet,
    pub advances: &'a [Advance],
    pub topics: &'a Topics,
    /// The rows of the counts and of the providers' names that this adds to.
    pub slot: i32,
    /// Dead letters whose records are among the changes; empty for what comes from the log.
    pub redriven: &'a [Redriven],
}

impl Writer {
    /// Connects, checks that this binary fits the database and the generation, and creates the staging tables.
    pub async fn connect(access: &Access, target: WriteTarget) -> Result<Writer, StoreError> {
        let mut conn = access.connect().await?;
        crate::store::migrate::check_version(&mut conn).await?;
        let generation = target.find(&mut conn).await?;
        complete_tables(&mut conn, generation).await?;
        // One setting for all transactions, since staging tables outlive them: their rows are worthless after the
        // commit.
        for table in [&ORDERS, &REPLAYS, &REFILLS, &RUNS, &DEAD_LETTERS] {
            table.prepare(&mut conn, generation).await?;
        }
        prepare_to_write(&mut conn).await?;
        Ok(Writer { conn, generation, target })
    }

    /// Writes everything and commits, or changes nothing.
    pub async fn commit(&mut self, commit: &Commit<'_>) -> Result<(), StoreError> {
        self.transact(commit, true).await?;
        if self.target == WriteTarget::Live {
            self.notify().await;
        }
        Ok(())
    }

    /// Behind the commit: within it, the commits of all workers would wait for each other, since Postgres gives the order
    /// of notifications under one lock, and a full queue of them would stop the fold. Publishers look by themselves too.
    async fn notify(&mut self) {
        // Nothing that a crash could lose: no need to wait for the disk.
        let sql = "select set_config('synchronous_commit', 'off', true), pg_notify($1, '')::text";
        if let Err(error) = sqlx::query(sql).bind(CHANGED_CHANNEL).execute(&mut self.conn).await {
            tracing::debug!(%error, "the publishers were not notified");
        }
    }

    /// Writes everything and rolls back, to find out whether Postgres would reject a value.
    pub async fn try_out(&mut self, commit: &Commit<'_>) -> Result<(), StoreError> {
        self.transact(commit, false).await
    }

    /// Whether the values fit into columns like ours that nobody has added anything to. `false`: one of them doesn't.
    pub async fn fits(&mut self, commit: &Commit<'_>) -> Result<bool, StoreError> {
        let mut tx = self.conn.begin().await?;
        let copied = bare::copy(&mut tx, self.generation, commit.changes, commit.topics).await;
        tx.rollback().await?;
        match copied {
            Ok(()) => Ok(true),
            Err(StoreError::Data(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn transact(&mut self, commit: &Commit<'_>, keep: bool) -> Result<(), StoreError> {
        let (generation, target) = (self.generation, self.target);
        let mut tx = self.conn.begin().await?;
        let written = write_all(&mut tx, generation, target, commit).await;
        // A dropped transaction stays open until the connection is used again, and so do its row locks: other workers
        // would wait for them in vain.
        if written.is_ok() && keep {
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        written
    }
}

async fn write_all(
    conn: &mut PgConnection,
    generation: Generation,
    target: WriteTarget,
    commit: &Commit<'_>,
) -> Result<(), StoreError> {
    // A cut-over waits for this commit, and fences those that come later.
    hold(conn, target.required(generation)).await?;
    // Before anything is written: who has lost a partition to another worker learns that here, and not from a key that
    // the other one's rows have taken. Whoever claims a partition waits for the commit that is under way.
    checkpoints::advance(conn, generation, commit.topics, commit.advances).await?;
    write_changes(conn, generation, commit).instrument(tracing::debug_span!("db.views.write")).await
}

async fn write_changes(conn: &mut PgConnection, generation: Generation, commit: &Commit<'_>) -> Result<(), StoreError> {
    let changes = commit.changes;
    let topics = commit.topics;
    // Orders first: their version check proves that everything else was folded from the stored state.
    write_orders(conn, generation, changes).await?;
    history::append(conn, generation, &topics.orders, &changes.events).await?;
    history::replace(conn, generation, &topics.orders, &changes.replaced).await?;
    counts::add(conn, generation, commit.slot, &changes.counts).await?;
    names::propose(conn, generation, commit.slot, &changes.names).await?;
    names::withdraw(conn, generation, commit.slot, &changes.lost_names).await?;
    let mut rows = Rows::new();
    changes.runs.iter().for_each(|entry| runs::encode(entry, &topics.runs, &mut rows));
    RUNS.upsert_all(conn, generation, rows).await?;
    dead_letters::withdraw(conn, generation, &changes.withdrawn).await?;
    dead_letters::store(conn, generation, topics, &changes.dead_letters).await?;
    redrive::store(conn, generation, commit.redriven).await
}

async fn write_orders(conn: &mut PgConnection, generation: Generation, changes: &ChangeSet) -> Result<(), StoreError> {
    let rows = OrderRows::of(changes);
    ORDERS.write(conn, generation, rows.orders).await?;
    delete(conn, generation, "replays", "replay_id", &changes.removed_replays).await?;
    delete(conn, generation, "refills", "refill_id", &changes.removed_refills).await?;
    REPLAYS.write(conn, generation, rows.replays).await?;
    REFILLS.write(conn, generation, rows.refills).await
}

async fn delete(
    conn: &mut PgConnection,
    generation: Generation,
    table: &str,
    id: &str,
    keys: &[(Uuid, Uuid)],
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let (orders, ids): (Vec<Uuid>, Vec<Uuid>) = keys.iter().copied().unzip();
    let sql = format!(
        "delete from {{schema}}.{table} where (provider_order_id, {id}) in
             (select * from unnest($1::uuid[], $2::uuid[]))"
    );
    sqlx::query(generation.sql(&sql)).bind(orders).bind(ids).execute(conn).await?;
    Ok(())
}
