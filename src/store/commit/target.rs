//! Which generation a writer folds into.

use sqlx::postgres::PgConnection;

use crate::store::error::StoreError;
use crate::store::generations::{Generation, Required, live_projection};
use crate::store::migrate::PROJECTION_VERSION;

/// Which generation a writer folds into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteTarget {
    /// Whichever is live when the writer connects; publishers are notified of its commits.
    Live,
    /// One that is being built, whether it will ever go live or not.
    Generation(Generation),
}

impl WriteTarget {
    /// The generation, if this binary may fold into it.
    pub(super) async fn find(self, conn: &mut PgConnection) -> Result<Generation, StoreError> {
        let (generation, stored) = match self {
            WriteTarget::Live => {
                let live = live_projection(conn).await?;
                (live.generation, live.projection_version)
            }
            WriteTarget::Generation(generation) => (generation, building_projection(conn, generation).await?),
        };
        if stored != PROJECTION_VERSION {
            return Err(StoreError::Projection { generation: generation.0, stored, binary: PROJECTION_VERSION });
        }
        Ok(generation)
    }

    /// What the generation has to be for each commit: a live one that went and came back as another projection's is not
    /// ours any more.
    pub(super) fn required(self, generation: Generation) -> Required {
        match self {
            WriteTarget::Live => {
                Required::Live { generation: Some(generation), projection_version: Some(PROJECTION_VERSION) }
            }
            WriteTarget::Generation(_) => Required::Building { generation, or_ready: true },
        }
    }
}

async fn building_projection(conn: &mut PgConnection, generation: Generation) -> Result<i32, StoreError> {
    let sql = "select projection_version from foldback.generations
                where generation = $1 and state in ('building', 'ready')";
    sqlx::query_scalar(sql).bind(generation.0).fetch_optional(conn).await?.ok_or(StoreError::NotBuilding(generation.0))
}
