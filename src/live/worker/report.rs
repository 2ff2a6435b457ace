//! Reports a commit to the metrics.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::Utc;

use crate::domain::log::record::Topics;
use crate::domain::timestamp::Timestamp;
use crate::observe::metrics;
use crate::projection::{Folded, Item};

/// Reports the outcomes of a committed batch.
pub fn report_commit(items: &[Item], folded: &Folded, started: Instant, topics: &Topics) {
    for (stream, tally) in &folded.changes.tally {
        metrics::records(topics.name(*stream), *tally);
    }
    for entry in &folded.changes.runs {
        metrics::summary_drift(&entry.drift);
    }
    metrics::commit_seconds(started.elapsed());
    for (millis, count) in ages(items, Timestamp::from_datetime(Utc::now())) {
        metrics::event_to_commit(Duration::from_millis(millis), count);
    }
}

/// Number of records by age in milliseconds: most records of a batch share a few ages.
fn ages(items: &[Item], now: Timestamp) -> BTreeMap<u64, usize> {
    let mut ages = BTreeMap::new();
    for recorded_at in items.iter().filter_map(|item| item.record.recorded_at) {
        let micros = now.micros().saturating_sub(recorded_at.micros());
        // A publisher's clock may be ahead of ours.
        *ages.entry(u64::try_from(micros / 1000).unwrap_or(0)).or_default() += 1;
    }
    ages
}
