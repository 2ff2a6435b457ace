//! Which sequences an order misses, and since when the log shows it.

use serde_json::{Value, json};

use super::history::{History, Incumbent};
use super::{View, time};

/// As the API lists them, by order.
pub fn view(history: &History<'_>) -> View {
    let rows = history.orders.iter().filter_map(|(id, events)| {
        let mut row = gaps(events.iter())?;
        row["providerOrderId"] = json!(id.to_string());
        Some((id.to_string(), row))
    });
    rows.collect()
}

/// None where nothing is missing.
fn gaps<'e>(events: impl Iterator<Item = (&'e i64, &'e Incumbent<'e>)>) -> Option<Value> {
    let (mut missing, mut next, mut count, mut since) = (Vec::new(), 1, 0, i64::MAX);
    for (sequence, standing) in events {
        if *sequence > next {
            missing.push(json!({"first": next, "last": sequence - 1}));
            count += sequence - next;
        }
        // whatever lies behind the first gap shows it
        if !missing.is_empty() {
            since = since.min(standing.record.draft.timestamp_millis);
        }
        next = sequence + 1;
    }
    let row = json!({
        "since": time::iso(since.checked_mul(1000)?),
        "lastSequence": next - 1,
        "missingEvents": count,
        "missingRanges": missing.len(),
        "missing": missing,
    });
    Some(row)
}
