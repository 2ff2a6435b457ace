//! A run as a row of an export.

use bytes::Bytes;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::runs::run::{Run, RunStatus, RunType};
use crate::domain::runs::status::status_payload;
use crate::domain::timestamp::Timestamp;

use super::runs::metadata;

/// `csv` as in RFC 4180 with a header row, or `jsonl`: one JSON object per line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
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

/// One line of a jsonl export: a run as its worker reported it, with its type and start.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a description: the JSON comes from row()")]
pub struct ExportedRun {
    /// The run's id.
    #[schema(examples("e4eaaaf2-d142-11e1-b3e4-080027620cdd"))]
    run_id: Uuid,
    run_type: RunType,
    status: RunStatus,
    /// A higher revision corrects a lower one; the highest is exported.
    #[schema(examples(1))]
    revision: i32,
    /// When the run started; null if its worker did not report it.
    #[schema(examples("2026-11-23T09:59:58.000000+00:00"))]
    started_at: Option<Timestamp>,
    /// When the run ended.
    #[schema(examples("2026-11-23T10:00:00.000000+00:00"))]
    ran_at: Timestamp,
    /// As in the status.
    #[schema(value_type = Object, examples(json!({"processed": 12, "succeeded": 11, "failed": 1})))]
    summary: Map<String, Value>,
    #[schema(schema_with = metadata, required = false)]
    metadata: Map<String, Value>,
}

const COLUMNS: [&str; 8] = ["runId", "runType", "status", "revision", "startedAt", "ranAt", "summary", "metadata"];

/// What precedes the first row.
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
