//! The backlog, by its one definition.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{View, time};

type Scheduled = [(Option<String>, Option<i64>)];

/// The view in Postgres.
pub fn view(scheduled: &Scheduled) -> View {
    let row = |(provider, times): (Option<String>, Vec<Option<i64>>)| {
        let row = json!({
            "provider_id": provider,
            "scheduled_backlog": times.len(),
            "next_scheduled_at": times.iter().flatten().min().map(|micros| time::column(*micros)),
        });
        (provider.unwrap_or_default(), row)
    };
    by_provider(scheduled).into_iter().map(row).collect()
}

/// As readers of Redis and HTTP see it at a moment in microseconds: of all, and by provider.
pub fn backlog_at(scheduled: &Scheduled, now: i64) -> (Value, BTreeMap<String, Value>) {
    let all: Vec<_> = scheduled.iter().map(|(_, time)| *time).collect();
    let each = by_provider(scheduled).into_iter();
    let labelled = each.map(|(provider, times)| (provider.unwrap_or_else(|| "unknown".into()), shown(&times, now)));
    (shown(&all, now), labelled.collect())
}

fn shown(times: &[Option<i64>], now: i64) -> Value {
    json!({
        "scheduledBacklog": times.len(),
        "nextScheduledAt": times.iter().flatten().min().map(|micros| time::iso(*micros)),
        "overdue": times.iter().filter(|time| time.is_none_or(|micros| micros <= now)).count(),
    })
}

fn by_provider(scheduled: &Scheduled) -> BTreeMap<Option<String>, Vec<Option<i64>>> {
    let mut groups: BTreeMap<Option<String>, Vec<Option<i64>>> = BTreeMap::new();
    for (provider, time) in scheduled {
        groups.entry(provider.clone()).or_default().push(*time);
    }
    groups
}
