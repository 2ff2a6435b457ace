//! `foldback dead-letters list|show|allow|discard`

mod discard;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;

use crate::domain::log::rejection::Reason;
use crate::domain::views::rows::{DeadLetterFilter, DeadLetterRow, DeadLetterWhole};
use crate::store::decisions::allowances::allow;

use super::Failure;
use super::context::Context;
use super::output::{Output, or_dash, plain, print, print_json, table};
use super::read::{from_snapshot, on_connection};

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List dead letters, newest first
    List(List),
    /// Show one dead letter in full
    Show(Show),
    /// Let a record pass the flood guard that stopped its partition
    Allow(Allow),
    /// Close a dead letter for good, with a reason
    Discard(discard::Args),
}

#[derive(Debug, clap::Args)]
pub struct List {
    /// Only dead letters with this reason, such as malformed or key_mismatch
    #[arg(long, value_parser = reason)]
    reason: Option<Reason>,
    /// Only dead letters of this topic
    #[arg(long)]
    topic: Option<String>,
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

#[derive(Debug, clap::Args)]
#[command(mut_arg("json", |json| json.help("Print JSON, with key and value in base64")))]
pub struct Show {
    /// Dead letter id, as shown by `dead-letters list`
    id: i64,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, clap::Args)]
pub struct Allow {
    /// Topic of the record
    topic: String,
    /// Partition of the record
    #[arg(value_parser = clap::value_parser!(i32).range(0..))]
    partition: i32,
    /// Offset of the record, as reported by /readyz and the log
    #[arg(value_parser = clap::value_parser!(i64).range(0..))]
    offset: i64,
}

pub async fn run(verb: Verb, context: Context) -> Result<(), Failure> {
    match verb {
        Verb::List(args) => list(args, context).await,
        Verb::Show(args) => show(args, context).await,
        Verb::Allow(args) => let_pass(args, context).await,
        Verb::Discard(args) => discard::run(args, context).await,
    }
}

fn reason(text: &str) -> Result<Reason, String> {
    let names = || Reason::ALL.map(Reason::as_str).join(", ");
    Reason::parse(text).ok_or_else(|| format!("must be one of {}", names()))
}

async fn list(args: List, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let filter = DeadLetterFilter { reason: args.reason, topic: args.topic, open: !args.all };
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

async fn show(args: Show, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let whole = from_snapshot(&config, async |snapshot| snapshot.view().dead_letter(args.id).await).await?;
    let whole = whole.ok_or_else(|| Failure::failed(format!("there is no dead letter {}", args.id)))?;
    if args.output.json { print_json(&whole_as_json(&whole)) } else { print(&as_text(&whole)) }
}

async fn let_pass(args: Allow, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let allowing = async |conn: &mut PgConnection| allow(conn, &args.topic, args.partition, args.offset).await;
    let is_new = on_connection(&config, allowing).await?;
    let place = format!("{} partition {} offset {}", args.topic, args.partition, args.offset);
    let sentence = if is_new { "may now pass" } else { "was already allowed to pass" };
    print(&format!("the record at {place} {sentence}"))
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
    match (row.discarded_at, row.redriven_at, &row.discarded_why) {
        (Some(_), _, Some(why)) => format!("discarded: {}", plain(why, 80)),
        (Some(_), _, None) => "discarded".to_owned(),
        (None, Some(_), _) => "redriven".to_owned(),
        (None, None, _) => "open".to_owned(),
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

fn as_json(row: &DeadLetterRow) -> Value {
    json!({
        "id": row.id,
        "topic": row.topic,
        "partition": row.position.partition,
        "offset": row.position.offset,
        "keyBytes": row.key_bytes,
        "valueBytes": row.value_bytes,
        "reason": row.reason.as_str(),
        "detail": row.detail,
        "firstSeenAt": row.first_seen_at,
        "redrivenAt": row.redriven_at,
        "discardedAt": row.discarded_at,
        "discardedWhy": row.discarded_why,
        "generation": row.generation,
    })
}

fn whole_as_json(whole: &DeadLetterWhole) -> Value {
    let mut value = as_json(&whole.row);
    value["key"] = json!(whole.key.as_ref().map(|bytes| STANDARD.encode(bytes)));
    value["value"] = json!(whole.value.as_ref().map(|bytes| STANDARD.encode(bytes)));
    value["headers"] = whole.headers.clone();
    value
}

fn as_text(whole: &DeadLetterWhole) -> String {
    let row = &whole.row;
    let facts = [
        ("dead letter", format!("{} (generation {})", row.id, row.generation)),
        ("record", format!("{} partition {} offset {}", row.topic, row.position.partition, row.position.offset)),
        ("reason", row.reason.to_string()),
        ("detail", plain(&row.detail, 1000)),
        ("first seen", row.first_seen_at.to_string()),
        ("redriven", or_dash(row.redriven_at)),
        ("discarded", or_dash(row.discarded_at)),
        ("why", or_dash(row.discarded_why.as_deref().map(|why| plain(why, 1000)))),
        ("key", bytes(whole.key.as_deref())),
        ("value", bytes(whole.value.as_deref())),
        ("headers", plain(&whole.headers.to_string(), 1000)),
    ];
    table(&facts.map(|(name, value)| vec![name.to_owned(), value]))
}

/// The first bytes in hexadecimal, enough to recognize the framing.
fn bytes(bytes: Option<&[u8]>) -> String {
    const SHOWN: usize = 48;
    let Some(bytes) = bytes else { return "null".to_owned() };
    let shown: String = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    let rest = if bytes.len() > SHOWN { "…" } else { "" };
    format!("{} bytes {shown}{rest}", bytes.len())
}
