//! Which generation a writer folds into.

use sqlx::postgres::PgConnection;

use crate::store::error::StoreError;
use crate::store::generation::Generation;
use crate::store::generations::live_projection;
use crate::store::migrate::PROJECTION_VERSION;

/// Which generation a writer folds into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// Whichever is live when the writer connects; publishers are notified of its commits.
    Live,
    /// One that is being built, whether it will ever go live or not.
    Generation(Generation),
}

impl Serving {
    /// The generation, if this binary may fold into it.
    pub(super) async fn find(self, conn: &mut PgConnection) -> Result<Generation, StoreError> {
        let (generation, stored) = match self {
            Serving::Live => {
                let live = live_projection(conn).await?;
                (live.generation, live.projection_version)
            }
            Serving::Generation(generation) => (generation, building_projection(conn, generation).await?),
        };
        if stored != PROJECTION_VERSION {
            return Err(StoreError::Projection { generation: generation.0, stored, binary: PROJECTION_VERSION });
        }
        Ok(generation)
    }

    /// Keeps the generation's state until the transaction ends: a cut-over waits for it, and fences later transactions.
    pub(super) async fn hold(self, conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
        match self {
            Serving::Live => hold_live(conn, generation).await,
            Serving::Generation(_) => hold_building(conn, generation).await,
        }
    }
}

/// Checks that it is live and of our projection version: it may have been switched away and back by another binary.
async fn hold_live(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let sql = "select 1 from foldback.generations
                where generation = $1 and state = 'live' and projection_version = $2 for share";
    sqlx::query(sql)
        .bind(generation.0)
        .bind(PROJECTION_VERSION)
        .fetch_optional(conn)
        .await?
        .map(|_| ())
        .ok_or(StoreError::NotLive(generation.0))
}

async fn building_projection(conn: &mut PgConnection, generation: Generation) -> Result<i32, StoreError> {
    let sql = "select projection_version from foldback.generations
                where generation = $1 and state in ('building', 'ready')";
    sqlx::query_scalar(sql).bind(generation.0).fetch_optional(conn).await?.ok_or(StoreError::NotBuilding(generation.0))
}

async fn hold_building(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    // `for key share` waits for a cut-over and a removal, but not for updates of the progress in the same row.
    let sql = "select 1 from foldback.generations
                where generation = $1 and state in ('building', 'ready') for key share";
    sqlx::query(sql)
        .bind(generation.0)
        .fetch_optional(conn)
        .await?
        .map(|_| ())
        .ok_or(StoreError::NotBuilding(generation.0))
}
