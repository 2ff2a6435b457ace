//! The status payload of a run.

use serde_json::{Value, json};

use super::runs::Run;
use super::time;

/// Without `meta`.
pub fn status(run: &Run<'_>) -> Value {
    let event = run.event;
    let mut payload = json!({
        "ranAt": time::iso(event.ran_micros),
        "summary": summary(run),
        "runId": event.run_id.to_string(),
        "status": event.status,
        "revision": event.revision,
    });
    if run.metadata.as_object().is_some_and(|metadata| !metadata.is_empty()) {
        payload["metadata"] = run.metadata.clone();
    }
    payload
}

/// The summary as shown: what it lacks is filled in from the run's columns and its metadata.
pub fn summary(run: &Run<'_>) -> Value {
    let (event, metadata) = (run.event, &run.metadata);
    let mut shown = run.summary.clone();
    let mut fill = |name: &str, value: Value| {
        let object = shown.as_object_mut().unwrap();
        if !value.is_null() && !object.contains_key(name) {
            object.insert(name.to_owned(), value);
        }
    };
    fill("scheduledBacklog", json!(event.backlog_total));
    fill("nextScheduledAt", json!(event.next_scheduled_micros.map(time::iso)));
    fill("alertsSent", json!(event.alerts_sent));
    for digest in ["alertsDigest", "loadAlertsDigest"] {
        fill(digest, metadata[digest].clone());
    }
    for (list, count) in [("autoPausedProviders", "autoPaused"), ("autoResumedProviders", "autoResumed")] {
        if let Some(entries) = metadata[list].as_array() {
            fill(list, json!(entries));
            fill(count, json!(entries.len()));
        }
    }
    shown
}
