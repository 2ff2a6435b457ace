//! A run as a row of an export.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::domain::runs::run::Run;
use crate::domain::runs::status::status_payload;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Jsonl,
}

impl Format {
    pub fn parse(text: &str) -> Option<Format> {
        match text {
            "csv" => Some(Format::Csv),
            "jsonl" => Some(Format::Jsonl),
            _ => None,
        }
    }

    pub fn extension(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Jsonl => "jsonl",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8; header=present",
            Format::Jsonl => "application/x-ndjson",
        }
    }
}

const COLUMNS: [&str; 8] = ["runId", "runType", "status", "revision", "startedAt", "ranAt", "summary", "metadata"];

/// What stands before the first row.
pub fn head(format: Format) -> Bytes {
    match format {
        Format::Csv => csv_line(COLUMNS.map(str::to_owned)),
        Format::Jsonl => Bytes::new(),
    }
}

/// The status payload, with the run's type and start.
pub fn row(format: Format, run: &Run) -> Bytes {
    let mut payload = status_payload(run);
    payload.insert("runType".into(), run.run_type.as_str().into());
    payload.insert("startedAt".into(), run.started_at.map(|time| time.to_string()).into());
    match format {
        Format::Csv => csv_line(COLUMNS.map(|column| cell(&payload, column))),
        Format::Jsonl => Bytes::from(format!("{}\n", Value::Object(payload))),
    }
}

/// Objects as JSON text; nothing for null.
fn cell(payload: &Map<String, Value>, column: &str) -> String {
    match payload.get(column) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// RFC 4180: quoted where needed, ended by CRLF. No cell can start a spreadsheet formula: each is an id, a name
/// of ours, a time, a number or a JSON object.
fn csv_line(cells: [String; COLUMNS.len()]) -> Bytes {
    let mut line = cells.map(|cell| quoted(&cell)).join(",");
    line.push_str("\r\n");
    line.into()
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}
