//! `foldback dead-letters list`

use serde_json::{Value, json};

use super::filters::Filters;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::output::{Output, plain, print, print_json, table};
use crate::cli::read::from_snapshot;
use crate::domain::views::rows::DeadLetterRow;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    filters: Filters,
    /// Include those that were redriven or discarded
    #[arg(long)]
    all: bool,
    /// Only dead letters with a lower id than this one
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// Maximum number to list
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(flatten)]
    output: Output,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let filter = args.filters.filter(!args.all);
    let rows =
        from_snapshot(&config, async |snapshot| snapshot.view().dead_letters(&filter, args.before, args.limit).await);
    let rows = rows.await?;
    if args.output.json {
        return print_json(&rows.iter().map(as_json).collect::<Vec<_>>());
    }
    if rows.is_empty() {
        return print("no dead letters");
    }
    print(&table(&listed(&rows, args.all)))
}

/// With `all`, a column says what became of each.
fn listed(rows: &[DeadLetterRow], all: bool) -> Vec<Vec<String>> {
    let head = ["ID", "TOPIC", "PARTITION", "OFFSET", "REASON", "FIRST SEEN"].map(str::to_owned).to_vec();
    let mut lines: Vec<Vec<String>> = std::iter::once(head).chain(rows.iter().map(row)).collect();
    if all {
        let fates = std::iter::once("FATE".to_owned()).chain(rows.iter().map(fate));
        lines.iter_mut().zip(fates).for_each(|(line, fate)| line.push(fate));
    }
    let details = std::iter::once("DETAIL".to_owned()).chain(rows.iter().map(|row| plain(&row.detail, 120)));
    lines.iter_mut().zip(details).for_each(|(line, detail)| line.push(detail));
    lines
}

fn fate(row: &DeadLetterRow) -> String {
    match (row.discarded_at, row.redriven_at, &row.discarded_why, row.redriven_as) {
        (Some(_), _, Some(why), _) => format!("discarded: {}", plain(why, 80)),
        (Some(_), _, None, _) => "discarded".to_owned(),
        (None, Some(_), _, Some(accepted)) => format!("redriven: {}", accepted.as_str()),
        (None, Some(_), _, None) => "redriven".to_owned(),
        (None, None, ..) => "open".to_owned(),
    }
}

fn row(row: &DeadLetterRow) -> Vec<String> {
    vec![
        row.id.to_string(),
        plain(&row.topic, 249),
        row.position.partition.to_string(),
        row.position.offset.to_string(),
        row.reason.to_string(),
        row.first_seen_at.to_string(),
    ]
}

pub fn as_json(row: &DeadLetterRow) -> Value {
    json!({
        "id": row.id,
        "topic": row.topic,
        "partition": row.position.partition,
        "offset": row.position.offset,
        "recordedAt": row.recorded_at,
        "keyBytes": row.key_bytes,
        "valueBytes": row.value_bytes,
        "reason": row.reason.as_str(),
        "detail": row.detail,
        "firstSeenAt": row.first_seen_at,
        "redrivenAt": row.redriven_at,
        "redrivenAs": row.redriven_as.map(|accepted| accepted.as_str()),
        "discardedAt": row.discarded_at,
        "discardedWhy": row.discarded_why,
        "generation": row.generation,
    })
}
