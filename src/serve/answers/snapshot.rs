//! Telemetry of all providers, and of each.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::orders::telemetry::Telemetry;
use crate::domain::views::backlog::Backlog;
use crate::domain::views::rows::ProviderRow;
use crate::serve::views::Providers;

use super::backlog::Meta;

/// Telemetry of all providers, and telemetry and backlog of each. Orders whose provider is unknown count in
/// `aggregated` alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Snapshot)]
pub struct SnapshotAnswer {
    aggregated: Telemetry,
    /// By id: each provider that an order names.
    providers: Vec<ProviderAnswer>,
    meta: Meta,
}

/// What the orders of one provider add up to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Provider)]
struct ProviderAnswer {
    /// The provider's id.
    #[schema(examples("alder"))]
    id: String,
    /// The name in the newest order that gives one; null if none does.
    #[schema(examples("Alder Reach"))]
    name: Option<String>,
    telemetry: Telemetry,
    backlog: Backlog,
}

impl From<ProviderRow> for ProviderAnswer {
    fn from(row: ProviderRow) -> ProviderAnswer {
        ProviderAnswer { id: row.id, name: row.name, telemetry: row.telemetry, backlog: row.backlog }
    }
}

impl From<Providers> for SnapshotAnswer {
    fn from(view: Providers) -> SnapshotAnswer {
        SnapshotAnswer {
            aggregated: view.aggregated,
            providers: view.providers.into_iter().map(ProviderAnswer::from).collect(),
            meta: Meta { generation: view.generation, as_of: view.as_of },
        }
    }
}
