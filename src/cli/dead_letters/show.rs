//! `foldback dead-letters show`: one dead letter, decoded as far as it can be.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::list;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::output::{Output, or_dash, plain, print, print_json, table};
use crate::cli::read::from_snapshot;
use crate::domain::log::described::{Described, SchemaName};
use crate::domain::log::record::{Header, traceparent};
use crate::domain::views::rows::DeadLetterWhole;
use crate::registry::describe::describe;

/// How long somebody who looks at one record may wait for its schema.
const SCHEMA_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
#[command(mut_arg("json", |json| json.help("Print JSON, with key and value in base64")))]
pub struct Args {
    /// Dead letter id, as shown by `dead-letters list`
    id: i64,
    #[command(flatten)]
    output: Output,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let whole = from_snapshot(&config, async |snapshot| snapshot.view().dead_letter(args.id, i64::MAX).await).await?;
    let whole = whole.ok_or_else(|| Failure::failed(format!("there is no dead letter {}", args.id)))?;
    let described = match &whole.value {
        Some(value) => {
            describe(&config, value, SCHEMA_MAX).await.map_err(|error| Failure::failed(error.to_string()))?
        }
        None => Described::unreadable(None, "the value is null"),
    };
    if args.output.json { print_json(&as_json(&whole, &described)) } else { print(&as_text(&whole, &described)) }
}

fn as_json(whole: &DeadLetterWhole, described: &Described) -> Value {
    let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
    let header = |header: &Header| {
        let value = header.value.as_deref().map(base64);
        json!({ "key": header.key, "value": value, "text": header.text() })
    };
    let mut value = list::as_json(&whole.row);
    value["key"] = json!(whole.key.as_deref().map(base64));
    value["value"] = json!(whole.value.as_deref().map(base64));
    value["headers"] = whole.headers.iter().map(header).collect();
    value["traceparent"] = json!(traceparent(&whole.headers));
    let (id, fingerprint) = match &described.framing {
        Some(SchemaName::RegistryId(id)) => (Some(id), None),
        Some(SchemaName::Fingerprint(fingerprint)) => (None, Some(fingerprint)),
        None => (None, None),
    };
    value["decoded"] = json!({
        "schemaId": id,
        "fingerprint": fingerprint,
        "schema": described.schema,
        "record": described.record,
        "problem": described.problem,
    });
    value
}

fn as_text(whole: &DeadLetterWhole, described: &Described) -> String {
    let row = &whole.row;
    let redriven = match (row.redriven_at, row.redriven_as) {
        (Some(at), Some(accepted)) => format!("{at}: {}", accepted.as_str()),
        (at, _) => or_dash(at),
    };
    let facts = [
        ("dead letter", format!("{} (generation {})", row.id, row.generation)),
        ("record", format!("{} partition {} offset {}", row.topic, row.position.partition, row.position.offset)),
        ("recorded", or_dash(row.recorded_at)),
        ("reason", row.reason.to_string()),
        ("detail", plain(&row.detail, 1000)),
        ("first seen", row.first_seen_at.to_string()),
        ("redriven", redriven),
        ("discarded", or_dash(row.discarded_at)),
        ("why", or_dash(row.discarded_why.as_deref().map(|why| plain(why, 1000)))),
        ("key", key(whole.key.as_deref())),
        ("value", bytes(whole.value.as_deref())),
        ("framing", framing(described)),
        ("schema", or_dash(described.schema.as_deref().map(|schema| plain(schema, 1000)))),
        ("decoding", described.problem.as_deref().map_or("complete".to_owned(), |problem| plain(problem, 1000))),
        ("traceparent", or_dash(traceparent(&whole.headers).map(|text| plain(text, 200)))),
        ("headers", if whole.headers.is_empty() { "none".to_owned() } else { whole.headers.len().to_string() }),
    ];
    let rows = facts.map(|(name, value)| vec![name.to_owned(), value]);
    let headers: String = whole.headers.iter().map(header).collect();
    format!("{}{headers}{}", table(&rows), record(described))
}

fn header(header: &Header) -> String {
    let value = match (header.text(), &header.value) {
        (Some(text), _) => plain(text, 1000),
        (None, value) => bytes(value.as_deref()),
    };
    format!("  {}: {value}\n", plain(&header.key, 200))
}

fn framing(described: &Described) -> String {
    match &described.framing {
        Some(SchemaName::RegistryId(id)) => format!("Confluent, schema id {id}"),
        Some(SchemaName::Fingerprint(fingerprint)) => format!("Avro single object, fingerprint {fingerprint}"),
        None => "none that is known".to_owned(),
    }
}

/// JSON escapes some control characters, and a record may hold others.
fn record(described: &Described) -> String {
    let Some(record) = &described.record else { return String::new() };
    // A value made of strings, numbers and lists always serializes.
    let text = serde_json::to_string_pretty(record).unwrap_or_default();
    text.lines().map(|line| format!("{}\n", plain(line, usize::MAX))).collect()
}

/// A key is meant to be read.
fn key(key: Option<&[u8]>) -> String {
    match key.and_then(|bytes| std::str::from_utf8(bytes).ok()) {
        Some(text) if !text.contains(char::is_control) => format!("{} ({text:.200})", bytes(key)),
        _ => bytes(key),
    }
}

/// The first bytes in hexadecimal, enough to recognize the framing.
fn bytes(bytes: Option<&[u8]>) -> String {
    const SHOWN: usize = 48;
    let Some(bytes) = bytes else { return "null".to_owned() };
    let shown: String = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    let rest = if bytes.len() > SHOWN { "…" } else { "" };
    format!("{} bytes {shown}{rest}", bytes.len())
}
