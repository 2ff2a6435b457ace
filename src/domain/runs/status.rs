//! The status payload of a run: what Redis, the API, the page and the export show of it.

use serde_json::{Map, Value};

use super::run::Run;

/// Lists that a run's metadata may hold instead of the summary, each with the field that counts it.
const COUNTED_LISTS: [(&str, &str); 2] =
    [("autoPausedProviders", "autoPaused"), ("autoResumedProviders", "autoResumed")];

/// `{runId, status, revision, ranAt, summary, metadata?, unreadable?}`.
///
/// `summary` is the run's own, see [`completed_summary`]; `metadata` is present if it is a non-empty object. `unreadable`
/// says why one of them is left out, so that one stored run that can't be read doesn't hide all others.
pub fn status_payload(run: &Run) -> Map<String, Value> {
    let mut payload = Map::new();
    payload.insert("runId".into(), run.run_id.to_string().into());
    payload.insert("status".into(), run.status.as_str().into());
    payload.insert("revision".into(), run.revision.into());
    payload.insert("ranAt".into(), run.ran_at.to_string().into());
    payload.insert("summary".into(), Value::Object(completed_summary(run)));
    if !run.metadata.is_empty() {
        payload.insert("metadata".into(), Value::Object(run.metadata.clone()));
    }
    if let Some(why) = &run.unreadable {
        payload.insert("unreadable".into(), why.as_str().into());
    }
    payload
}

/// The run's summary, with absent keys filled in from the run's other fields.
///
/// A key that is present stays as it is, even if null. A null source fills in nothing: readers distinguish "not
/// reported" (absent) from "reported as none" (null), and a run of one type doesn't get the other type's fields.
pub fn completed_summary(run: &Run) -> Map<String, Value> {
    let mut summary = run.summary.clone();
    fill(&mut summary, "scheduledBacklog", run.backlog_total.map(Value::from));
    fill(&mut summary, "nextScheduledAt", run.next_scheduled_at.map(|time| time.to_string().into()));
    fill(&mut summary, "alertsSent", run.alerts_sent.map(Value::from));
    for digest in ["alertsDigest", "loadAlertsDigest"] {
        fill(&mut summary, digest, run.metadata.get(digest).filter(|value| !value.is_null()).cloned());
    }
    for (list, count) in COUNTED_LISTS {
        let entries = run.metadata.get(list).and_then(Value::as_array);
        fill(&mut summary, list, entries.map(|entries| Value::Array(entries.clone())));
        fill(&mut summary, count, entries.map(|entries| entries.len().into()));
    }
    summary
}

fn fill(summary: &mut Map<String, Value>, key: &str, source: Option<Value>) {
    if let Some(value) = source
        && !summary.contains_key(key)
    {
        summary.insert(key.into(), value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::domain::runs::run::{RunStatus, RunType};
    use crate::domain::timestamp::Timestamp;

    fn run(summary: &str, metadata: &str) -> Run {
        Run {
            event_id: Uuid::nil(),
            run_id: Uuid::nil(),
            revision: 2,
            run_type: RunType::Replay,
            status: RunStatus::Partial,
            started_at: None,
            ran_at: Timestamp::parse("2026-11-23T10:00:00Z").unwrap(),
            summary: serde_json::from_str(summary).unwrap(),
            metadata: serde_json::from_str(metadata).unwrap(),
            backlog_total: None,
            next_scheduled_at: None,
            alerts_sent: None,
            unreadable: None,
        }
    }

    #[test]
    fn a_bare_run_shows_nothing_that_nobody_reported() {
        let expected = json!({
            "runId": "00000000-0000-0000-0000-000000000000",
            "status": "partial",
            "revision": 2,
            "ranAt": "2026-11-23T10:00:00.000000+00:00",
            "summary": {"processed": 3},
        });
        assert_eq!(Value::Object(status_payload(&run(r#"{"processed":3}"#, "{}"))), expected);
    }

    #[test]
    fn absent_keys_are_filled_in_and_present_ones_stay() {
        let full = Run {
            backlog_total: Some(7),
            next_scheduled_at: Timestamp::parse("2026-11-23T11:30:00+01:00"),
            alerts_sent: Some(2),
            ..run("{}", "{}")
        };
        assert_eq!(
            Value::Object(completed_summary(&full)),
            json!({"scheduledBacklog": 7, "nextScheduledAt": "2026-11-23T10:30:00.000000+00:00", "alertsSent": 2})
        );
        let present = r#"{"scheduledBacklog":null,"nextScheduledAt":"soon","alertsSent":"x"}"#;
        let kept = Run { summary: serde_json::from_str(present).unwrap(), ..full };
        assert_eq!(
            serde_json::to_value(completed_summary(&kept)).unwrap(),
            serde_json::from_str::<Value>(present).unwrap()
        );
    }

    #[test]
    fn metadata_lends_digests_that_are_not_null_and_lists_that_are_lists() {
        let metadata = r#"{"alertsDigest":[{"providerId":"p"}],"loadAlertsDigest":null,
            "autoPausedProviders":["a","b"],"autoResumedProviders":"c","other":1}"#;
        let shown = status_payload(&run("{}", metadata));
        assert_eq!(
            shown["summary"],
            json!({"alertsDigest": [{"providerId": "p"}], "autoPausedProviders": ["a", "b"], "autoPaused": 2})
        );
        assert_eq!(shown["metadata"], serde_json::from_str::<Value>(metadata).unwrap());
        let counted = status_payload(&run(r#"{"autoPausedProviders":["z"]}"#, metadata));
        assert_eq!(counted["summary"]["autoPausedProviders"], json!(["z"]));
        assert_eq!(counted["summary"]["autoPaused"], json!(2));
    }
}
