//! AutomationRunRecorded, field by field in the order of `schemas/automation-run-event.avsc`.

use crate::domain::runs::run::{Run, RunStatus, RunType};

use super::Invalid;
use super::fields::{Fields, int, number, time};
use super::json::json_object;
use crate::codec::avro::value::Value;

/// In the order of the schema's symbols.
const RUN_TYPES: [RunType; 2] = [RunType::Replay, RunType::Alert];
const RUN_STATUSES: [RunStatus; 4] = [RunStatus::Unknown, RunStatus::Success, RunStatus::Partial, RunStatus::Failed];

pub fn run(value: Value<'_>) -> Result<Run, Invalid> {
    let mut fields = Fields::of(value, "the event")?;
    Ok(Run {
        event_id: fields.uuid("event_id")?,
        run_id: fields.uuid("run_id")?,
        revision: fields.int("revision")?,
        run_type: fields.symbol("run_type", &RUN_TYPES)?,
        status: fields.symbol("status", &RUN_STATUSES)?,
        started_at: fields.optional("started_at", time)?,
        ran_at: fields.time("ran_at")?,
        summary: json_object("summary", fields.text("summary")?)?,
        metadata: json_object("metadata", fields.text("metadata")?)?,
        backlog_total: fields.optional("backlog_total", number)?,
        next_scheduled_at: fields.optional("next_scheduled_at", time)?,
        alerts_sent: fields.optional("alerts_sent", int)?,
        unreadable: None,
    })
}
