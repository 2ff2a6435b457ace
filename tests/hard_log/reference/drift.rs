//! What of a summary, as shown, is not as the canonical summary has it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::exact::Exact;

const PATH_CHARACTERS_MAX: usize = 200;
const ENTRIES_MAX: usize = 100;

/// What a field may be.
#[derive(Clone, Copy)]
enum Kind {
    Integer,
    /// A number or a decimal as text.
    Amount,
    Text,
    TextOrNull,
    Object,
    ObjectOrNull,
    TextOrObject,
    Fields(&'static [(&'static str, Kind)]),
    List(&'static Kind),
}

const ALERT: Kind = Kind::Fields(&[
    ("providerId", Kind::Text),
    ("providerName", Kind::TextOrNull),
    ("reasons", Kind::List(&Kind::Text)),
    ("guardrailFailures", Kind::Integer),
    ("guardrailWarnings", Kind::Integer),
    ("replayFailures", Kind::Integer),
    ("replayTotal", Kind::Integer),
    ("guardrailHotspots", Kind::Object),
    ("ruleOverrides", Kind::Object),
]);

const LINKS: Kind = Kind::Fields(&[
    ("merchandising", Kind::TextOrNull),
    ("fulfillment", Kind::TextOrNull),
    ("orders", Kind::TextOrNull),
]);

const LOAD_ALERT: Kind = Kind::Fields(&[
    ("providerId", Kind::Text),
    ("providerName", Kind::TextOrNull),
    ("presetId", Kind::TextOrNull),
    ("presetLabel", Kind::TextOrNull),
    ("serviceId", Kind::TextOrNull),
    ("serviceAction", Kind::TextOrNull),
    ("currency", Kind::TextOrNull),
    ("shortWindowDays", Kind::Integer),
    ("longWindowDays", Kind::Integer),
    ("shortShare", Kind::Amount),
    ("longShare", Kind::Amount),
    ("shareDelta", Kind::Amount),
    ("shortEngagements", Kind::Integer),
    ("longEngagements", Kind::Integer),
    ("shortAmountTotal", Kind::Amount),
    ("longAmountTotal", Kind::Amount),
    ("links", LINKS),
]);

const SUMMARY: Kind = Kind::Fields(&[
    ("processed", Kind::Integer),
    ("succeeded", Kind::Integer),
    ("failed", Kind::Integer),
    ("scheduledBacklog", Kind::Integer),
    ("nextScheduledAt", Kind::TextOrNull),
    ("alerts", Kind::Integer),
    ("alertsSent", Kind::Integer),
    ("alertsDigest", Kind::List(&ALERT)),
    ("loadAlerts", Kind::Integer),
    ("loadAlertsDigest", Kind::List(&LOAD_ALERT)),
    ("autoPaused", Kind::Integer),
    ("autoResumed", Kind::Integer),
    ("autoPausedProviders", Kind::List(&Kind::TextOrObject)),
    ("autoResumedProviders", Kind::List(&Kind::TextOrObject)),
    ("workflowTelemetry", Kind::ObjectOrNull),
]);

/// `[{"field", "problem"}]`, sorted by field.
pub fn of(summary: &Value) -> Value {
    let mut found = BTreeMap::new();
    check(summary, SUMMARY, String::new(), &mut found);
    let entries = found.into_iter().take(ENTRIES_MAX);
    entries.map(|(field, problem)| json!({"field": shortened(&field), "problem": problem})).collect()
}

fn check(value: &Value, kind: Kind, path: String, found: &mut BTreeMap<String, &'static str>) {
    if !fits(value, kind) {
        found.insert(path, "wrong_type");
        return;
    }
    match kind {
        Kind::List(entry) => {
            value.as_array().unwrap().iter().for_each(|item| check(item, *entry, format!("{path}[]"), found));
        }
        Kind::Fields(known) => {
            for (name, member) in value.as_object().unwrap() {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match known.iter().find(|(field, _)| field == name) {
                    Some((_, kind)) => check(member, *kind, path, found),
                    None => {
                        found.insert(path, "unknown_field");
                    }
                }
            }
        }
        _ => {}
    }
}

fn fits(value: &Value, kind: Kind) -> bool {
    match kind {
        Kind::Integer => matches!(value, Value::Number(n) if Exact::parse(&n.to_string()).unwrap().is_integer()),
        Kind::Amount => value.is_number() || value.as_str().is_some_and(is_decimal_text),
        Kind::Text => value.is_string(),
        Kind::TextOrNull => value.is_string() || value.is_null(),
        Kind::Object | Kind::Fields(_) => value.is_object(),
        Kind::ObjectOrNull => value.is_object() || value.is_null(),
        Kind::TextOrObject => value.is_string() || value.is_object(),
        Kind::List(_) => value.is_array(),
    }
}

/// `-?digits[.digits]`
fn is_decimal_text(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match unsigned.split_once('.') {
        Some((whole, fraction)) => all_digits(whole) && all_digits(fraction),
        None => all_digits(unsigned),
    }
}

fn shortened(path: &str) -> String {
    match path.char_indices().nth(PATH_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &path[..end]),
        None => path.to_owned(),
    }
}
