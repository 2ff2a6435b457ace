//! A snapshot as the texts that Redis holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::error::PublishError;
use crate::domain::runs::run::Run;
use crate::domain::runs::status::status_payload;
use crate::domain::views::backlog::Backlog;
use crate::domain::views::snapshot::{Snapshot, Stamp};

/// Everything that a publication writes, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    pub stamp: Stamp,
    pub replay: Option<String>,
    pub alerts: Option<String>,
    pub backlog: String,
    /// Provider label -> its backlog.
    pub by_provider: BTreeMap<String, String>,
}

impl Publication {
    pub fn new(snapshot: &Snapshot) -> Result<Publication, PublishError> {
        let meta = json!({
            "epoch": snapshot.stamp.epoch,
            "version": snapshot.stamp.version,
            "generation": snapshot.content.generation,
            "asOf": snapshot.as_of,
        });
        let status = |run: &Option<Arc<Run>>| run.as_ref().map(|run| with_meta(status_payload(run), &meta)).transpose();
        Ok(Publication {
            stamp: snapshot.stamp,
            replay: status(&snapshot.content.replay)?,
            alerts: status(&snapshot.content.alert)?,
            backlog: total(snapshot, &meta)?,
            by_provider: by_provider(snapshot)?,
        })
    }
}

fn total(snapshot: &Snapshot, meta: &Value) -> Result<String, PublishError> {
    match serde_json::to_value(Backlog::total(&snapshot.content.providers))? {
        Value::Object(backlog) => with_meta(backlog, meta),
        other => Ok(other.to_string()),
    }
}

fn by_provider(snapshot: &Snapshot) -> Result<BTreeMap<String, String>, PublishError> {
    Backlog::by_label(&snapshot.content.providers)
        .into_iter()
        .map(|(label, backlog)| Ok((label.to_owned(), serde_json::to_string(&backlog)?)))
        .collect()
}

fn with_meta(mut payload: Map<String, Value>, meta: &Value) -> Result<String, PublishError> {
    payload.insert("meta".into(), meta.clone());
    Ok(serde_json::to_string(&payload)?)
}
