//! The automation workers' reports, in the canonical form of schemas/run-summary.schema.json.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::domain::orders::event::Payload;
use crate::domain::orders::guardrail::{GuardrailStatus, guardrail_status};
use crate::domain::runs::run::{Run, RunStatus, RunType};
use crate::domain::timestamp::Timestamp;

use super::catalog::{PRESETS, PROVIDERS, Provider};
use super::pending::Pending;
use super::random::Chance;

/// This many failed replays or guardrails of a provider trigger an alert.
const ALERT_FROM: u64 = 2;

/// What the workers have seen since their last runs.
#[derive(Debug)]
pub struct Workers {
    namespace: Uuid,
    runs: u64,
    last: Option<Run>,
    executed: u64,
    failed: u64,
    seen: BTreeMap<&'static str, Seen>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    guardrail_failures: u64,
    guardrail_warnings: u64,
    replay_failures: u64,
    replays: u64,
}

impl Workers {
    pub fn new(namespace: Uuid) -> Workers {
        Workers { namespace, runs: 0, last: None, executed: 0, failed: 0, seen: BTreeMap::new() }
    }

    pub fn saw_order(&mut self, payload: &Payload) {
        let Payload::OrderPlaced(placed) = payload else { return };
        let Some(provider) = PROVIDERS.iter().find(|provider| provider.id == placed.provider_id) else { return };
        let status = guardrail_status(placed.guardrails.as_ref(), placed.provider_cost.as_ref(), Some(&placed.amount));
        let seen = self.seen.entry(provider.id).or_default();
        seen.guardrail_failures += u64::from(status == GuardrailStatus::Fail);
        seen.guardrail_warnings += u64::from(status == GuardrailStatus::Warn);
    }

    pub fn saw_outcome(&mut self, provider: &Provider, payload: &Payload) {
        let failed = match payload {
            Payload::ReplayExecuted(_) => false,
            Payload::ReplayFailed(_) => true,
            _ => return,
        };
        self.executed += u64::from(!failed);
        self.failed += u64::from(failed);
        let seen = self.seen.entry(provider.id).or_default();
        seen.replays += 1;
        seen.replay_failures += u64::from(failed);
    }

    /// Replay and alert runs alternate; occasionally the last one is corrected.
    pub fn run(&mut self, now: Timestamp, pending: &Pending, chance: &mut Chance) -> Run {
        let event_id = Uuid::new_v5(&self.namespace, format!("run event {}", self.runs).as_bytes());
        let run_id = Uuid::new_v5(&self.namespace, format!("run {}", self.runs).as_bytes());
        self.runs += 1;
        if let Some(last) = self.last.take_if(|_| chance.percent(8)) {
            return Run { event_id, revision: 2, status: RunStatus::Success, ..last };
        }
        let mut run = Run {
            event_id,
            run_id,
            revision: 1,
            run_type: RunType::Replay,
            status: RunStatus::Success,
            started_at: Timestamp::from_micros(now.micros() - chance.between(200_000, 4_000_000)),
            ran_at: now,
            summary: Map::new(),
            metadata: object(json!({ "worker": "sample", "run": self.runs })),
            backlog_total: None,
            next_scheduled_at: None,
            alerts_sent: None,
            unreadable: None,
        };
        if self.runs % 2 == 1 {
            self.replay(&mut run, pending)
        } else {
            self.alert(&mut run, chance)
        }
        self.last = Some(run.clone());
        run
    }

    fn replay(&mut self, run: &mut Run, pending: &Pending) {
        let (executed, failed) = (std::mem::take(&mut self.executed), std::mem::take(&mut self.failed));
        run.status = match (executed, failed) {
            (_, 0) => RunStatus::Success,
            (0, _) => RunStatus::Failed,
            _ => RunStatus::Partial,
        };
        run.backlog_total = i64::try_from(pending.len()).ok();
        run.next_scheduled_at = pending.next_due();
        run.summary = object(json!({
            "processed": executed + failed,
            "succeeded": executed,
            "failed": failed,
            "scheduledBacklog": pending.len(),
            "nextScheduledAt": pending.next_due().map(|due| due.to_string()),
        }));
    }

    fn alert(&mut self, run: &mut Run, chance: &mut Chance) {
        run.run_type = RunType::Alert;
        let seen = std::mem::take(&mut self.seen);
        let alerts: Vec<Value> =
            PROVIDERS.iter().filter_map(|provider| alert(provider, seen.get(provider.id)?)).collect();
        let loads: Vec<Value> = PROVIDERS.iter().filter(|_| chance.percent(6)).map(load_alert).collect();
        let paused: Vec<&str> = PROVIDERS.iter().filter(|_| chance.percent(2)).map(|provider| provider.id).collect();
        let sent = alerts.len() + loads.len();
        run.alerts_sent = i32::try_from(sent).ok();
        run.summary = object(json!({
            "alerts": alerts.len(),
            "alertsSent": sent,
            "alertsDigest": alerts,
            "loadAlerts": loads.len(),
            "loadAlertsDigest": loads,
            "autoPaused": paused.len(),
            "autoResumed": 0,
            "autoPausedProviders": paused,
            "autoResumedProviders": [],
            "workflowTelemetry": { "durationMs": chance.between(120, 4_000) },
        }));
    }
}

fn alert(provider: &Provider, seen: &Seen) -> Option<Value> {
    let mut reasons = Vec::new();
    if seen.guardrail_failures >= ALERT_FROM {
        reasons.push(format!("{} orders below the minimum margin", seen.guardrail_failures));
    }
    if seen.replay_failures >= ALERT_FROM {
        reasons.push(format!("{} of {} replays failed", seen.replay_failures, seen.replays));
    }
    (!reasons.is_empty()).then(|| {
        json!({
            "providerId": provider.id,
            "providerName": provider.name,
            "reasons": reasons,
            "guardrailFailures": seen.guardrail_failures,
            "guardrailWarnings": seen.guardrail_warnings,
            "replayFailures": seen.replay_failures,
            "replayTotal": seen.replays,
            "guardrailHotspots": {},
            "ruleOverrides": {},
        })
    })
}

fn load_alert(provider: &Provider) -> Value {
    let (preset_id, preset_label) = PRESETS[provider.id.len() % PRESETS.len()];
    let (service_id, action) = provider.services[0];
    json!({
        "providerId": provider.id,
        "providerName": provider.name,
        "presetId": preset_id,
        "presetLabel": preset_label,
        "serviceId": service_id,
        "serviceAction": action,
        "currency": provider.currency,
        "shortWindowDays": 7,
        "longWindowDays": 30,
        "shortShare": "0.42",
        "longShare": "0.27",
        "shareDelta": "0.15",
        "shortEngagements": 420,
        "longEngagements": 1_160,
        "shortAmountTotal": "1830.5000",
        "longAmountTotal": "5210.2500",
        "links": { "merchandising": null, "fulfillment": null, "orders": null },
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
