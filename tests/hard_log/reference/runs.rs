//! Automation runs: the highest revision stands, of equal ones the one with the smallest position.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{View, drift, payload, run_event, time};
use crate::hard_log::meaning::{RunEvent, Stored};

pub struct Run<'a> {
    pub event: &'a RunEvent,
    pub summary: Value,
    pub metadata: Value,
}

pub fn fold(log: &[Stored]) -> BTreeMap<Uuid, Run<'_>> {
    let mut reports: Vec<(&Stored, &RunEvent)> = log.iter().filter_map(|r| Some((r, run_event(r)?))).collect();
    // the one that stands comes last, and replaces the others
    reports.sort_by_key(|(record, event)| (event.revision, std::cmp::Reverse(record.position())));
    reports.into_iter().map(|(_, event)| (event.run_id, run(event))).collect()
}

pub fn view(runs: &BTreeMap<Uuid, Run<'_>>) -> View {
    runs.iter().map(|(id, run)| (id.to_string(), row(run))).collect()
}

/// Status payloads of the runs of one type, newest first.
pub fn payloads(runs: &BTreeMap<Uuid, Run<'_>>, run_type: &str) -> Vec<Value> {
    let mut of_type: Vec<&Run<'_>> = runs.values().filter(|run| run.event.run_type == run_type).collect();
    of_type.sort_by_key(|run| (run.event.ran_micros, run.event.run_id));
    of_type.into_iter().rev().map(payload::status).collect()
}

fn run(event: &RunEvent) -> Run<'_> {
    let parse = |text: &str| serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"));
    Run { event, summary: parse(&event.summary), metadata: parse(&event.metadata) }
}

fn row(run: &Run<'_>) -> Value {
    let event = run.event;
    json!({
        "run_id": event.run_id.to_string(),
        "run_type": event.run_type,
        "status": event.status,
        "started_at": event.started_micros.map(time::column),
        "ran_at": time::column(event.ran_micros),
        "summary": run.summary,
        "metadata": run.metadata,
        "backlog_total": event.backlog_total,
        "next_scheduled_at": event.next_scheduled_micros.map(time::column),
        "alerts_sent": event.alerts_sent,
        "revision": event.revision,
        "drift": drift::of(&payload::summary(run)),
    })
}
