//! The backlog: one definition for Redis, gauges, API, page and CLI.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::timestamp::Timestamp;

/// The replays that are scheduled, of one provider or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backlog {
    /// Number of replays with status `scheduled`.
    #[schema(minimum = 0, examples(42))]
    pub scheduled_backlog: i64,
    /// The earliest time for which one of them is scheduled; null if none has a time.
    #[schema(examples("2026-11-23T12:00:00.000000+00:00"))]
    pub next_scheduled_at: Option<Timestamp>,
    /// How many of them are due now: their time has passed, or they have none.
    #[schema(minimum = 0, examples(3))]
    pub overdue: i64,
}

/// One provider's backlog; `provider_id` is unknown while an order's OrderPlaced is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderBacklog {
    pub provider_id: Option<String>,
    pub backlog: Backlog,
}

/// The label of an unknown provider where a null can't stand.
pub const UNKNOWN_PROVIDER: &str = "unknown";

impl ProviderBacklog {
    pub fn label(&self) -> &str {
        self.provider_id.as_deref().unwrap_or(UNKNOWN_PROVIDER)
    }
}

impl Backlog {
    /// By label. Should a provider really be called `unknown`, it shares its label with the orders whose provider
    /// is not known yet: both count under it, so that the labels always add up to the total.
    pub fn by_label(providers: &[ProviderBacklog]) -> BTreeMap<&str, Backlog> {
        let mut labels: BTreeMap<&str, Backlog> = BTreeMap::new();
        for provider in providers {
            let backlog = labels.entry(provider.label()).or_default();
            *backlog = backlog.plus(&provider.backlog);
        }
        labels
    }

    /// The backlog of all, from the backlog of each.
    pub fn total(providers: &[ProviderBacklog]) -> Backlog {
        providers.iter().fold(Backlog::default(), |total, provider| total.plus(&provider.backlog))
    }

    fn plus(&self, other: &Backlog) -> Backlog {
        Backlog {
            scheduled_backlog: self.scheduled_backlog + other.scheduled_backlog,
            next_scheduled_at: earliest(self.next_scheduled_at, other.next_scheduled_at),
            overdue: self.overdue + other.overdue,
        }
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
