use proptest::prelude::*;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::*;
use crate::domain::runs::run::{Run, RunStatus, RunType};
use crate::domain::runs::status::status_payload;
use crate::domain::timestamp::Timestamp;

fn run(summary: &str) -> Run {
    Run {
        event_id: Uuid::nil(),
        run_id: Uuid::nil(),
        revision: 1,
        run_type: RunType::Alert,
        status: RunStatus::Success,
        started_at: None,
        ran_at: Timestamp::from_micros(0).unwrap(),
        summary: serde_json::from_str(summary).unwrap(),
        metadata: Map::new(),
        backlog_total: None,
        next_scheduled_at: None,
        alerts_sent: None,
        unreadable: None,
    }
}

fn check(summary: &str, expected: &[(&str, &str)]) {
    let found = drift(&run(summary));
    let found: Vec<_> = found.iter().map(|drift| (drift.field.as_str(), drift.problem.as_str())).collect();
    assert_eq!(found, expected, "{summary}");
}

const WHOLE: &str = r#"{"processed":1,"succeeded":1,"failed":0,"scheduledBacklog":2,"nextScheduledAt":null,
    "alerts":1,"alertsSent":1,"loadAlerts":1,"autoPaused":1,"autoResumed":0,
    "autoPausedProviders":["p"],"autoResumedProviders":[],"workflowTelemetry":{"anything":[1]},
    "alertsDigest":[{"providerId":"p","providerName":"P","reasons":["r"],"guardrailFailures":1,
        "guardrailWarnings":0,"replayFailures":2,"replayTotal":3,"guardrailHotspots":{"s":{}},"ruleOverrides":{}}],
    "loadAlertsDigest":[{"providerId":"p","providerName":"P","presetId":"x","presetLabel":"X","serviceId":"s",
        "serviceAction":"a","currency":"EUR","shortWindowDays":7,"longWindowDays":30,"shortShare":0.5,
        "longShare":"0.25","shareDelta":0.25,"shortEngagements":1,"longEngagements":2,
        "shortAmountTotal":"12.3400","longAmountTotal":99,
        "links":{"merchandising":"/m","fulfillment":"/f","orders":null}}]}"#;

#[test]
fn canonical_summaries_do_not_drift() {
    check("{}", &[]);
    check(WHOLE, &[]);
    check(r#"{"processed":12345678901234567890123,"scheduledBacklog":1e3}"#, &[]);
}

#[test]
fn each_departure_is_told_once_by_its_path() {
    check(r#"{"procesed":1}"#, &[("procesed", "unknown_field")]);
    check(r#"{"processed":"1"}"#, &[("processed", "wrong_type")]);
    check(r#"{"processed":1.5}"#, &[("processed", "wrong_type")]);
    check(
        r#"{"nextScheduledAt":5,"alertsDigest":{}}"#,
        &[("alertsDigest", "wrong_type"), ("nextScheduledAt", "wrong_type")],
    );
    check(
        r#"{"alertsDigest":[{"reasons":"r"},{"reasons":[1,2]},{"reasons":7,"odd":1},3]}"#,
        &[
            ("alertsDigest[]", "wrong_type"),
            ("alertsDigest[].odd", "unknown_field"),
            ("alertsDigest[].reasons", "wrong_type"),
            ("alertsDigest[].reasons[]", "wrong_type"),
        ],
    );
    check(
        r#"{"loadAlertsDigest":[{"links":{"extra":1},"shortShare":"half"}]}"#,
        &[("loadAlertsDigest[].links.extra", "unknown_field"), ("loadAlertsDigest[].shortShare", "wrong_type")],
    );
}

#[test]
fn what_metadata_lends_is_looked_at_too() {
    let lent = Run { metadata: serde_json::from_str(r#"{"alertsDigest":5}"#).unwrap(), ..run("{}") };
    assert_eq!(Drift::to_json(&drift(&lent)).to_string(), r#"[{"field":"alertsDigest","problem":"wrong_type"}]"#);
}

#[test]
fn labels_are_known_fields_or_other() {
    let labels = |summary: &str| -> Vec<String> { drift(&run(summary)).iter().map(|d| d.label().to_owned()).collect() };
    assert_eq!(labels(r#"{"alertsDigest":[{"reasons":1}],"zzz":1}"#), ["alertsDigest", "other"]);
    assert_eq!(labels(r#"{"alertsDigest":[{"zzz":1}]}"#), ["other"]);
}

#[test]
fn reports_are_bounded() {
    let many: Map<String, Value> = (0..5_000).map(|n| (format!("field{n:05}"), n.into())).collect();
    let found = drift(&run(&Value::Object(many).to_string()));
    assert_eq!((found.len(), found[99].field.as_str()), (DRIFTS_MAX, "field00099"));
    let long = format!(r#"{{"{}":1}}"#, "ü".repeat(10_000));
    assert_eq!(drift(&run(&long))[0].field.chars().count(), FIELD_CHARS_MAX + 1);
    let flood = format!(r#"{{"autoPausedProviders":[{}1]}}"#, "1,".repeat(1_000_000));
    check(&flood, &[("autoPausedProviders[]", "wrong_type")]);
}

#[test]
fn stored_form_reads_back() {
    let found = drift(&run(r#"{"alertsDigest":[{"reasons":1}],"zzz":1}"#));
    assert_eq!(serde_json::from_value::<Vec<Drift>>(Drift::to_json(&found)).unwrap(), found);
}

fn json_text() -> impl Strategy<Value = String> {
    let numbers = ["12345678901234567890123", "1.10", "-0", "1e400", "1E+2", "0.1000", "9007199254740993"];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        prop::sample::select(numbers.to_vec()).prop_map(str::to_owned),
        any::<i64>().prop_map(|number| number.to_string()),
        ".{0,6}".prop_map(|text| Value::String(text).to_string()),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|entries| format!("[{}]", entries.join(","))),
            object(inner),
        ]
    })
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let names = ["processed", "alertsDigest", "loadAlertsDigest", "reasons", "links", "orders", "0", "a/b~c", "", "ü"];
    prop::collection::btree_map(prop::sample::select(names.to_vec()), value, 0..6).prop_map(|fields| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{}:{value}", Value::from(*name))).collect();
        format!("{{{}}}", fields.join(","))
    })
}

proptest! {
    #[test]
    fn no_summary_panics_or_changes(summary in object(json_text())) {
        let run = run(&summary);
        let before = status_payload(&run);
        let found = drift(&run);
        prop_assert!(found.windows(2).all(|pair| pair[0].field < pair[1].field));
        prop_assert_eq!(&status_payload(&run), &before);
        prop_assert_eq!(before["summary"].to_string(), serde_json::from_str::<Value>(&summary).unwrap().to_string());
    }
}

#[test]
fn numbers_keep_their_digits() {
    let summary = r#"{"a":12345678901234567890123,"b":1.10,"c":0.1000}"#;
    assert_eq!(status_payload(&run(summary))["summary"].to_string(), summary);
}
