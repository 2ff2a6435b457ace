//! The backlog of all and by provider.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::timestamp::Timestamp;
use crate::domain::views::backlog::Backlog;
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
        let by_label = Backlog::by_label(&view.providers);
        let by_provider = by_label.into_iter().map(|(label, backlog)| (label.to_owned(), backlog)).collect();
        let total = Backlog::total(&view.providers);
        BacklogAnswer { total, by_provider, meta: Meta { generation: view.generation, as_of: view.as_of } }
    }
}
