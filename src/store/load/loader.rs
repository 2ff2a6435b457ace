//! One worker's connection to the tables of a load.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use super::slices::slice_of;
use super::steps::check_marker;
use crate::domain::change::{NamedBy, RunEntry};
use crate::domain::log::dead_letter::DeadLetter;
use crate::domain::log::record::Topics;
use crate::domain::orders::packed::Piece;
use crate::store::connect::Access;
use crate::store::error::StoreError;
use crate::store::generations::{Generation, Required, hold};
use crate::store::tables::checkpoints::{self, Advance};
use crate::store::tables::copy::{Copy, Rows};
use crate::store::tables::runs::{RUNS, STANDING_FIRST};
use crate::store::tables::{DEAD_LETTERS, history, propose_names, runs, store_dead_letters};

/// Everything since the last cut that hasn't been appended yet, to be committed.
pub struct Cut {
    pub pieces: Vec<Piece>,
    pub names: BTreeMap<String, NamedBy>,
    /// Orders that have to be refolded from their history.
    pub contested: Vec<Uuid>,
    pub progressed: Vec<Progressed>,
    /// The slot that these provider names go to; unique per worker.
    pub slot: i32,
}

/// How a cut moves a partition, and how many records that covers.
#[derive(Debug, Clone, Copy)]
pub struct Progressed {
    pub advance: Advance,
    pub records: u64,
}

/// A connection for a load. It does not wait for the disk at each commit: nobody reads the generation yet, and a crash
/// of the server loses only the last commits, whose work is redone.
pub async fn connect(access: &Access) -> Result<PgConnection, StoreError> {
    let mut conn = access.connect().await?;
    sqlx::query("set synchronous_commit = off").execute(&mut conn).await?;
    Ok(conn)
}

/// The same, for a load that is folding or settling. Fails if the spilled events are lost; a later crash of Postgres
/// breaks the connection anyway.
pub async fn connect_to_load(access: &Access, generation: Generation) -> Result<PgConnection, StoreError> {
    let mut conn = connect(access).await?;
    check_marker(&mut conn, generation).await?;
    Ok(conn)
}

/// Everything between two cuts is one transaction.
pub struct Loader {
    conn: PgConnection,
    generation: Generation,
    topics: Topics,
    slices: i64,
    is_open: bool,
    careful: bool,
}

impl Loader {
    /// `conn`: from [`connect_to_load`]. `careful`: until the next cut, each batch is a subtransaction, so that a value which
    /// Postgres rejects can be looked for. More than 64 of them in a transaction slow every snapshot of the server down.
    pub async fn new(
        mut conn: PgConnection,
        generation: Generation,
        topics: Topics,
        slices: i64,
        careful: bool,
    ) -> Result<Loader, StoreError> {
        for table in [&RUNS, &DEAD_LETTERS] {
            table.prepare(&mut conn, generation).await?;
        }
        Ok(Loader { conn, generation, topics, slices, is_open: false, careful })
    }

    async fn open(&mut self) -> Result<(), StoreError> {
        if !self.is_open {
            sqlx::query("begin").execute(&mut self.conn).await?;
            // It must still be loading: not live, not dropped.
            hold(&mut self.conn, Required::Building { generation: self.generation, or_ready: false }).await?;
            self.is_open = true;
        }
        Ok(())
    }

    /// Adds rows. If Postgres rejects one, a careful loader has added none of them; any other has lost everything since the
    /// last cut, and must not be used any more. `history`: rows of a `HistoryBatch`.
    pub async fn append(
        &mut self,
        history: &[u8],
        runs: &[RunEntry],
        dead_letters: &[DeadLetter],
    ) -> Result<(), StoreError> {
        self.open().await?;
        if !self.careful {
            return self.append_all(history, runs, dead_letters).await;
        }
        sqlx::query("savepoint batch").execute(&mut self.conn).await?;
        let appended = self.append_all(history, runs, dead_letters).await;
        let end = if appended.is_ok() { "release savepoint batch" } else { "rollback to savepoint batch" };
        if appended.is_ok() || matches!(appended, Err(StoreError::Data(_))) {
            sqlx::query(end).execute(&mut self.conn).await?;
        }
        appended
    }

    /// Whether history rows fit into columns like ours that nobody has added anything to. `false`: one of them doesn't.
    pub async fn fits(&mut self, history: &[u8]) -> Result<bool, StoreError> {
        self.open().await?;
        sqlx::query("savepoint bare").execute(&mut self.conn).await?;
        let copied = history::copy_bare(&mut self.conn, self.generation, history).await;
        if matches!(copied, Ok(()) | Err(StoreError::Data(_))) {
            sqlx::query("rollback to savepoint bare").execute(&mut self.conn).await?;
        }
        match copied {
            Ok(()) => Ok(true),
            Err(StoreError::Data(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn append_all(
        &mut self,
        history: &[u8],
        runs: &[RunEntry],
        dead_letters: &[DeadLetter],
    ) -> Result<(), StoreError> {
        if !history.is_empty() {
            history::append_encoded(&mut self.conn, &history::table(self.generation), history).await?;
        }
        if !runs.is_empty() {
            let mut rows = Rows::new();
            runs.iter().for_each(|entry| runs::encode(entry, &self.topics.runs, &mut rows));
            // Written at the cut: reports of one run may be in partitions of several workers, who would wait for each
            // other's cuts, and deadlock.
            RUNS.stage(&mut self.conn, rows).await?;
        }
        if !dead_letters.is_empty() {
            store_dead_letters(&mut self.conn, self.generation, &self.topics, dead_letters).await?;
            self.clear_stage(DEAD_LETTERS.name).await?;
        }
        Ok(())
    }

    /// Staging tables lose their rows at commit; within a long transaction they have to be truncated explicitly.
    async fn clear_stage(&mut self, name: &str) -> Result<(), StoreError> {
        sqlx::query(AssertSqlSafe(format!("truncate stage_{name}"))).execute(&mut self.conn).await?;
        Ok(())
    }

    pub fn is_careful(&self) -> bool {
        self.careful
    }

    /// Moves the partitions, and commits everything since the last cut.
    pub async fn cut(&mut self, cut: Cut) -> Result<(), StoreError> {
        self.open().await?;
        self.spill(&cut.pieces).await?;
        self.put_contested(cut.contested).await?;
        propose_names(&mut self.conn, self.generation, cut.slot, &cut.names).await?;
        RUNS.upsert_staged(&mut self.conn, self.generation, STANDING_FIRST).await?;
        let advances: Vec<Advance> = cut.progressed.iter().map(|progressed| progressed.advance).collect();
        checkpoints::advance(&mut self.conn, self.generation, &self.topics, &advances).await?;
        self.count(&cut.progressed).await?;
        sqlx::query("commit").execute(&mut self.conn).await?;
        (self.is_open, self.careful) = (false, false);
        Ok(())
    }

    /// Puts events aside, which go with what is appended up to the next cut.
    pub async fn spill(&mut self, pieces: &[Piece]) -> Result<(), StoreError> {
        if pieces.is_empty() {
            return Ok(());
        }
        self.open().await?;
        let table = format!("{}.load_events", self.generation.schema());
        let mut copy = Copy::begin(&mut self.conn, &table, "slice, events").await?;
        for piece in pieces {
            copy.rows.row(2);
            copy.rows.int4(piece.slice);
            copy.rows.bytea(&piece.events);
            copy.flush().await?;
        }
        copy.finish().await?;
        Ok(())
    }

    async fn put_contested(&mut self, mut ids: Vec<Uuid>) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        // Sorted, so that two workers never deadlock.
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
                .bind(self.topics.name(advance.partition.stream))
                .bind(advance.partition.index)
                .bind(i64::try_from(*records).unwrap_or(i64::MAX))
                .execute(&mut self.conn)
                .await?;
        }
        Ok(())
    }

    /// Rolls back everything since the last cut.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.conn.close().await?)
    }
}
