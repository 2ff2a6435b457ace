//! Telemetry of all and of every provider.

use serde::Serialize;

use crate::domain::orders::telemetry::Telemetry;
use crate::domain::views::backlog::Backlog;
use crate::domain::views::rows::ProviderRow;
use crate::serve::views::Providers;

use super::backlog::Meta;

#[derive(Debug, Serialize)]
pub struct SnapshotAnswer {
    aggregated: Telemetry,
    providers: Vec<ProviderAnswer>,
    meta: Meta,
}

#[derive(Debug, Serialize)]
struct ProviderAnswer {
    id: String,
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
