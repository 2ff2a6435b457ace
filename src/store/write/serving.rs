//! Which generation a writer folds into.

use sqlx::postgres::PgConnection;

use crate::store::error::StoreError;
use crate::store::generation::Generation;
use crate::store::generations::live_projection;
use crate::store::migrate::PROJECTION_VERSION;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// Whichever is live when the writer connects; publishers hear of its commits.
    Live,
    /// One that is being built, whether readers see it one day or not.
    Generation(Generation),
}

impl Serving {
    /// The generation, if it may be folded into by this binary.
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

    /// Holds the generation as it is until the transaction ends: a cut-over waits for it, and fences what comes later.
    pub(super) async fn hold(self, conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
        match self {
            Serving::Live => hold_live(conn, generation).await,
            Serving::Generation(_) => hold_building(conn, generation).await,
        }
    }
}

/// As long as it is live and of our projection; one that went and came back as another's is not ours any more.
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
    // A key share waits for a cut-over and a removal, but not for the progress that its builder tells in the same row.
    let sql = "select 1 from foldback.generations
                where generation = $1 and state in ('building', 'ready') for key share";
    sqlx::query(sql)
        .bind(generation.0)
        .fetch_optional(conn)
        .await?
        .map(|_| ())
        .ok_or(StoreError::NotBuilding(generation.0))
}
