//! Checks that a generation must pass to go live.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;
use tokio_util::sync::CancellationToken;

use super::error::RebuildError;
use super::options::{Check, Depth};
use crate::domain::generations::difference::Differences;
use crate::domain::log::key_share::KeySample;
use crate::domain::log::partition::StreamPartition;
use crate::load::{Built, LoadContext};
use crate::store::Generation;
use crate::store::generations::unexplained;
use crate::store::load::{Facts, facts, filled, miscounted_backlogs};
use crate::verify::{self, LogPart};

/// Maximum examples in a check's detail.
const EXAMPLES: i64 = 3;

/// Compares a generation's row counts with each other.
pub async fn counts(conn: &mut PgConnection, generation: Generation) -> Result<Check, RebuildError> {
    let Facts { events, orders, sequences, counted_orders } = facts(conn, generation).await?;
    let passed = events == sequences && orders == counted_orders;
    let detail = if passed {
        format!("{events} events of {orders} orders, each folded once")
    } else {
        format!(
            "the history has {events} events, but the orders have folded {sequences}; there are {orders} orders, but \
             telemetry counts {counted_orders}"
        )
    };
    Ok(Check { name: "counts", passed, detail })
}

/// Result of folding the log (or a sample) a second time.
pub struct Second {
    sample: KeySample,
    built: Built,
    differences: Differences,
}

/// Refolds the log up to the generation's checkpoints, and compares once the generation is `whole` (complete). `None`:
/// the sample is empty.
pub async fn compared(
    ctx: &LoadContext,
    generation: Generation,
    log: LogPart<'_>,
    depth: Depth,
    whole: impl Future<Output = ()>,
    stop: &CancellationToken,
) -> Result<Option<Second>, RebuildError> {
    let sample = match depth {
        Depth::Sample(0) => return Ok(None),
        Depth::Sample(per_million) => KeySample { per_million },
        Depth::Full => KeySample::ALL,
    };
    let (built, differences) = verify::compare_with_log(ctx, generation, log, sample, whole, stop).await?;
    Ok(Some(Second { sample, built, differences }))
}

/// Checks from the second fold. `records`: how many records the first fold read per partition; empty if not known.
pub fn second(ctx: &LoadContext, records: &BTreeMap<StreamPartition, u64>, second: &Second) -> Vec<Check> {
    vec![read_twice(ctx, records, &second.built), refolded(second)]
}

/// The views must be what the second fold gives.
pub fn refolded(second: &Second) -> Check {
    differences_check(second.sample, &second.differences)
}

/// Both passes must have read the same number of records from every partition.
fn read_twice(ctx: &LoadContext, first: &BTreeMap<StreamPartition, u64>, again: &Built) -> Check {
    // A generation that was folded live has no counts.
    let wrong =
        first.iter().find(|(partition, records)| again.records.get(partition).copied().unwrap_or(0) != **records);
    let total: u64 = again.records.values().sum();
    let detail = match wrong {
        None => format!("{total} records in the log, as counted in a second pass"),
        Some((partition, records)) => format!(
            "topic {}, partition {}: {records} records were folded, but a second pass found {}",
            ctx.topics.name(partition.stream),
            partition.index,
            again.records.get(partition).copied().unwrap_or(0)
        ),
    };
    Check { name: "log", passed: wrong.is_none(), detail }
}

fn differences_check(sample: KeySample, differences: &Differences) -> Check {
    let share = f64::from(sample.per_million) / 10_000.0;
    let passed = differences.is_empty();
    let example =
        differences.named.first().map(|one| format!(", such as {} {}", one.view, one.key)).unwrap_or_default();
    let detail = if passed {
        format!("{share} % of orders refolded: identical")
    } else {
        format!("{share} % of orders refolded: {} rows differ{example}", differences.total())
    };
    Check { name: "sample", passed, detail }
}

/// Checks for dead letters that the live generation doesn't have.
pub async fn dead_letters(
    conn: &mut PgConnection,
    next: Generation,
    live: Generation,
    accepted: bool,
) -> Result<Check, RebuildError> {
    let (count, examples) = unexplained(conn, next, live, EXAMPLES).await?;
    let examples: Vec<String> = examples
        .iter()
        .map(|letter| {
            format!(
                "topic {}, partition {}, offset {} ({})",
                letter.topic, letter.partition, letter.offset, letter.reason
            )
        })
        .collect();
    let detail = match (count, accepted) {
        (0, _) => format!("no dead letters beyond generation {}'s", live.0),
        (_, true) => format!("{count} beyond generation {}'s, accepted: {}", live.0, examples.join("; ")),
        (_, false) => format!(
            "{count} beyond generation {}'s: {}; inspect them in {}.dead_letters, then mend their cause, or accept \
             them with --accept-dead-letters",
            live.0,
            examples.join("; "),
            next.schema()
        ),
    };
    Ok(Check { name: "dead_letters", passed: count == 0 || accepted, detail })
}

/// Checks that no view is empty unless the live one is.
pub async fn not_empty(conn: &mut PgConnection, next: Generation, live: Generation) -> Result<Check, RebuildError> {
    let (new, old) = (filled(conn, next).await?, filled(conn, live).await?);
    let pairs = new.iter().zip(&old);
    let empty: Vec<&str> = pairs.filter(|((_, new), (_, old))| !*new && *old).map(|((table, _), _)| *table).collect();
    let detail = if empty.is_empty() {
        format!("no view lost its rows compared to generation {}", live.0)
    } else {
        format!("empty, unlike in generation {}: {}", live.0, empty.join(", "))
    };
    Ok(Check { name: "not_empty", passed: empty.is_empty(), detail })
}

/// Checks that each provider's backlog, which is counted as events are folded, is the number of its scheduled replays.
pub async fn backlog(conn: &mut PgConnection, generation: Generation) -> Result<Check, RebuildError> {
    let wrong = miscounted_backlogs(conn, generation).await?;
    let detail = match wrong.first() {
        None => "every provider's backlog is the number of its scheduled replays".to_owned(),
        Some(miscounted) => format!(
            "{} providers' backlogs are not the number of their scheduled replays, such as {}'s: {} counted, {} there",
            wrong.len(),
            miscounted.provider_id.as_deref().unwrap_or("(unknown)"),
            miscounted.counted,
            miscounted.scheduled
        ),
    };
    Ok(Check { name: "backlog", passed: wrong.is_empty(), detail })
}

/// Checks that every partition is close to the end of the log.
pub fn positions(ctx: &LoadContext, behind: &BTreeMap<StreamPartition, i64>) -> Check {
    let lag: i64 = behind.values().sum();
    let worst = behind.iter().max_by_key(|(_, lag)| **lag);
    let bound = i64::try_from(ctx.config.rebuild.lag_records_max).unwrap_or(i64::MAX);
    let detail = match worst {
        Some((partition, worst)) if *worst > 0 => format!(
            "{lag} offsets behind the end of the log, most in topic {}, partition {} ({worst})",
            ctx.topics.name(partition.stream),
            partition.index
        ),
        _ => "every partition is at the end of the log".to_owned(),
    };
    Check { name: "positions", passed: lag <= bound, detail }
}
