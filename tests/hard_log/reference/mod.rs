//! The reference fold: collects everything, sorts it, and computes every view from scratch, by the contract's words.
//! Shares no code with `src/`.

mod backlog;
mod drift;
pub mod exact;
mod gaps;
mod guardrail;
mod history;
mod orders;
mod payload;
mod refills;
mod replays;
mod runs;
mod telemetry;
mod time;

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::hard_log::meaning::{Meaning, OrderEvent, RunEvent, Stored};
use history::History;

pub use backlog::backlog_at;
pub use time::micros_of;

/// The rows of a view, by their key as text.
pub type View = BTreeMap<String, Value>;

/// Everything that a reader may see once the whole log is folded.
pub struct Reference {
    /// By the view's name in Postgres.
    pub views: BTreeMap<&'static str, View>,
    /// Orders that miss events, as the API lists them.
    pub gaps: View,
    /// Of all orders, as the snapshot gives it.
    pub aggregate: Value,
    /// Status payloads, newest first.
    pub replay_history: Vec<Value>,
    pub alert_history: Vec<Value>,
    /// Scheduled replays as (provider, scheduled_for in microseconds).
    pub scheduled: Vec<(Option<String>, Option<i64>)>,
}

impl Reference {
    pub fn of(log: &[Stored]) -> Self {
        let history = History::of(log);
        let orders = orders::fold(&history);
        let replays = replays::fold(&history, &orders);
        let runs = runs::fold(log);
        let scheduled = replays::scheduled(&replays);
        let mut views = BTreeMap::new();
        views.insert("provider_order_events", history.view());
        views.insert("provider_orders", orders::view(&orders));
        views.insert("replays", replays::view(&replays));
        views.insert("refills", refills::view(&history));
        views.insert("automation_runs", runs::view(&runs));
        views.insert("backlog", backlog::view(&scheduled));
        views.insert("provider_telemetry", telemetry::view(&history, &orders, &replays));
        views.insert("dead_letters", dead_letters(log, &history));
        Self {
            views,
            gaps: gaps::view(&history),
            aggregate: telemetry::aggregate(&orders, &replays),
            replay_history: runs::payloads(&runs, "replay"),
            alert_history: runs::payloads(&runs, "alert"),
            scheduled,
        }
    }

    /// As another generation than the first shows it: of use to tests of rebuilds alone.
    #[allow(dead_code)]
    pub fn in_generation(mut self, generation: i64) -> Self {
        for row in self.views.get_mut("dead_letters").into_iter().flat_map(BTreeMap::values_mut) {
            row["generation"] = json!(generation);
        }
        self
    }
}

fn order_event(record: &Stored) -> Option<&OrderEvent> {
    match &record.draft.meaning {
        Meaning::Order(event) => Some(event),
        _ => None,
    }
}

fn run_event(record: &Stored) -> Option<&RunEvent> {
    match &record.draft.meaning {
        Meaning::Run(event) => Some(event),
        _ => None,
    }
}

fn dead_letters(log: &[Stored], history: &History) -> View {
    let refused = log.iter().filter_map(|record| match record.draft.meaning {
        Meaning::Refused(reason) => Some((record, reason)),
        _ => None,
    });
    let displaced = history.displaced.iter().map(|record| (*record, "sequence_conflict"));
    refused.chain(displaced).map(|(record, reason)| dead_letter(record, reason)).collect()
}

fn dead_letter(record: &Stored, reason: &str) -> (String, Value) {
    let base64 = |bytes: &Vec<u8>| BASE64_STANDARD.encode(bytes);
    let headers: Vec<Value> = record
        .draft
        .headers
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value.as_ref().map(base64)}))
        .collect();
    let row = json!({
        "topic": record.topic_name,
        "partition": record.draft.partition,
        "offset": record.offset,
        "key": record.draft.key.as_ref().map(base64),
        "value": record.draft.value.as_ref().map(base64),
        "headers": headers,
        "reason": reason,
        "has_detail": true,
        "redriven_at": null,
        "discarded_at": null,
        "generation": 1,
    });
    (format!("{} {} {}", record.topic_name, record.draft.partition, record.offset), row)
}
