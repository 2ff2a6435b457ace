//! What HTTP shows, as whoever holds the database provides it.

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use uuid::Uuid;

use crate::domain::generations::generation::GenerationInfo;
use crate::domain::log::described::Described;
use crate::domain::orders::telemetry::Telemetry;
use crate::domain::runs::run::Run;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::backlog::ProviderBacklog;
use crate::domain::views::gaps::{GapFilter, GapPage};
use crate::domain::views::page::{OrderPage, OrderPlace, Page};
use crate::domain::views::rows::{
    DeadLetterFilter, DeadLetterRow, DeadLetterWhole, HistoryRow, OpenDeadLetters, ProviderRow, ReplayFilter,
    ReplayKey, ReplayRow, RunFilter,
};

#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Waiting can help. The text goes to the client.
    #[error("{0}")]
    Unavailable(String),
    /// A fault of ours. The text goes to the log alone.
    #[error("{0}")]
    Failed(String),
}

/// The newest run of each type.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    pub replay: Option<Run>,
    pub alerts: Option<Run>,
}

/// The newest runs of each type, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct RunHistory {
    pub replay: Vec<Run>,
    pub alerts: Vec<Run>,
    /// They end early, since more would be too large for one response.
    pub is_cut: bool,
}

/// Telemetry and backlog at one moment; providers sorted by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Providers {
    pub aggregated: Telemetry,
    pub providers: Vec<ProviderRow>,
    pub generation: i32,
    pub as_of: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct BacklogView {
    pub providers: Vec<ProviderBacklog>,
    pub generation: i32,
    pub as_of: Timestamp,
}

/// Some dead letters, and how many are open in all.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetterList {
    pub rows: Vec<DeadLetterRow>,
    pub open: OpenDeadLetters,
}

/// A dead letter in full, decoded as far as it can be.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    pub whole: DeadLetterWhole,
    pub described: Described,
}

pub type RunStream = BoxStream<'static, Result<Run, ViewError>>;
type Answer<'a, T> = BoxFuture<'a, Result<T, ViewError>>;

/// Each call answers from one consistent moment.
pub trait Views: Send + Sync + 'static {
    fn status(&self) -> Answer<'_, Status>;
    fn history(&self, limit: u32) -> Answer<'_, RunHistory>;
    fn providers(&self) -> Answer<'_, Providers>;
    fn backlog(&self) -> Answer<'_, BacklogView>;
    /// All generations, the oldest first.
    fn generations(&self) -> Answer<'_, Vec<GenerationInfo>>;
    /// Newest first; dropping the stream ends the reading.
    fn export(&self, filter: RunFilter) -> Answer<'_, RunStream>;
    /// At most `limit` replays, and as many refills. `None`: no event of that order has come.
    fn order(&self, id: Uuid, after: OrderPlace, limit: u32) -> Answer<'_, Option<OrderPage>>;
    /// At most `limit` events of sequences above `after`; `None`: no such order.
    fn timeline(&self, id: Uuid, after: i64, limit: u32) -> Answer<'_, Option<Page<HistoryRow>>>;
    /// At most `limit` replays behind the one at `after`.
    fn replays(&self, filter: ReplayFilter, after: Option<ReplayKey>, limit: u32) -> Answer<'_, Page<ReplayRow>>;
    /// At most `limit` dead letters with ids below `before`, newest first.
    fn dead_letters(&self, filter: DeadLetterFilter, before: Option<i64>, limit: u32) -> Answer<'_, DeadLetterList>;
    /// At most `limit` orders that miss events, with ids behind `after`.
    fn gaps(&self, filter: GapFilter, after: Option<Uuid>, limit: u32) -> Answer<'_, GapPage>;
    /// `None`: the live generation has none with this id.
    fn dead_letter(&self, id: i64) -> Answer<'_, Option<DeadLetter>>;
}
