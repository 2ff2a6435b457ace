//! The newest run of each type, kept between reads.

use std::collections::HashMap;
use std::sync::Arc;

use tracing::Instrument;
use uuid::Uuid;

use crate::domain::runs::run::{Run, RunType};
use crate::store::error::StoreError;
use crate::store::generations::Generation;

use super::snapshot::View;

/// The newest run of each type as it was last read. A run may have megabytes, and the publisher looks at every commit: it
/// is read and parsed again only after its row has changed.
#[derive(Debug, Default)]
pub struct LatestRuns(HashMap<RunType, (RowVersion, Arc<Run>)>);

/// Of a stored run. Postgres gives a row another one whenever somebody writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RowVersion {
    generation: Generation,
    run_id: Uuid,
    version: String,
}

impl LatestRuns {
    /// The newest run of a type in the view. Logs, once, that it can't be read.
    pub async fn of(&mut self, view: &mut View<'_>, run_type: RunType) -> Result<Option<Arc<Run>>, StoreError> {
        let Some(version) = view.latest_version(run_type).await? else {
            self.0.remove(&run_type);
            return Ok(None);
        };
        if let Some((_, run)) = self.0.get(&run_type).filter(|(kept, _)| *kept == version) {
            return Ok(Some(run.clone()));
        }
        let Some(run) = view.latest_run(run_type).await?.map(Arc::new) else { return Ok(None) };
        if let Some(why) = &run.unreadable {
            tracing::warn!(run_id = %run.run_id, "the newest {} run is shown without it: {why}", run_type.as_str());
        }
        self.0.insert(run_type, (version, run.clone()));
        Ok(Some(run))
    }
}

impl View<'_> {
    async fn latest_version(&mut self, run_type: RunType) -> Result<Option<RowVersion>, StoreError> {
        let sql = "select run_id, xmin::text || ' ' || ctid::text from {schema}.automation_runs
                    where run_type = $1 order by ran_at desc, run_id desc limit 1";
        let row: Option<(Uuid, String)> = sqlx::query_as(self.generation.sql(sql))
            .bind(run_type.as_str())
            .fetch_optional(&mut *self.conn)
            .instrument(tracing::debug_span!("db.automation_runs.version"))
            .await?;
        let generation = self.generation;
        Ok(row.map(|(run_id, version)| RowVersion { generation, run_id, version }))
    }
}
