//! Telemetry of a provider and of all providers, as sums of what each order contributes.
//!
//! Counts are kept as deltas (`contribution(after) - contribution(before)`), so that reading them costs the
//! same at a million orders as at ten.

use std::collections::BTreeMap;

use hashbrown::{Equivalent, HashMap};
use serde::Serialize;
use utoipa::ToSchema;

use super::guardrail::GuardrailStatus;

/// What is counted. The text names are those of the `telemetry_counts` table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CountKind {
    /// Orders, placed or not.
    Orders,
    /// Orders of which at least one of 1..last_sequence is not there.
    Gaps,
    Placed,
    Executed,
    Failed,
    Scheduled,
    Guardrail(GuardrailStatus),
    Rule,
}

impl CountKind {
    pub const ALL: [CountKind; 10] = [
        CountKind::Orders,
        CountKind::Gaps,
        CountKind::Placed,
        CountKind::Executed,
        CountKind::Failed,
        CountKind::Scheduled,
        CountKind::Guardrail(GuardrailStatus::Pass),
        CountKind::Guardrail(GuardrailStatus::Warn),
        CountKind::Guardrail(GuardrailStatus::Fail),
        CountKind::Rule,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            CountKind::Orders => "orders",
            CountKind::Gaps => "gaps",
            CountKind::Placed => "placed",
            CountKind::Executed => "executed",
            CountKind::Failed => "failed",
            CountKind::Scheduled => "scheduled",
            CountKind::Guardrail(GuardrailStatus::Idle) => "guardrail_idle",
            CountKind::Guardrail(GuardrailStatus::Pass) => "guardrail_pass",
            CountKind::Guardrail(GuardrailStatus::Warn) => "guardrail_warn",
            CountKind::Guardrail(GuardrailStatus::Fail) => "guardrail_fail",
            CountKind::Rule => "rule",
        }
    }

    pub fn parse(text: &str) -> Option<CountKind> {
        CountKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What one count is about. `provider_id` and `service_id` are unknown while an order's OrderPlaced is missing;
/// `rule_id` and `label` belong to `Rule` alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountKey {
    pub kind: CountKind,
    pub provider_id: Option<String>,
    pub service_id: Option<String>,
    pub rule_id: Option<String>,
    pub label: Option<String>,
}

/// A `CountKey` that is looked up: a key of its own is made for the first of all its counts. Its fields are hashed as those
/// of a `CountKey` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Counted<'k> {
    pub kind: CountKind,
    pub provider_id: Option<&'k str>,
    pub service_id: Option<&'k str>,
    pub rule_id: Option<&'k str>,
    pub label: Option<&'k str>,
}

impl Counted<'_> {
    fn key(&self) -> CountKey {
        CountKey {
            kind: self.kind,
            provider_id: self.provider_id.map(str::to_owned),
            service_id: self.service_id.map(str::to_owned),
            rule_id: self.rule_id.map(str::to_owned),
            label: self.label.map(str::to_owned),
        }
    }
}

impl CountKey {
    pub fn as_counted(&self) -> Counted<'_> {
        Counted {
            kind: self.kind,
            provider_id: self.provider_id.as_deref(),
            service_id: self.service_id.as_deref(),
            rule_id: self.rule_id.as_deref(),
            label: self.label.as_deref(),
        }
    }
}

impl Equivalent<CountKey> for Counted<'_> {
    fn equivalent(&self, key: &CountKey) -> bool {
        *self == key.as_counted()
    }
}

/// Signed counts; a key whose count comes back to zero is as if it had never been there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(HashMap<CountKey, i64>);

impl Counts {
    pub fn add(&mut self, counted: &Counted<'_>, count: i64) {
        if count == 0 {
            return;
        }
        let Some(sum) = self.0.get_mut(counted) else {
            self.0.insert(counted.key(), count);
            return;
        };
        *sum += count;
        if *sum == 0 {
            self.0.remove(counted);
        }
    }

    /// In the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&CountKey, i64)> {
        let mut counts: Vec<(&CountKey, i64)> = self.0.iter().map(|(key, count)| (key, *count)).collect();
        counts.sort_unstable();
        counts.into_iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Counts over the orders of one provider, or of all orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Telemetry {
    /// Number of placed orders: those whose OrderPlaced event was received.
    #[schema(minimum = 0, examples(1250))]
    pub total_orders: i64,
    pub replays: ReplayCounts,
    pub guardrails: GuardrailCounts,
    /// The same as `guardrails`, by service id. A service with nothing to count is absent.
    pub guardrail_hits_by_service: BTreeMap<String, GuardrailCounts>,
    /// By service id. A service with nothing to count is absent.
    pub rule_overrides_by_service: BTreeMap<String, RuleOverrides>,
}

/// `total`, `executed` and `failed` count attempts; `scheduled` counts replays that are scheduled now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReplayCounts {
    /// Attempts: executed and failed ones.
    #[schema(minimum = 0, examples(310))]
    pub total: i64,
    /// Attempts that the provider accepted.
    #[schema(minimum = 0, examples(297))]
    pub executed: i64,
    /// Attempts that failed.
    #[schema(minimum = 0, examples(13))]
    pub failed: i64,
    /// Replays with status `scheduled`.
    #[schema(minimum = 0, examples(42))]
    pub scheduled: i64,
}

/// Number of orders by guardrail status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct GuardrailCounts {
    /// All orders that are not `idle`.
    #[schema(minimum = 0, examples(1180))]
    pub evaluated: i64,
    /// Orders within their limits.
    #[schema(minimum = 0, examples(1101))]
    pub pass: i64,
    /// Orders whose margin is below the warning limit.
    #[schema(minimum = 0, examples(58))]
    pub warn: i64,
    /// Orders whose margin is below a minimum.
    #[schema(minimum = 0, examples(21))]
    pub fail: i64,
}

/// How often override rules applied to the orders of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleOverrides {
    /// The sum over all rules. A rule that applies twice to an order counts twice.
    #[schema(minimum = 0, examples(17))]
    pub total_overrides: i64,
    /// By rule id.
    pub rules: BTreeMap<String, RuleOverride>,
}

/// How often one override rule applied to the orders of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleOverride {
    /// The rule's id.
    #[schema(examples("rule-peak-hours"))]
    pub id: String,
    /// Of the labels that orders give the rule, the smallest by code point; null if they give none.
    #[schema(examples("Peak hours"))]
    pub label: Option<String>,
    /// How often it applied.
    #[schema(minimum = 0, examples(17))]
    pub count: i64,
}

impl GuardrailCounts {
    fn add(&mut self, status: GuardrailStatus, count: i64) {
        match status {
            GuardrailStatus::Idle => return,
            GuardrailStatus::Pass => self.pass += count,
            GuardrailStatus::Warn => self.warn += count,
            GuardrailStatus::Fail => self.fail += count,
        }
        self.evaluated += count;
    }
}

impl Telemetry {
    /// Sums counts into one payload. Give it one provider's counts, or all of them for the aggregate.
    pub fn sum<'a>(counts: impl IntoIterator<Item = (&'a CountKey, i64)>) -> Telemetry {
        let mut telemetry = Telemetry::default();
        for (key, count) in counts {
            telemetry.add(key, count);
        }
        telemetry.guardrail_hits_by_service.retain(|_, hits| hits.evaluated != 0);
        for overrides in telemetry.rule_overrides_by_service.values_mut() {
            overrides.rules.retain(|_, rule| rule.count != 0);
        }
        telemetry.rule_overrides_by_service.retain(|_, overrides| overrides.total_overrides != 0);
        telemetry
    }

    fn add(&mut self, key: &CountKey, count: i64) {
        match key.kind {
            CountKind::Orders | CountKind::Gaps => {}
            CountKind::Placed => self.total_orders += count,
            CountKind::Executed => {
                self.replays.executed += count;
                self.replays.total += count;
            }
            CountKind::Failed => {
                self.replays.failed += count;
                self.replays.total += count;
            }
            CountKind::Scheduled => self.replays.scheduled += count,
            CountKind::Guardrail(status) => {
                self.guardrails.add(status, count);
                if let Some(service_id) = &key.service_id {
                    self.guardrail_hits_by_service.entry(service_id.clone()).or_default().add(status, count);
                }
            }
            CountKind::Rule => self.add_rule(key, count),
        }
    }

    fn add_rule(&mut self, key: &CountKey, count: i64) {
        let (Some(service_id), Some(rule_id)) = (&key.service_id, &key.rule_id) else { return };
        let overrides = self.rule_overrides_by_service.entry(service_id.clone()).or_default();
        overrides.total_overrides += count;
        let rule = overrides.rules.entry(rule_id.clone()).or_default();
        rule.id.clone_from(rule_id);
        rule.count += count;
        let smaller = |label: &String| rule.label.as_ref().is_none_or(|smallest| label < smallest);
        if count > 0 && key.label.as_ref().is_some_and(smaller) {
            rule.label.clone_from(&key.label);
        }
    }
}
