//! Compares everything that readers see with the reference fold of what stands in the log.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use serde_json::Value;

use super::report::Outcome;
use super::standing;
use super::trial::{Trial, panic_text};
use crate::hard_log::compare::{Kind, differences, differing_rows, read_views};
use crate::hard_log::compare_published::{assert_http, redis_differs};
use crate::hard_log::reference::{Reference, View};

/// For what is published at a pace of its own.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(60);

pub async fn of(trial: &mut Trial) -> Outcome {
    let stored = standing::standing(trial).await;
    let live = trial.generation_in_state("live").await.expect("a generation is live");
    let reference = Reference::of(&stored).in_generation(live);
    let mut outcome = Outcome::default();
    compare_views(trial, &reference, &mut outcome).await;
    if let Err(text) = within(|| async { redis_differs(&trial.stack, &reference).await }).await {
        outcome.add_differing(1, &text);
    }
    if let Err(text) = within(|| gauges_differ(trial, &reference)).await {
        outcome.add_differing(1, &text);
    }
    let compared = AssertUnwindSafe(assert_http(&trial.fleet.members()[0], &reference)).catch_unwind().await;
    if let Err(panic) = compared {
        outcome.add_differing(1, &panic_text(&*panic));
    }
    outcome
}

async fn compare_views(trial: &Trial, reference: &Reference, outcome: &mut Outcome) {
    let views = read_views(&mut trial.stack.postgres().await, "foldback").await;
    for (name, mut stored) in views {
        // What was redriven is in the other views.
        stored.retain(|_, row| row.get("redriven_at").is_none_or(Value::is_null));
        let expected = &reference.views[name];
        for row in differing_rows(&stored, expected) {
            let holds_records = ["provider_order_events", "dead_letters"].contains(&name);
            match row.kind {
                Kind::Missing if holds_records => outcome.lost += 1,
                Kind::Extra if holds_records => outcome.doubled += 1,
                _ => outcome.differing += 1,
            }
        }
        outcome.text.push_str(&differences(name, &stored, expected));
    }
}

/// The last `Err`, if nothing else comes for as long as it may take.
async fn within<F: Future<Output = Result<(), String>>>(ask: impl Fn() -> F) -> Result<(), String> {
    let end = tokio::time::Instant::now() + PUBLISHED_WITHIN;
    loop {
        match ask().await {
            Err(_) if tokio::time::Instant::now() < end => tokio::time::sleep(Duration::from_millis(200)).await,
            other => return other,
        }
    }
}

async fn gauges_differ(trial: &Trial, reference: &Reference) -> Result<(), String> {
    let mut text = String::new();
    for member in trial.fleet.members() {
        let answer = member.get("/metrics").await.ok_or_else(|| format!("no /metrics:\n{}", member.log()))?;
        text.push_str(&answer.text().await.map_err(|error| error.to_string())?);
        text.push('\n');
    }
    let backlog = &reference.views["backlog"];
    let backlog = rows(backlog).map(|row| {
        let provider = row["provider_id"].as_str().unwrap_or("unknown").to_owned();
        (provider, row["scheduled_backlog"].as_i64().unwrap_or_default())
    });
    same(&text, "provider_automation_replay_backlog", "provider_id", backlog.collect())?;
    let mut letters = BTreeMap::new();
    for row in rows(&reference.views["dead_letters"]) {
        *letters.entry(row["reason"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
    }
    same(&text, "foldback_dead_letters", "reason", letters)
}

fn rows(view: &View) -> impl Iterator<Item = &Value> {
    view.values()
}

/// Zeros need no series.
fn same(text: &str, family: &str, label: &str, expected: BTreeMap<String, i64>) -> Result<(), String> {
    let mut shown = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix(&format!("{family}{{{label}=\""))) {
        let (name, value) = line.split_once("\"} ").ok_or_else(|| format!("{family}: {line}"))?;
        let value = value.parse::<f64>().map_err(|error| format!("{family}: {error} in {line}"))?;
        let name = name.replace("\\\"", "\"").replace("\\n", "\n").replace("\\\\", "\\");
        let most = shown.entry(name).or_insert(0);
        *most = (value as i64).max(*most);
    }
    shown.retain(|_, value| *value != 0);
    let expected: BTreeMap<_, _> = expected.into_iter().filter(|(_, value)| *value != 0).collect();
    if shown == expected { Ok(()) } else { Err(format!("{family}\n  shown    {shown:?}\n  expected {expected:?}")) }
}
