//! The backlog of all providers, and of each.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::timestamp::Timestamp;
use crate::domain::views::backlog::Backlog;
use crate::serve::views::BacklogView;

/// The one moment that the whole answer shows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// The live generation that was read.
    #[schema(minimum = 1, examples(2))]
    pub generation: i32,
    /// When it was read: the start of the database transaction.
    #[schema(examples("2026-11-23T10:00:00.000000+00:00"))]
    pub as_of: Timestamp,
}

/// The backlog of all providers, and of each.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BacklogAnswer {
    /// Number of replays with status `scheduled`.
    #[schema(minimum = 0, examples(42))]
    scheduled_backlog: i64,
    /// The earliest time for which one of them is scheduled; null if none has a time.
    #[schema(examples("2026-11-23T12:00:00.000000+00:00"))]
    next_scheduled_at: Option<Timestamp>,
    /// How many of them are due now: their time has passed, or they have none.
    #[schema(minimum = 0, examples(3))]
    overdue: i64,
    /// By provider id. `unknown` stands for orders whose OrderPlaced event is missing.
    by_provider: BTreeMap<String, Backlog>,
    meta: Meta,
}

impl From<BacklogView> for BacklogAnswer {
    fn from(view: BacklogView) -> BacklogAnswer {
        let total = Backlog::total(&view.providers);
        let by_label = Backlog::by_label(&view.providers);
        BacklogAnswer {
            scheduled_backlog: total.scheduled_backlog,
            next_scheduled_at: total.next_scheduled_at,
            overdue: total.overdue,
            by_provider: by_label.into_iter().map(|(label, backlog)| (label.to_owned(), backlog)).collect(),
            meta: Meta { generation: view.generation, as_of: view.as_of },
        }
    }
}
