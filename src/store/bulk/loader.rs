//! One worker's connection to the tables of a load.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use super::slices::slice_of;
use crate::domain::change::{HistoryEntry, NamedBy, PartialState, PartialStates, RunEntry};
use crate::domain::dead_letter::DeadLetter;
use crate::domain::record::Topics;
use crate::store::checkpoint::{self, Advance};
use crate::store::connect::Access;
use crate::store::copy::{Copy, Rows};
use crate::store::error::StoreError;
use crate::store::generation::Generation;
use crate::store::history;
use crate::store::runs::{self, RUNS, STANDING_FIRST};
use crate::store::write::{DEAD_LETTERS, propose_names, store_dead_letters};

/// How a cut moves a partition, and how many records that were.
#[derive(Debug, Clone, Copy)]
pub struct Progressed {
    pub advance: Advance,
    pub records: u64,
}

/// A connection for a load. It does not wait for the disk at each commit: the generation is nobody's yet, a crash of
/// the server loses the last commits alone, and what they held is done again.
pub async fn connect(access: &Access) -> Result<PgConnection, StoreError> {
    let mut conn = access.connect().await?;
    sqlx::query("set synchronous_commit = off").execute(&mut conn).await?;
    Ok(conn)
}

/// Between two cuts everything is one transaction.
pub struct Loader {
    conn: PgConnection,
    generation: Generation,
    topics: Topics,
    slices: i64,
    is_open: bool,
}

impl Loader {
    /// `conn`: from [`connect`].
    pub async fn new(
        mut conn: PgConnection,
        generation: Generation,
        topics: Topics,
        slices: i64,
    ) -> Result<Loader, StoreError> {
        for table in [&RUNS, &DEAD_LETTERS] {
            table.prepare(&mut conn, generation).await?;
        }
        Ok(Loader { conn, generation, topics, slices, is_open: false })
    }

    async fn open(&mut self) -> Result<(), StoreError> {
        if !self.is_open {
            sqlx::query("begin").execute(&mut self.conn).await?;
            self.is_open = true;
        }
        Ok(())
    }

    /// Adds rows, all or none: what Postgres refuses leaves everything as it was before.
    pub async fn append(
        &mut self,
        events: &[&HistoryEntry],
        runs: &[RunEntry],
        dead_letters: &[DeadLetter],
    ) -> Result<(), StoreError> {
        self.open().await?;
        sqlx::query("savepoint batch").execute(&mut self.conn).await?;
        let appended = self.append_all(events, runs, dead_letters).await;
        let end = if appended.is_ok() { "release savepoint batch" } else { "rollback to savepoint batch" };
        if appended.is_ok() || matches!(appended, Err(StoreError::Data(_))) {
            sqlx::query(end).execute(&mut self.conn).await?;
        }
        appended
    }

    async fn append_all(
        &mut self,
        events: &[&HistoryEntry],
        runs: &[RunEntry],
        dead_letters: &[DeadLetter],
    ) -> Result<(), StoreError> {
        history::append(&mut self.conn, self.generation, &self.topics.orders, events).await?;
        if !runs.is_empty() {
            let mut rows = Rows::new();
            runs.iter().for_each(|entry| runs::encode(entry, &self.topics.runs, &mut rows));
            // Written at the cut: reports of one run may lie in partitions of several workers, who would wait for each
            // other's cuts, and crosswise.
            RUNS.stage(&mut self.conn, rows).await?;
        }
        if !dead_letters.is_empty() {
            store_dead_letters(&mut self.conn, self.generation, &self.topics, dead_letters).await?;
            self.clear_stage(DEAD_LETTERS.name).await?;
        }
        Ok(())
    }

    /// Staging tables lose their rows at commit; within a long transaction they have to be emptied by hand.
    async fn clear_stage(&mut self, name: &str) -> Result<(), StoreError> {
        sqlx::query(AssertSqlSafe(format!("truncate stage_{name}"))).execute(&mut self.conn).await?;
        Ok(())
    }

    /// Writes the partial states and moves the partitions, and commits all since the last cut. `also_tangled`: orders
    /// of which Postgres refused an event.
    pub async fn cut(
        &mut self,
        mut states: PartialStates,
        also_tangled: &[Uuid],
        names: &BTreeMap<String, NamedBy>,
        progressed: &[Progressed],
        slot: i32,
    ) -> Result<(), StoreError> {
        self.open().await?;
        self.hold_building().await?;
        // Those of one slice together, so that reading a slice reads few pages.
        states.sort_unstable_by_key(|state| slice_of(state.order.provider_order_id, self.slices));
        self.put_states(&states).await?;
        let tangled = states.iter().filter(|state| state.tangled).map(|state| state.order.provider_order_id);
        self.put_tangled(tangled.chain(also_tangled.iter().copied()).collect()).await?;
        drop(states);
        propose_names(&mut self.conn, self.generation, slot, names).await?;
        RUNS.upsert_staged(&mut self.conn, self.generation, STANDING_FIRST).await?;
        let advances: Vec<Advance> = progressed.iter().map(|progressed| progressed.advance).collect();
        checkpoint::advance(&mut self.conn, self.generation, &self.topics, &advances).await?;
        self.count(progressed).await?;
        sqlx::query("commit").execute(&mut self.conn).await?;
        self.is_open = false;
        Ok(())
    }

    /// The generation must still be one that is built: not live, not dropped. A key share does not wait for the
    /// progress that is told in the same row.
    async fn hold_building(&mut self) -> Result<(), StoreError> {
        let sql = "select 1 from foldback.generations where generation = $1 and state = 'building' for key share";
        sqlx::query(sql)
            .bind(self.generation.0)
            .fetch_optional(&mut self.conn)
            .await?
            .map(|_| ())
            .ok_or(StoreError::NotBuilding(self.generation.0))
    }

    async fn put_states(&mut self, states: &[Box<PartialState>]) -> Result<(), StoreError> {
        let table = format!("{}.load_states", self.generation.schema());
        let mut copy = Copy::begin(&mut self.conn, &table, "slice, provider_order_id, state").await?;
        for order in states.iter().filter(|state| !state.tangled).map(|state| &state.order) {
            let bytes = postcard::to_allocvec(order).map_err(|error| StoreError::Corrupt {
                table: "load_states",
                detail: format!("the state of order {}: {error}", order.provider_order_id),
            })?;
            copy.rows.row(3);
            copy.rows.int4(slice_of(order.provider_order_id, self.slices));
            copy.rows.uuid(order.provider_order_id);
            copy.rows.bytea(&bytes);
            copy.flush().await?;
        }
        copy.finish().await?;
        Ok(())
    }

    async fn put_tangled(&mut self, mut ids: Vec<Uuid>) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        // In one order, so that two workers never wait for each other crosswise.
        ids.sort_unstable();
        let slices: Vec<i32> = ids.iter().map(|id| slice_of(*id, self.slices)).collect();
        let sql = "insert into {schema}.load_tangled (slice, provider_order_id)
                   select * from unnest($1::int[], $2::uuid[]) on conflict do nothing";
        sqlx::query(self.generation.sql(sql)).bind(slices).bind(ids).execute(&mut self.conn).await?;
        Ok(())
    }

    async fn count(&mut self, progressed: &[Progressed]) -> Result<(), StoreError> {
        let sql = "insert into {schema}.load_counts as stored (topic, partition, records) values ($1, $2, $3)
                   on conflict (topic, partition) do update set records = stored.records + excluded.records";
        for Progressed { advance, records } in progressed {
            sqlx::query(self.generation.sql(sql))
                .bind(self.topics.name(advance.of.stream))
                .bind(advance.of.partition)
                .bind(i64::try_from(*records).unwrap_or(i64::MAX))
                .execute(&mut self.conn)
                .await?;
        }
        Ok(())
    }

    /// Lets everything since the last cut go.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.conn.close().await?)
    }
}
