//! The views that the API serves, read from Postgres.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use uuid::Uuid;

use crate::codec::Decoder;
use crate::domain::generations::generation::GenerationInfo;
use crate::domain::log::described::Described;
use crate::domain::orders::telemetry::Telemetry;
use crate::domain::runs::run::RunType;
use crate::domain::views::gaps::{GapFilter, GapPage};
use crate::domain::views::page::{OrderPage, OrderPlace, Page};
use crate::domain::views::rows::{
    DeadLetterFilter, HistoryRow, ProviderRow, ReplayFilter, ReplayKey, ReplayRow, RunFilter,
};
use crate::serve::{
    BacklogView, DeadLetter, DeadLetterList, Providers, RunHistory, RunStream, Status, ViewError, Views,
};
use crate::store::StoreError;
use crate::store::connect::Access;
use crate::store::read::{GapLimits, PageLimits, Reader, export_runs};

/// A part of a dead letter's record that is larger is left to `foldback dead-letters show`.
const PART_BYTES_MAX: i64 = 1024 * 1024;
/// Orders that are looked at for a page of gaps, each with its history: a tenth of a second.
const GAP_ORDERS_MAX: u32 = 2_000;

type Answer<'a, T> = BoxFuture<'a, Result<T, ViewError>>;

/// Every answer comes from one snapshot of the live generation.
#[derive(Debug, Clone)]
pub struct StoredViews {
    reader: Reader,
    access: Access,
    decoder: Decoder,
    bytes_max: u64,
}

/// Bounds of an answer.
#[derive(Debug, Clone, Copy)]
pub struct AnswerLimits {
    /// How long a request is answered, and so how long a statement for it goes on; those of exports may take as long as any
    /// other.
    pub time: Duration,
    /// Of what an answer lists. The entry that reaches it is the last.
    pub bytes_max: u64,
}

impl StoredViews {
    /// `connections_max`: of a pool of its own. `decoder`: shows dead letters by the schemas that it has.
    pub fn new(access: Access, connections_max: u32, limits: AnswerLimits, decoder: Decoder) -> StoredViews {
        let pool = access.answering_within(limits.time).pool(connections_max);
        StoredViews { reader: Reader::new(pool), access, decoder, bytes_max: limits.bytes_max }
    }

    /// No answer is waited for longer than Postgres may take for one.
    fn answer<'a, T: Send + 'a>(
        &'a self,
        read: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> Answer<'a, T> {
        self.access.answered(read).map(|read| read.map_err(view_error)).boxed()
    }

    fn page(&self, limit: u32) -> PageLimits {
        PageLimits { rows_max: limit, bytes_max: self.bytes_max }
    }

    async fn read_status(&self) -> Result<Status, StoreError> {
        let mut snapshot = self.reader.snapshot().await?;
        let mut view = snapshot.view();
        let replay = view.latest_run(RunType::Replay).await?;
        let alerts = view.latest_run(RunType::Alert).await?;
        snapshot.close().await?;
        Ok(Status { replay, alerts })
    }

    async fn read_history(&self, limit: u32) -> Result<RunHistory, StoreError> {
        let mut snapshot = self.reader.snapshot().await?;
        let mut view = snapshot.view();
        let limits = PageLimits { rows_max: limit, bytes_max: self.bytes_max / 2 };
        let replay = view.run_history(RunType::Replay, limits).await?;
        let alerts = view.run_history(RunType::Alert, limits).await?;
        snapshot.close().await?;
        Ok(RunHistory { is_cut: replay.is_cut || alerts.is_cut, replay: replay.runs, alerts: alerts.runs })
    }

    async fn read_providers(&self) -> Result<Providers, StoreError> {
        let mut snapshot = self.reader.snapshot().await?;
        let (generation, as_of) = (snapshot.generation.0, snapshot.as_of);
        let mut view = snapshot.view();
        let counts = view.counts().await?;
        let names = view.provider_names().await?;
        let backlogs = view.backlog(as_of).await?;
        snapshot.close().await?;
        let providers = ProviderRow::list(&counts, &names, &backlogs);
        Ok(Providers { aggregated: Telemetry::sum(counts.iter()), providers, generation, as_of })
    }

    async fn read_backlog(&self) -> Result<BacklogView, StoreError> {
        let mut snapshot = self.reader.snapshot().await?;
        let (generation, as_of) = (snapshot.generation.0, snapshot.as_of);
        let providers = snapshot.view().backlog(as_of).await?;
        snapshot.close().await?;
        Ok(BacklogView { providers, generation, as_of })
    }

    async fn read_generations(&self) -> Result<Vec<GenerationInfo>, StoreError> {
        let mut snapshot = self.reader.snapshot().await?;
        let generations = snapshot.view().generations().await?;
        snapshot.close().await?;
        Ok(generations)
    }

    async fn read_order(&self, id: Uuid, after: OrderPlace, limit: u32) -> Result<Option<OrderPage>, StoreError> {
        let mut snapshot = self.reader.snapshot().await?;
        let mut view = snapshot.view();
        let page = match view.order_alone(id).await? {
            Some(order) => {
                let limits = PageLimits { rows_max: limit, bytes_max: self.bytes_max / 2 };
                let filter = ReplayFilter { provider_order_id: Some(id), ..ReplayFilter::default() };
                let replay = after.replay_id.map(|replay_id| ReplayKey { provider_order_id: id, replay_id });
                let replays = view.replays(&filter, replay, limits).await?;
                let refills = view.refills(id, after.refill_id, limits).await?;
                Some(OrderPage { order, replays, refills })
            }
            None => None,
        };
        snapshot.close().await?;
        Ok(page)
    }

    async fn read_timeline(&self, id: Uuid, after: i64, limit: u32) -> Result<Option<Page<HistoryRow>>, StoreError> {
        let mut snapshot = self.reader.snapshot().await?;
        let mut view = snapshot.view();
        let there = view.has_order(id).await?;
        let rows = if there { Some(view.timeline(id, after, self.page(limit)).await?) } else { None };
        snapshot.close().await?;
        Ok(rows)
    }

    async fn read_replays(
        &self,
        filter: ReplayFilter,
        after: Option<ReplayKey>,
        limit: u32,
    ) -> Result<Page<ReplayRow>, StoreError> {
        let mut snapshot = self.reader.snapshot().await?;
        let rows = snapshot.view().replays(&filter, after, self.page(limit)).await?;
        snapshot.close().await?;
        Ok(rows)
    }

    async fn read_dead_letters(
        &self,
        filter: DeadLetterFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<DeadLetterList, StoreError> {
        let mut snapshot = self.reader.snapshot().await?;
        let mut view = snapshot.view();
        let rows = view.dead_letters(&filter, before, limit).await?;
        let open = view.open_dead_letters().await?;
        snapshot.close().await?;
        Ok(DeadLetterList { rows, open })
    }

    async fn read_dead_letter(&self, id: i64) -> Result<Option<DeadLetter>, StoreError> {
        let mut snapshot = self.reader.snapshot().await?;
        let whole = snapshot.view().dead_letter(id, PART_BYTES_MAX).await?;
        snapshot.close().await?;
        let Some(whole) = whole else { return Ok(None) };
        let described = match (&whole.value, whole.row.value_bytes) {
            (Some(value), _) => self.decoder.describe(value),
            (None, None) => Described::unreadable(None, "the value is null"),
            (None, Some(bytes)) => {
                let why = "too large to be decoded here; see `foldback dead-letters show`";
                Described::unreadable(None, format!("the value has {bytes} bytes, {why}"))
            }
        };
        Ok(Some(DeadLetter { whole, described }))
    }

    async fn read_gaps(&self, filter: GapFilter, after: Option<Uuid>, limit: u32) -> Result<GapPage, StoreError> {
        let mut snapshot = self.reader.snapshot().await?;
        let limits = GapLimits { rows_max: limit, orders_max: GAP_ORDERS_MAX };
        let page = snapshot.view().gaps(&filter, after, limits).await?;
        snapshot.close().await?;
        Ok(page)
    }

    async fn open_export(&self, filter: RunFilter) -> Result<RunStream, StoreError> {
        let snapshot = self.reader.snapshot().await?;
        let access = self.access.clone();
        let runs = Box::pin(export_runs(snapshot, filter, access.statement_max()));
        let runs = stream::unfold(runs, move |mut runs| {
            let access = access.clone();
            async move {
                let run = access.answered(async { runs.next().await.transpose() }).await.transpose()?;
                Some((run.map_err(view_error), runs))
            }
        });
        Ok(runs.boxed())
    }
}

impl Views for StoredViews {
    fn status(&self) -> Answer<'_, Status> {
        self.answer(self.read_status())
    }

    fn history(&self, limit: u32) -> Answer<'_, RunHistory> {
        self.answer(self.read_history(limit))
    }

    fn providers(&self) -> Answer<'_, Providers> {
        self.answer(self.read_providers())
    }

    fn backlog(&self) -> Answer<'_, BacklogView> {
        self.answer(self.read_backlog())
    }

    fn generations(&self) -> Answer<'_, Vec<GenerationInfo>> {
        self.answer(self.read_generations())
    }

    fn export(&self, filter: RunFilter) -> Answer<'_, RunStream> {
        self.answer(self.open_export(filter))
    }

    fn order(&self, id: Uuid, after: OrderPlace, limit: u32) -> Answer<'_, Option<OrderPage>> {
        self.answer(self.read_order(id, after, limit))
    }

    fn timeline(&self, id: Uuid, after: i64, limit: u32) -> Answer<'_, Option<Page<HistoryRow>>> {
        self.answer(self.read_timeline(id, after, limit))
    }

    fn replays(&self, filter: ReplayFilter, after: Option<ReplayKey>, limit: u32) -> Answer<'_, Page<ReplayRow>> {
        self.answer(self.read_replays(filter, after, limit))
    }

    fn dead_letters(&self, filter: DeadLetterFilter, before: Option<i64>, limit: u32) -> Answer<'_, DeadLetterList> {
        self.answer(self.read_dead_letters(filter, before, limit))
    }

    fn dead_letter(&self, id: i64) -> Answer<'_, Option<DeadLetter>> {
        self.answer(self.read_dead_letter(id))
    }

    fn gaps(&self, filter: GapFilter, after: Option<Uuid>, limit: u32) -> Answer<'_, GapPage> {
        self.answer(self.read_gaps(filter, after, limit))
    }
}

fn view_error(error: StoreError) -> ViewError {
    match error {
        StoreError::NotMigrated | StoreError::SchemaVersion { .. } | StoreError::Missing(_) => {
            ViewError::Unavailable(error.to_string())
        }
        error if error.is_transient() => {
            tracing::warn!(%error, "a request could not reach Postgres");
            ViewError::Unavailable("Postgres is unreachable at the moment; retry shortly.".into())
        }
        error => ViewError::Failed(error.to_string()),
    }
}
