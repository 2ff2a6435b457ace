//! Whether the process is alive, whether it is ready, and its metrics.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::domain::timestamp::Timestamp;
use crate::observe::health::{Condition, Severity};

use super::refusals::Unauthorized;
use super::state::App;

/// Whether the instance is ready to take work.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
struct Ready {
    /// True if there are no `reasons`.
    ready: bool,
    /// What keeps it from being ready.
    reasons: Vec<Reason>,
    /// What it works without; none of these makes it unready.
    degraded: Vec<Reason>,
}

/// Something that is wrong with the instance, or with what it depends on.
#[derive(Serialize, ToSchema)]
#[schema(as = Condition)]
struct Reason {
    /// A name for programs: a dependency, or a guard with its partition.
    #[schema(examples("redis"))]
    name: String,
    /// What is wrong, and what to do, in a sentence.
    #[schema(examples("Redis is not available: connection refused"))]
    detail: String,
    /// When it was first noticed.
    #[schema(examples("2026-11-23T10:00:00.000000+00:00"))]
    since: Timestamp,
}

/// The process is alive.
#[derive(Serialize, ToSchema)]
#[schema(as = Liveness)]
struct Alive {
    /// Always true.
    #[schema(schema_with = always_true)]
    alive: bool,
}

fn always_true() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).description(Some("Always true.")).build()
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/livez", security(()), responses((status = 200, description = "It is.", body = Alive)))]
pub async fn livez() -> impl IntoResponse {
    Json(Alive { alive: true })
}

/// Whether the instance is ready, with every reason why not.
#[utoipa::path(get, path = "/readyz", security(()), responses(
    (status = 200, description = "Ready, perhaps degraded.", body = Ready),
    (status = 503, description = "Not ready.", body = Ready),
))]
pub async fn readyz(State(app): State<App>) -> impl IntoResponse {
    let mut ready = Ready { ready: true, reasons: Vec::new(), degraded: Vec::new() };
    for (name, condition) in app.readiness.conditions() {
        match condition.severity {
            Severity::Unready => ready.reasons.push(Reason::new(name, condition)),
            Severity::Degraded => ready.degraded.push(Reason::new(name, condition)),
        }
    }
    ready.ready = ready.reasons.is_empty();
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ready))
}

/// Prometheus metrics.
#[utoipa::path(get, path = "/metrics", responses(
    (status = 200, description = "Metrics in the text format 0.0.4.", body = String, content_type = "text/plain"),
    Unauthorized,
))]
pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (app.render_metrics)())
}

impl Reason {
    fn new(name: String, condition: Condition) -> Reason {
        Reason { name, detail: condition.detail, since: Timestamp::from_datetime(condition.since) }
    }
}
