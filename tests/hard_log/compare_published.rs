//! Compares what readers outside Postgres see: Redis and HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::AsyncCommands;
use serde_json::{Value, json};

use crate::hard_log::compare::{assert_json, differences};
use crate::hard_log::reference::exact::canonical;
use crate::hard_log::reference::{Reference, View, backlog_at, micros_of};
use crate::support::{Running, Stack, eventually};

const REDIS_RIGHT_WITHIN: Duration = Duration::from_secs(5);
const STATUS: &str = "/api/v1/fulfillment/providers/automation/status";
const HISTORY: &str = "/api/v1/fulfillment/providers/automation/status/history?limit=100";
const SNAPSHOT: &str = "/api/v1/fulfillment/providers/automation/snapshot";
const BACKLOG: &str = "/api/v1/fulfillment/providers/automation/backlog";

/// Waits until every key in Redis is right; panics with the first that isn't.
pub async fn assert_redis(stack: &Stack, reference: &Reference) {
    eventually(REDIS_RIGHT_WITHIN, || redis_differs(stack, reference)).await;
}

/// The first key that is not right now.
pub async fn redis_differs(stack: &Stack, reference: &Reference) -> Result<(), String> {
    RedisKeys::read(stack).await?.check(reference)
}

struct RedisKeys {
    replay: Option<Value>,
    alerts: Option<Value>,
    backlog: Value,
    by_provider: BTreeMap<String, Value>,
}

impl RedisKeys {
    async fn read(stack: &Stack) -> Result<Self, String> {
        let mut redis = stack.redis().await;
        let prefix = &stack.redis_prefix;
        let names = ["status:replay", "status:alerts", "backlog"].map(|name| format!("{prefix}{name}"));
        let texts: Vec<Option<String>> = redis.mget(&names).await.map_err(|error| error.to_string())?;
        let hash: BTreeMap<String, String> =
            redis.hgetall(format!("{prefix}backlog:by_provider")).await.map_err(|error| error.to_string())?;
        let parse = |text: &String| serde_json::from_str(text).map_err(|error| format!("{error} in {text}"));
        let mut values = Vec::new();
        for text in &texts {
            values.push(text.as_ref().map(parse).transpose()?);
        }
        let by_provider: Result<_, String> = hash.iter().map(|(id, text)| Ok((id.clone(), parse(text)?))).collect();
        let mut values = values.into_iter();
        Ok(Self {
            replay: values.next().flatten(),
            alerts: values.next().flatten(),
            backlog: values.next().flatten().ok_or("no backlog yet")?,
            by_provider: by_provider?,
        })
    }

    fn check(mut self, reference: &Reference) -> Result<(), String> {
        let meta = take_meta(&mut self.backlog)?;
        let now = meta["asOf"].as_str().ok_or("no asOf")?;
        let (all, by_provider) = backlog_at(&reference.scheduled, micros_of(now));
        same("backlog", &self.backlog, &all)?;
        let view = |each: BTreeMap<String, Value>| each.into_iter().collect::<View>();
        let report = differences("backlog:by_provider", &view(self.by_provider), &view(by_provider));
        if !report.is_empty() {
            return Err(report);
        }
        same_status("status:replay", self.replay, reference.replay_history.first())?;
        same_status("status:alerts", self.alerts, reference.alert_history.first())
    }
}

fn same_status(name: &str, stored: Option<Value>, expected: Option<&Value>) -> Result<(), String> {
    match (stored, expected) {
        (Some(mut stored), Some(expected)) => {
            take_meta(&mut stored)?;
            same(name, &stored, expected)
        }
        (None, None) => Ok(()),
        (stored, _) => Err(format!("{name}: stored {stored:?}, expected {expected:?}")),
    }
}

fn take_meta(value: &mut Value) -> Result<Value, String> {
    let meta = value.as_object_mut().and_then(|object| object.remove("meta")).ok_or("no meta")?;
    let whole = |name: &str| meta[name].is_u64().then_some(()).ok_or(format!("meta has no {name}: {meta}"));
    whole("epoch")?;
    whole("version")?;
    whole("generation")?;
    Ok(meta)
}

fn same(name: &str, stored: &Value, expected: &Value) -> Result<(), String> {
    let (stored, expected) = (canonical(stored), canonical(expected));
    if stored == expected { Ok(()) } else { Err(format!("{name}\n  stored   {stored}\n  expected {expected}")) }
}

/// Status, history, snapshot and backlog of the HTTP API.
pub async fn assert_http(running: &Running, reference: &Reference) {
    let mut status = running.json(STATUS).await;
    for kind in ["replay", "alerts"] {
        status[kind].as_object_mut().map(|payload| payload.remove("meta"));
    }
    let latest = |history: &[Value]| history.first().cloned().unwrap_or(Value::Null);
    let expected = json!({"replay": latest(&reference.replay_history), "alerts": latest(&reference.alert_history)});
    assert_json("status", &status, &expected);
    assert_history(running, reference).await;
    assert_snapshot(running, reference).await;
    assert_backlog(running, reference).await;
}

async fn assert_history(running: &Running, reference: &Reference) {
    let history = running.json(HISTORY).await;
    for (kind, expected) in [("replay", &reference.replay_history), ("alerts", &reference.alert_history)] {
        let shown = history[kind].as_array().unwrap_or_else(|| panic!("no {kind} in {history}"));
        assert_eq!(shown.len(), expected.len().min(100), "{kind} in the history");
        for (shown, expected) in shown.iter().zip(expected) {
            assert_json(&format!("history of {kind}"), shown, expected);
        }
    }
}

async fn assert_snapshot(running: &Running, reference: &Reference) {
    let snapshot = running.json(SNAPSHOT).await;
    assert_json("aggregated", &snapshot["aggregated"], &reference.aggregate);
    let shown: View = snapshot["providers"].as_array().unwrap().iter().map(provider).collect();
    let rows = reference.views["provider_telemetry"].iter();
    let rename =
        |row: &Value| json!({"id": row["provider_id"], "name": row["provider_name"], "telemetry": row["telemetry"]});
    let expected: View = rows.map(|(id, row)| (id.clone(), rename(row))).collect();
    let report = differences("providers of the snapshot", &shown, &expected);
    assert!(report.is_empty(), "{report}");
}

/// Its backlog is compared where it stands alone.
fn provider(entry: &Value) -> (String, Value) {
    let mut entry = entry.clone();
    entry.as_object_mut().unwrap().remove("backlog");
    (entry["id"].as_str().unwrap().to_owned(), entry)
}

async fn assert_backlog(running: &Running, reference: &Reference) {
    let backlog = running.json(BACKLOG).await;
    let (all, _) = backlog_at(&reference.scheduled, 0);
    for field in ["scheduledBacklog", "nextScheduledAt"] {
        assert_json(&format!("{field} of the backlog"), &backlog[field], &all[field]);
    }
}
