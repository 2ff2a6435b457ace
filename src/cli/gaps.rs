//! `foldback gaps`

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::Failure;
use super::age::age;
use super::context::Context;
use super::output::{Output, or_dash, print, print_json, table};
use super::read::from_snapshot;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::gaps::{GapFilter, MissingRange, OrderGaps};
use crate::store::StoreError;
use crate::store::read::{GapLimits, Snapshot};

/// Orders that are looked at in one query, each with its history.
const LOOK_MAX: u32 = 2_000;
/// Missing ranges that a line of the table names.
const RANGES_SHOWN: usize = 8;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this provider order
    #[arg(long, value_name = "UUID")]
    order: Option<Uuid>,
    /// Only orders that have been known to miss an event for this long, such as 15m, 2h or 7d
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<Duration>,
    /// Only orders with a higher id than this one
    #[arg(long, value_name = "UUID")]
    after: Option<Uuid>,
    /// Maximum number to list
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(flatten)]
    output: Output,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let rows = from_snapshot(&config, async |snapshot| read(snapshot, &args).await).await?;
    if args.output.json {
        return print_json(&rows.iter().map(as_json).collect::<Vec<_>>());
    }
    if rows.is_empty() {
        return print("no gaps");
    }
    let head = ["ORDER", "SINCE", "MISSING", "OF", "SEQUENCES"].map(str::to_owned).to_vec();
    print(&table(&std::iter::once(head).chain(rows.iter().map(row)).collect::<Vec<_>>()))
}

async fn read(snapshot: &mut Snapshot, args: &Args) -> Result<Vec<OrderGaps>, StoreError> {
    let filter = GapFilter { order: args.order, since_before: args.older_than.map(|age| before(snapshot.as_of, age)) };
    let (mut rows, mut after) = (Vec::new(), args.after);
    loop {
        let left = args.limit - u32::try_from(rows.len()).unwrap_or(args.limit);
        let limits = GapLimits { rows_max: left.min(LOOK_MAX - 1), orders_max: LOOK_MAX };
        let page = snapshot.view().gaps(&filter, after, limits).await?;
        rows.extend(page.rows);
        after = page.next_after;
        if after.is_none() || rows.len() >= args.limit as usize {
            return Ok(rows);
        }
    }
}

/// By Postgres's clock.
fn before(now: Timestamp, age: Duration) -> Timestamp {
    let micros = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.micros().saturating_sub(micros)).unwrap_or(Timestamp::MIN)
}

fn row(gaps: &OrderGaps) -> Vec<String> {
    vec![
        gaps.provider_order_id.to_string(),
        or_dash(gaps.since),
        gaps.missing_events.to_string(),
        gaps.last_sequence.to_string(),
        sequences(gaps),
    ]
}

/// `2, 5-7, …`
fn sequences(gaps: &OrderGaps) -> String {
    let range = |range: &MissingRange| match range {
        MissingRange { first, last } if first == last => first.to_string(),
        MissingRange { first, last } => format!("{first}-{last}"),
    };
    let mut shown: Vec<String> = gaps.missing.iter().take(RANGES_SHOWN).map(range).collect();
    if gaps.missing_ranges > i64::try_from(shown.len()).unwrap_or(i64::MAX) {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

fn as_json(gaps: &OrderGaps) -> Value {
    let range = |range: &MissingRange| json!({"first": range.first, "last": range.last});
    json!({
        "providerOrderId": gaps.provider_order_id,
        "since": gaps.since,
        "lastSequence": gaps.last_sequence,
        "missingEvents": gaps.missing_events,
        "missing": gaps.missing.iter().map(range).collect::<Vec<_>>(),
        "missingRanges": gaps.missing_ranges,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_first_ranges() {
        let gaps = |ranges: &[(i64, i64)]| OrderGaps {
            provider_order_id: Uuid::nil(),
            since: None,
            last_sequence: 100,
            missing_events: 1,
            missing: ranges.iter().map(|(first, last)| MissingRange { first: *first, last: *last }).collect(),
            missing_ranges: ranges.len() as i64,
        };
        assert_eq!(sequences(&gaps(&[(2, 2), (5, 7)])), "2, 5-7");
        let many: Vec<(i64, i64)> = (1..=9).map(|n| (n * 2, n * 2)).collect();
        assert_eq!(sequences(&gaps(&many)), "2, 4, 6, 8, 10, 12, 14, 16, …");
    }
}
