//! The generations, as of the same snapshot as the rest of an answer.

use tracing::Instrument;

use crate::domain::generations::generation::GenerationInfo;
use crate::domain::log::positions::TopicPositions;
use crate::store::error::StoreError;
use crate::store::generations;
use crate::store::generations::{Generation, Instance};

use super::snapshot::View;

impl View<'_> {
    /// All generations except shadows, oldest first.
    pub async fn generations(&mut self) -> Result<Vec<GenerationInfo>, StoreError> {
        generations::list(self.conn).instrument(tracing::debug_span!("db.generations.list")).await
    }

    /// A generation's checkpoints: next offset by topic and partition.
    pub async fn positions_of(&mut self, generation: Generation) -> Result<TopicPositions, StoreError> {
        generations::checkpoints(self.conn, generation).await
    }

    /// The instances of `foldback run` that are alive.
    pub async fn instances(&mut self) -> Result<Vec<Instance>, StoreError> {
        generations::instances(self.conn).instrument(tracing::debug_span!("db.instances.list")).await
    }

    /// Incremented by each cut-over and rollback; part of the values in Redis.
    pub async fn epoch(&mut self) -> Result<i64, StoreError> {
        let epoch = sqlx::query_scalar("select epoch from foldback.publication").fetch_optional(&mut *self.conn);
        let lost = || StoreError::Corrupt { table: "publication", detail: "its only row is missing".to_owned() };
        epoch.await?.ok_or_else(lost)
    }
}
