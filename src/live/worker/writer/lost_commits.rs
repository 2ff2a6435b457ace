//! Commits that Postgres has lost: a fail-over to a server without the last of them, or a restored backup.
//!
//! The next commit of a partition would find that out, but none comes where the log has ended: its records would wait, and
//! nobody would know.

use std::time::Duration;

use tracing::{debug, warn};

use super::WriterTask;
use crate::log::Control;
use crate::store::StoreError;
use crate::store::tables::checkpoints::{self, LostCommits};

impl WriterTask {
    /// Claims again what Postgres has an older checkpoint of than we have.
    pub(super) async fn look_for_lost_commits(&mut self) {
        // A connection that was lost while nothing came says nothing about the next one.
        let mut tries = if self.writer.is_some() { 2 } else { 1 };
        let give_up = self.give_up.clone();
        while !self.owned.is_empty() {
            tries -= 1;
            let found = tokio::select! {
                found = self.lost_commits() => found,
                () = give_up.cancelled() => return self.writer = None,
            };
            match found {
                Ok(lost) => return self.claim_again(&lost),
                Err(StoreError::NotLive(_) | StoreError::Projection { .. }) => return self.leave_generation(),
                Err(error) if tries > 0 => {
                    debug!(%error, "the connection was lost; looking on another");
                    self.writer = None;
                    self.cache.clear();
                }
                Err(error) => return self.wait_after(&error.into()).await,
            }
        }
    }

    async fn lost_commits(&mut self) -> Result<Vec<LostCommits>, StoreError> {
        let (settings, claims) = (self.settings.clone(), self.owned.claims());
        let writer = self.writer().await?;
        let looking = checkpoints::lost_commits(&mut writer.conn, writer.generation, &settings.topics, &claims);
        let lost = settings.access.answered(looking).await?;
        self.recovered();
        Ok(lost)
    }

    fn claim_again(&mut self, lost: &[LostCommits]) {
        if lost.is_empty() {
            return;
        }
        self.cache.clear();
        for LostCommits { partition, committed, stored } in lost {
            let topic = self.settings.topics.name(partition.stream);
            warn!(
                topic,
                partition = partition.index,
                committed,
                stored,
                "Postgres has lost commits, as a fail-over or a restored backup does: folding again from its checkpoint"
            );
            if let Some(assignment) = self.owned.remove_partition(*partition) {
                self.tell(Control::Lost { partition: *partition, assignment, pause: Duration::ZERO });
            }
        }
    }
}
