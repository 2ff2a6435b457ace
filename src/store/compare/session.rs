//! The two connections of a comparison.

use futures::TryStreamExt;
use sqlx::postgres::PgConnection;

use crate::domain::log::bounds::Bounds;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::TopicPositions;
use crate::domain::log::record::Topics;
use crate::domain::log::refused::RefusedRecords;
use crate::domain::log::rejection::Reason;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::snapshot::Content;
use crate::store::connect::Access;
use crate::store::error::StoreError;
use crate::store::generations::{Generation, checkpoints, generation};
use crate::store::publication::expected;
use crate::store::read::{LatestRuns, View};

/// One of the two generations compared. Each has its own connection, so both work at the same time.
pub struct Side {
    conn: PgConnection,
    pub generation: Generation,
}

/// Texts must not depend on the server's settings, a comparison has no time limit, and it uses one core at most. JIT
/// costs more than it saves if most rows are outside the sample, and saves nothing otherwise: the time goes into
/// formatting texts.
const SETTINGS: &str = "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set extra_float_digits = 1;
    set bytea_output = 'hex'; set statement_timeout = 0; set idle_in_transaction_session_timeout = 0;
    set max_parallel_workers_per_gather = 0; set jit = off";
/// The server checks whether we are still connected, so that an interrupted comparison doesn't keep running.
const NOT_ALONE: &str = "set client_connection_check_interval = '1s'";

impl Side {
    /// For a generation that nobody writes to.
    pub async fn still(access: &Access, generation: Generation) -> Result<Side, StoreError> {
        let mut conn = access.connect().await?;
        sqlx::raw_sql(SETTINGS).execute(&mut conn).await?;
        // Not every server can check that; then an interrupted comparison runs to its end.
        let _ = sqlx::raw_sql(NOT_ALONE).execute(&mut conn).await;
        Ok(Side { conn, generation })
    }

    /// What a publication of it would show.
    pub async fn content(&mut self, as_of: Timestamp) -> Result<Content, StoreError> {
        expected::content(&mut self.conn, self.generation, as_of, &mut LatestRuns::default()).await
    }

    pub async fn orders_with_gaps(&mut self) -> Result<i64, StoreError> {
        View::new(&mut self.conn, self.generation).orders_with_gaps().await
    }

    /// Postgres's time.
    pub async fn now(&mut self) -> Result<Timestamp, StoreError> {
        let now = sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut self.conn).await?;
        Ok(Timestamp::from_datetime(now))
    }

    pub(super) fn conn(&mut self) -> &mut PgConnection {
        &mut self.conn
    }
}

/// The live generation at one moment; later commits are not visible.
pub struct Moment {
    pub side: Side,
    /// Its checkpoints: next offset by topic and partition.
    pub checkpoints: TopicPositions,
}

impl Moment {
    /// Blocks nobody: it reads a snapshot, which ends with the connection.
    pub async fn open(access: &Access) -> Result<Moment, StoreError> {
        let mut side = Side::still(access, Generation(0)).await?;
        sqlx::query("begin isolation level repeatable read read only").execute(&mut side.conn).await?;
        side.generation = generation::live(&mut side.conn).await?;
        let checkpoints = checkpoints(&mut side.conn, side.generation).await?;
        Ok(Moment { side, checkpoints })
    }

    /// See [`refused`].
    pub async fn refused(&mut self, topics: &Topics, from: &Bounds) -> Result<RefusedRecords, StoreError> {
        refused(&mut self.side.conn, self.side.generation, topics, from).await
    }
}

/// Records that a generation rejected for their content, from these positions on. Excludes conflicts, which every fold
/// finds by itself, and redriven records, whose outcome is the one a fold gives today.
pub async fn refused(
    conn: &mut PgConnection,
    generation: Generation,
    topics: &Topics,
    from: &Bounds,
) -> Result<RefusedRecords, StoreError> {
    let sql = "select letter.topic, letter.partition, letter.\"offset\", letter.reason
                 from {schema}.dead_letters letter
                 left join unnest($1::text[], $2::int[], $3::bigint[]) as passed (topic, partition, next_offset)
                   on passed.topic = letter.topic and passed.partition = letter.partition
                where letter.reason <> 'sequence_conflict' and letter.redriven_at is null
                  and letter.\"offset\" >= coalesce(passed.next_offset, 0)
                order by 1, 2, 3";
    let (partitions, offsets): (Vec<StreamPartition>, Vec<i64>) =
        from.0.iter().map(|(at, offset)| (*at, *offset)).unzip();
    let mut rows = sqlx::query_as::<_, (String, i32, i64, String)>(generation.sql(sql))
        .bind(partitions.iter().map(|at| topics.name(at.stream)).collect::<Vec<_>>())
        .bind(partitions.iter().map(|at| at.index).collect::<Vec<_>>())
        .bind(offsets)
        .fetch(conn);
    let mut refused = RefusedRecords::default();
    while let Some((topic, index, offset, reason)) = rows.try_next().await? {
        // A dead letter of another topic or with an unknown reason was not written by a fold: the comparison reports it.
        if let (Some(stream), Some(reason)) = (topics.stream(&topic), Reason::parse(&reason)) {
            refused.push(StreamPartition { stream, index }, offset, reason);
        }
    }
    Ok(refused)
}
