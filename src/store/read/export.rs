//! Streams all runs from one snapshot, with one page in memory at a time.

use std::collections::VecDeque;
use std::time::Duration;

use futures::Stream;
use futures::stream;
use uuid::Uuid;

use crate::domain::runs::run::Run;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::rows::RunFilter;
use crate::store::error::StoreError;

use super::page::PageLimits;
use super::snapshot::Snapshot;

/// What is in memory at a time, and one run more.
const PAGE: PageLimits = PageLimits { rows_max: 50, bytes_max: 4 * 1024 * 1024 };

struct Export {
    snapshot: Snapshot,
    filter: RunFilter,
    /// For one page.
    statement_max: Duration,
    after: Option<(Timestamp, Uuid)>,
    page: VecDeque<Run>,
    is_last_page: bool,
}

/// Newest first; each page within `statement_max`. Dropping the stream ends the snapshot.
pub fn export_runs(
    snapshot: Snapshot,
    filter: RunFilter,
    statement_max: Duration,
) -> impl Stream<Item = Result<Run, StoreError>> + Send {
    let export = Export { snapshot, filter, statement_max, after: None, page: VecDeque::new(), is_last_page: false };
    stream::try_unfold(export, |mut export| async move {
        if export.page.is_empty() && !export.is_last_page {
            export.fill().await?;
        }
        Ok(export.page.pop_front().map(|run| (run, export)))
    })
}

impl Export {
    async fn fill(&mut self) -> Result<(), StoreError> {
        if self.after.is_none() {
            // The client decides how fast it goes on.
            self.snapshot.allow_idle(self.statement_max).await?;
        }
        let page = self.snapshot.view().runs(self.filter, self.after, PAGE).await?;
        self.is_last_page = page.runs.len() < PAGE.rows_max as usize && !page.is_cut;
        self.after = page.runs.last().map(|run| (run.ran_at, run.run_id));
        self.page = page.runs.into();
        Ok(())
    }
}
