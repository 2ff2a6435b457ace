//! Status and its history.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use uuid::Uuid;

use crate::domain::runs::run::{Run, RunStatus};
use crate::domain::runs::status::status_payload;
use crate::domain::timestamp::Timestamp;
use crate::serve::views::{RunHistory, Status};

type Payload = Map<String, Value>;

/// The newest run of each type; null before the first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Status)]
pub struct StatusAnswer {
    #[schema(value_type = Option<RunPayload>)]
    replay: Option<Payload>,
    #[schema(value_type = Option<RunPayload>)]
    alerts: Option<Payload>,
}

/// The newest runs of each type, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = History)]
pub struct HistoryAnswer {
    #[schema(value_type = Vec<RunPayload>)]
    replay: Vec<Payload>,
    #[schema(value_type = Vec<RunPayload>)]
    alerts: Vec<Payload>,
    /// Present, and true, if a list ends before `limit` because more would exceed http.response_bytes_max. The export has
    /// all runs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    truncated: bool,
}

/// A run of an automation worker, as the worker reported it.
///
/// Only describes the JSON that [`status_payload`] builds: a summary is open, and its numbers keep every digit.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", description = "A run of an automation worker, as the worker reported it.")]
#[expect(dead_code, reason = "a description: the JSON comes from status_payload")]
pub struct RunPayload {
    /// The run's id.
    #[schema(examples("e4eaaaf2-d142-11e1-b3e4-080027620cdd"))]
    run_id: Uuid,
    status: RunStatus,
    /// A higher revision corrects a lower one; the highest is shown.
    #[schema(examples(1))]
    revision: i32,
    /// When the run ended.
    #[schema(examples("2026-11-23T10:00:00.000000+00:00"))]
    ran_at: Timestamp,
    /// The worker's own summary; schemas/run-summary.schema.json describes its fields. Fields that it lacks are filled
    /// in from the run's event where possible. Fields beyond that schema are passed on unchanged, and numbers keep
    /// every digit.
    #[schema(value_type = Object, examples(json!({
        "processed": 12, "succeeded": 11, "failed": 1, "scheduledBacklog": 42,
        "nextScheduledAt": "2026-11-23T12:00:00.000000+00:00",
    })))]
    summary: Payload,
    #[schema(schema_with = metadata, required = false)]
    metadata: Payload,
    /// Why the summary or the metadata is left out: the stored one can't be read. Absent otherwise.
    #[schema(required = false)]
    unreadable: String,
}

/// The derive has no `min_properties` for a field.
pub fn metadata() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("What else the worker reported; absent if that is nothing."))
        .min_properties(Some(1))
        .examples([json!({"worker": "replay-1"})])
        .build()
}

impl From<Status> for StatusAnswer {
    fn from(status: Status) -> StatusAnswer {
        let payload = |run: Option<Run>| run.as_ref().map(status_payload);
        StatusAnswer { replay: payload(status.replay), alerts: payload(status.alerts) }
    }
}

impl From<RunHistory> for HistoryAnswer {
    fn from(history: RunHistory) -> HistoryAnswer {
        let payloads = |runs: Vec<Run>| runs.iter().map(status_payload).collect();
        HistoryAnswer { replay: payloads(history.replay), alerts: payloads(history.alerts), truncated: history.is_cut }
    }
}
