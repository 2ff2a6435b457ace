use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::families::ALL;
use super::gauges::{DomainValues, EngineValues, PartitionValues};
use super::health::{self, Severity};
use super::metrics::{self, Metrics};
use crate::domain::change::Tally;
use crate::domain::generations::verification::{Proof, VerifyResult};
use crate::domain::log::rejection::Reason;
use crate::domain::runs::run::RunType;
use crate::domain::runs::summary::{Drift, DriftProblem};
use crate::domain::timestamp::Timestamp;
use crate::domain::views::backlog::{Backlog, ProviderBacklog};
use crate::domain::views::rows::OpenDeadLetters;

const OF_THE_CONTRACT: [&str; 20] = [
    "foldback_dead_letter_oldest_timestamp_seconds",
    "provider_automation_replay_backlog",
    "provider_automation_replay_overdue",
    "provider_automation_next_replay_timestamp_seconds",
    "provider_automation_last_run_timestamp_seconds",
    "provider_automation_last_run_alerts_sent",
    "foldback_records_total",
    "foldback_lag_records",
    "foldback_event_to_commit_seconds",
    "foldback_commit_seconds",
    "foldback_dead_letters",
    "foldback_orders_with_gaps",
    "foldback_summary_drift_total",
    "foldback_redis_publish_seconds",
    "foldback_live_generation",
    "foldback_rebuild_progress_ratio",
    "foldback_build_info",
    "foldback_partition_stalled_seconds",
    "foldback_open_transaction_records",
    "foldback_verify_last_success_timestamp_seconds",
];

fn provider(id: Option<&str>, count: i64, next: Option<i64>) -> ProviderBacklog {
    let next_scheduled_at = next.and_then(Timestamp::from_micros);
    let backlog = Backlog { scheduled_backlog: count, next_scheduled_at, overdue: 1 };
    ProviderBacklog { provider_id: id.map(str::to_owned), backlog }
}

fn record_everything(shown: &Metrics) {
    metrics::describe();
    metrics::build_info("1.2.3");
    metrics::records("provider-orders", Tally { applied: 5, duplicate: 2, dead_letter: 0 });
    metrics::event_to_commit(Duration::from_millis(30), 7);
    metrics::commit_seconds(Duration::from_millis(3));
    metrics::redis_publish_seconds(Duration::from_millis(1));
    metrics::summary_drift(&[Drift { field: "alertsDigest[].reasons".into(), problem: DriftProblem::WrongType }]);
    metrics::http_request(401);
    metrics::live_generation(7);
    metrics::rebuild_progress_ratio(0.5);
    shown.partitions.show(vec![PartitionValues {
        topic: "provider-orders".into(),
        partition: 3,
        lag_records: Some(12),
        open_transaction_records: Some(2),
        stalled_seconds: 1.5,
    }]);
    shown.readiness.raise(health::POSTGRES, Severity::Unready, "away");
    shown.readiness.raise(&health::stalled("provider-orders", 3), Severity::Unready, "Postgres is away");
    shown.readiness.raise(&health::stalled("provider-orders", 4), Severity::Unready, "Postgres is away");
    shown.partitions.stopped("provider-orders", 3, Some(Reason::Malformed));
    shown.domain.sure_until(Instant::now() + Duration::from_secs(60));
    shown.domain.redis_up(true);
    shown.domain.show(DomainValues {
        providers: vec![provider(Some("a\"b\\c\n"), 2, Some(1_500_000)), provider(None, 1, None)],
        last_runs: vec![(RunType::Alert, Timestamp::from_micros(2_250_000).unwrap())],
        alerts_sent: Some(4.0),
    });
    let oldest = Timestamp::from_micros(3_500_000);
    let dead_letters = OpenDeadLetters { counts: vec![(Reason::Invalid, 2)], oldest };
    let oldest_gap = Timestamp::from_micros(4_500_000);
    shown.domain.show_engine(EngineValues { dead_letters, orders_with_gaps: 3, oldest_gap });
    let last_runs = vec![(VerifyResult::Different, Timestamp::from_micros(6_500_000).unwrap())];
    shown.domain.show_proof(Proof { equal_at: Timestamp::from_micros(5_500_000), last_runs, differences: Some(2) });
}

fn recorded() -> (Metrics, String) {
    let (shown, recorder) = Metrics::new().unwrap();
    ::metrics::with_local_recorder(&recorder, || record_everything(&shown));
    let text = shown.render();
    (shown, text)
}

fn types(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect()
}

#[test]
fn what_is_shown_is_what_is_declared() {
    let (_, text) = recorded();
    let declared: BTreeMap<_, _> = ALL.iter().map(|family| (family.name, family.kind.as_str())).collect();
    assert_eq!(types(&text), declared);
    for name in OF_THE_CONTRACT {
        assert!(declared.contains_key(name), "{name}");
    }
    for family in ALL {
        assert!(text.contains(&format!("# HELP {} {}\n", family.name, family.help)), "{}", family.name);
        let series = text.lines().find(|line| line.starts_with(family.name)).unwrap();
        for label in family.labels {
            assert!(series.contains(&format!("{label}=\"")), "{series}");
        }
    }
}

#[test]
fn values_are_shown_by_their_labels() {
    let (_, text) = recorded();
    for line in [
        r#"provider_automation_replay_backlog{provider_id="a\"b\\c\n"} 2"#,
        r#"provider_automation_replay_backlog{provider_id="unknown"} 1"#,
        r#"provider_automation_next_replay_timestamp_seconds{provider_id="a\"b\\c\n"} 1.5"#,
        r#"provider_automation_last_run_timestamp_seconds{run_type="alert"} 2.25"#,
        "provider_automation_last_run_alerts_sent 4",
        r#"foldback_lag_records{topic="provider-orders",partition="3"} 12"#,
        r#"foldback_open_transaction_records{topic="provider-orders",partition="3"} 2"#,
        r#"foldback_partition_stalled_seconds{topic="provider-orders",partition="3"} 1.5"#,
        r#"foldback_condition{name="postgres",severity="unready"} 1"#,
        r#"foldback_condition{name="stalled",severity="unready"} 2"#,
        r#"foldback_partition_stopped{topic="provider-orders",partition="3",reason="malformed"} 1"#,
        r#"foldback_records_total{topic="provider-orders",outcome="duplicate"} 2"#,
        r#"foldback_records_total{topic="provider-orders",outcome="dead_letter"} 0"#,
        r#"foldback_summary_drift_total{field="alertsDigest"} 1"#,
        r#"foldback_dead_letters{reason="invalid"} 2"#,
        r#"foldback_dead_letters{reason="malformed"} 0"#,
        "foldback_orders_with_gaps 3",
        r#"foldback_http_requests_total{status="401"} 1"#,
        "foldback_gap_oldest_timestamp_seconds 4.5",
        "foldback_verify_last_success_timestamp_seconds 5.5",
        r#"foldback_verify_last_run_timestamp_seconds{result="different"} 6.5"#,
        "foldback_verify_differences 2",
        "foldback_live_generation 7",
        r#"foldback_event_to_commit_seconds_bucket{le="0.025"} 0"#,
        r#"foldback_event_to_commit_seconds_bucket{le="0.05"} 7"#,
        "foldback_event_to_commit_seconds_count 7",
        r#"foldback_build_info{version="1.2.3"} 1"#,
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\nis not in\n{text}");
    }
    let next = "provider_automation_next_replay_timestamp_seconds{provider_id=\"unknown\"}";
    assert!(!text.contains(next), "absent when there is no time");
}

#[test]
fn series_vanish_with_what_they_tell_of() {
    let (shown, _) = recorded();
    shown.partitions.show(Vec::new());
    shown.partitions.stopped("provider-orders", 3, None);
    shown.readiness.clear(health::POSTGRES);
    let text = shown.render();
    for gone in ["foldback_lag_records", "foldback_open_", "foldback_partition_", "name=\"postgres\""] {
        assert!(!text.contains(gone), "{gone} in\n{text}");
    }
    shown.domain.show(DomainValues { providers: vec![provider(Some("b"), 1, None)], ..DomainValues::default() });
    let text = shown.render();
    assert!(text.contains("backlog{provider_id=\"b\"} 1") && !text.contains("\"unknown\""), "{text}");
    assert!(!text.contains("automation_last_run"), "{text}");
}

#[test]
fn gauges_of_the_leader_go_when_it_is_not_sure_any_more() {
    for unsure in [(|shown: &Metrics| shown.domain.clear()) as fn(&Metrics), |shown| {
        shown.domain.sure_until(Instant::now() - Duration::from_millis(1))
    }] {
        let (shown, text) = recorded();
        assert!(text.contains("provider_automation_") && text.contains("foldback_publisher_leader 1"), "{text}");
        unsure(&shown);
        let text = shown.render();
        assert!(!text.contains("provider_automation_") && !text.contains("foldback_dead_letters"), "{text}");
        assert!(text.contains("foldback_publisher_leader 0") && text.contains("foldback_records_total"), "{text}");
    }
}

#[test]
fn prometheus_accepts_the_text() {
    let (_, text) = recorded();
    let promtool =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut promtool) = promtool else { panic!("promtool is on the PATH (Debian: prometheus)") };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let findings = String::from_utf8_lossy(&output.stderr);
    // The name is the contract's, and `summary` in it is no metric type.
    let known = "foldback_summary_drift_total metric name should not include type 'summary'";
    assert!(findings.lines().all(|finding| finding == known), "{findings}\n{text}");
}

#[test]
fn the_documentation_lists_every_metric() {
    let document = include_str!("../../docs/metrics.md");
    let rows: BTreeSet<Vec<String>> = document
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').skip(1).take(3).map(|cell| cell.trim().replace('`', "")).collect())
        .collect();
    let declared = ALL
        .iter()
        .map(|family| vec![family.name.to_owned(), family.kind.as_str().to_owned(), family.labels.join(", ")])
        .collect();
    assert_eq!(rows, declared);
}
