//! The backlog of all and by provider.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::backlog::Backlog;
use crate::domain::timestamp::Timestamp;
use crate::serve::views::BacklogView;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    pub generation: i32,
    pub as_of: Timestamp,
}

/// `by_provider`: the unknown provider stands as `unknown`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BacklogAnswer {
    #[serde(flatten)]
    total: Backlog,
    by_provider: BTreeMap<String, Backlog>,
    meta: Meta,
}

impl From<BacklogView> for BacklogAnswer {
    fn from(view: BacklogView) -> BacklogAnswer {
        let mut by_provider: BTreeMap<String, Backlog> = BTreeMap::new();
        for provider in &view.providers {
            // A provider may really be called `unknown`: nothing of either is lost.
            let sum = [by_provider.get(provider.label()).copied(), Some(provider.backlog)];
            let sum = sum.into_iter().flatten().reduce(Backlog::plus).unwrap_or_default();
            by_provider.insert(provider.label().to_owned(), sum);
        }
        let total = Backlog::total(&view.providers);
        BacklogAnswer { total, by_provider, meta: Meta { generation: view.generation, as_of: view.as_of } }
    }
}
